"""/v1/attributes. Wired by `app`."""

from credtrail.attributes import store
from credtrail.attributes.model import (
    MOST,
    AttributeAnswer,
    AttributeChange,
    NewAttribute,
    default_attributes,
    present_attribute,
    tag_from,
)
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.errors import Refusal, invalid
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint


class Attributes:
    """Attributes of the caller's workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        one, tag = "/attributes/{id}", "Attributes"
        return [
            Endpoint(
                "GET",
                "/attributes",
                self.list_all,
                "List attributes",
                list[AttributeAnswer],
                description="All of them, not in pages: first those that every workspace has, then the workspace's own.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                "/attributes",
                self.create,
                "Create a custom attribute",
                AttributeAnswer,
                201,
                body=NewAttribute,
                refusals=("conflict",),
                tag=tag,
            ),
            Endpoint(
                "PATCH",
                one,
                self.change,
                "Rename a custom attribute",
                AttributeAnswer,
                body=AttributeChange,
                refusals=("not_found",),
                tag=tag,
            ),
            Endpoint(
                "DELETE",
                one,
                self.delete,
                "Delete a custom attribute",
                None,
                204,
                refusals=("not_found",),
                description="Credentials keep the values they have.",
                tag=tag,
            ),
        ]

    async def list_all(self, call: Call) -> Answer:
        """Every attribute of the workspace, as a bare array."""
        workspace_id = call.caller.workspace_id
        own = await self._database.read(lambda transaction: store.list_attributes(transaction, workspace_id))
        return answer(200, [present_attribute(one) for one in (*default_attributes(workspace_id), *own)])

    async def create(self, call: Call) -> Answer:
        """Create a custom attribute; a tag that the workspace has is a conflict."""
        new: NewAttribute = call.body
        tag = new.tag or tag_from(new.name)
        if not tag:
            raise invalid("tag", "is required where the name has no letters from a to z")

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            workspace_id = call.caller.workspace_id
            if store.find_by_tag(transaction, workspace_id, [tag]):
                raise Refusal("conflict", f"There is an attribute with the tag {tag} already")
            if store.count_attributes(transaction, workspace_id) >= MOST:
                raise Refusal("conflict", f"A workspace can have {MOST} attributes")
            made = store.add_attribute(transaction, workspace_id, tag, new.name, new.type)
            return answer(201, present_attribute(made)), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def change(self, call: Call) -> Answer:
        """Give a custom attribute another name."""
        change: AttributeChange = call.body

        def act(transaction: Transaction) -> Answer:
            found = store.find_attribute(transaction, call.caller.workspace_id, call.path["id"])
            if found is None:
                raise Refusal("not_found")
            return answer(200, present_attribute(store.rename_attribute(transaction, found, change.name)))

        return await self._database.write(act)

    async def delete(self, call: Call) -> Answer:
        """Delete a custom attribute; 404 the second time."""
        gone = await self._database.write(
            lambda transaction: store.delete_attribute(transaction, call.caller.workspace_id, call.path["id"])
        )
        if not gone:
            raise Refusal("not_found")
        return Answer(204, b"")
