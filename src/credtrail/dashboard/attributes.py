"""Attributes: what credentials say beside name and dates. Wired by `app`."""

from typing import Any

from msgspec.json import encode
from starlette.responses import Response

from credtrail.attributes import acts
from credtrail.attributes.model import Attribute, AttributeChange, NewAttribute, default_attributes
from credtrail.attributes.store import list_attributes
from credtrail.credentials.store import count_with_attribute
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.web.parse import parse_body

KINDS = (("text", "text"), ("date", "date"), ("number", "number"), ("image", "picture"))


class Attributes:
    """The workspace's own, beside those that every workspace has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self) -> list[View]:
        """Everybody sees; editors change."""
        path = "/w/{workspace_id}/attributes"
        one = path + "/{attribute_id}"
        return [
            View("GET", path, self.show),
            View("POST", path, self.create, "editor"),
            View("POST", path + "/undo", self.restore, "editor"),
            View("GET", one, self.show_one, "editor"),
            View("POST", one, self.rename, "editor"),
            View("POST", one + "/delete", self.delete, "editor"),
        ]

    async def show(self, visit: Visit) -> Response:
        """The list and the form."""
        return visit.page("attributes.html", problems={}, **await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        own = await self._database.read(lambda tx: list_attributes(tx, visit.workspace_id))
        return {"own": own, "built_in": default_attributes(visit.workspace_id), "kinds": KINDS}

    async def create(self, visit: Visit) -> Response:
        """A new one; its tag can't be changed later, since designs and programs call it by that."""
        asked = {"name": visit.text("name"), "tag": visit.text("tag") or None, "type": visit.text("type")}

        def act(transaction: Transaction) -> Attribute:
            made = acts.create_attribute(transaction, visit.workspace_id, new)
            visit.note(transaction, "attribute_created", f"custom.{made.tag}")
            return made

        try:
            new = parse_body(NewAttribute, encode(asked))
            made = await self._database.write(act)
        except Refusal as refusal:
            return visit.again("attributes.html", refusal, **await self._list(visit))
        return visit.go(
            f"{visit.home}/attributes", f"Made: [custom.{made.tag}] stands for it in designs and mails"
        )

    async def show_one(self, visit: Visit) -> Response:
        """To rename or delete it; how many credentials have it is counted here, since it takes a look at each."""
        return visit.page(
            "attribute.html", problems={}, **await self._database.read(lambda tx: _find(tx, visit))
        )

    async def rename(self, visit: Visit) -> Response:
        """Another name; the tag stays."""

        def act(transaction: Transaction) -> None:
            renamed = acts.rename_attribute(
                transaction, visit.workspace_id, visit.path("attribute_id"), change.name
            )
            visit.note(transaction, "attribute_renamed", f"custom.{renamed.tag}")

        try:
            change = parse_body(AttributeChange, encode({"name": visit.text("name")}))
            await self._database.write(act)
        except Refusal as refusal:
            if refusal.kind == "not_found":
                raise
            values = await self._database.read(lambda tx: _find(tx, visit))
            return visit.again("attribute.html", refusal, **values)
        return visit.go(f"{visit.home}/attributes", "Renamed")

    async def delete(self, visit: Visit) -> Response:
        """It can't be given any more; credentials keep the values they have."""

        def act(transaction: Transaction) -> Attribute:
            gone = acts.delete_attribute(transaction, visit.workspace_id, visit.path("attribute_id"))
            visit.note(transaction, "attribute_deleted", f"custom.{gone.tag}")
            return gone

        gone = await self._database.write(act)
        undo = visit.undo_of(f"{visit.home}/attributes/undo", gone)
        return visit.go(f"{visit.home}/attributes", f"The attribute {gone.name} is deleted", undo)

    async def restore(self, visit: Visit) -> Response:
        """Bring back one that was deleted just now."""
        gone = visit.read_undo(Attribute)

        def act(transaction: Transaction) -> None:
            acts.restore_attribute(transaction, gone)
            visit.note(transaction, "attribute_restored", f"custom.{gone.tag}")

        await self._database.write(act)
        return visit.go(f"{visit.home}/attributes", f"The attribute {gone.name} is back")


def _find(transaction: Transaction, visit: Visit) -> dict[str, Any]:
    one = acts.get_attribute(transaction, visit.workspace_id, visit.path("attribute_id"))
    return {
        "one": one,
        "kind": dict(KINDS)[one.type],
        "count": count_with_attribute(transaction, visit.workspace_id, one.tag),
    }
