"""/v1/designs. Wired by `app`."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs import store
from credtrail.designs.acts import (
    change_design,
    delete_unused,
    document_of,
    lock_own,
    make_design,
    sample_paths,
)
from credtrail.designs.document import Document, document_schema
from credtrail.designs.model import Design, DesignAnswer, DesignChange, NewDesign, present_design
from credtrail.errors import Kind, Refusal, invalid
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination

_MUST = "is required: a document, or copyOf with the id of a design"


class DesignsPage(Struct):
    """One page of designs, newest first."""

    data: list[DesignAnswer]
    pagination: Pagination


class Designs:
    """The designs that a workspace's groups can use: the built-in ones and its own.

    `public_url` is where their pictures are served; `is_used` tells whether any group has a design.
    """

    def __init__(
        self,
        database: Database,
        cursors: Cursors,
        public_url: str,
        is_used: Callable[[Transaction, str], bool],
    ) -> None:
        self._database = database
        self._cursors = cursors
        self._public_url = public_url
        self._is_used = is_used

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        one, tag = "/designs/{id}", "Designs"
        missing: tuple[Kind, ...] = ("not_found",)
        refused: tuple[Kind, ...] = ("not_found", "conflict")
        return [
            Endpoint(
                "GET", "/designs", self.list_page, "List designs", DesignsPage, query=PageQuery, tag=tag
            ),
            Endpoint(
                "POST",
                "/designs",
                self.create,
                "Create a design",
                DesignAnswer,
                201,
                body=NewDesign,
                refusals=refused,
                description="From a document, or as a copy of another design (`copyOf`).",
                tag=tag,
            ),
            Endpoint(
                "GET",
                "/designs/schema",
                self.get_schema,
                "Get the JSON schema of a design's document",
                dict[str, Any],
                tag=tag,
            ),
            Endpoint("GET", one, self.get, "Get a design", DesignAnswer, refusals=missing, tag=tag),
            Endpoint(
                "PATCH",
                one,
                self.change,
                "Change a design",
                DesignAnswer,
                body=DesignChange,
                refusals=refused,
                description="The documents of all credentials that use it follow. A built-in design can't be changed.",
                tag=tag,
            ),
            Endpoint(
                "DELETE",
                one,
                self.delete,
                "Delete a design",
                None,
                204,
                refusals=refused,
                description="Only a design that no group uses can be deleted.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{one}/document",
                self.get_document,
                "Get the document of a design",
                Document,
                refusals=missing,
                description="Of a built-in design: one that looks much like it, to begin with.",
                tag=tag,
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """All designs, newest first."""
        workspace_id = call.caller.workspace_id
        scope = ("designs", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)

        def ask(transaction: Transaction) -> DesignsPage:
            found = store.list_designs(transaction, workspace_id, **slice_._asdict())
            page, pagination = self._cursors.page(found, slice_, scope, lambda design: design.id)
            return DesignsPage(self._present(transaction, workspace_id, page), pagination)

        return answer(200, await self._database.read(ask))

    async def get(self, call: Call) -> Answer:
        """One design."""
        return await self._database.read(
            lambda transaction: self._answer(200, transaction, call, _get(transaction, call, call.path["id"]))
        )

    async def get_document(self, call: Call) -> Answer:
        """What an editor opens."""
        design = await self._database.read(lambda transaction: _get(transaction, call, call.path["id"]))
        return answer(200, document_of(design))

    async def get_schema(self, _: Call) -> Answer:
        """The schema, made of the very types that read documents."""
        return answer(200, document_schema())

    async def create(self, call: Call) -> Answer:
        """Create an own design; refuses a document that isn't whole, and images that aren't there."""
        new: NewDesign = call.body
        if (new.document is None) == (new.copy_of is None):
            raise invalid("document", _MUST if new.document is None else "must not come together with copyOf")

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            document = new.document
            if document is None:
                copied = _find(transaction, call, new.copy_of or "")
                if copied is None:
                    raise invalid("copyOf", "must be the id of a design")
                document = document_of(copied)
            design = make_design(transaction, call.caller.workspace_id, new.name, document)
            return self._answer(201, transaction, call, design), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def change(self, call: Call) -> Answer:
        """Change what is given; refuses what `create` refuses, and another type."""
        change: DesignChange = call.body
        workspace_id = call.caller.workspace_id

        def act(transaction: Transaction) -> Answer:
            design = lock_own(transaction, workspace_id, call.path["id"])
            changed = change_design(
                transaction, workspace_id, design, name=change.name, document=change.document
            )
            return self._answer(200, transaction, call, changed)

        return await self._database.write(act)

    async def delete(self, call: Call) -> Answer:
        """Delete for good."""

        def act(transaction: Transaction) -> Answer:
            design = lock_own(transaction, call.caller.workspace_id, call.path["id"])
            delete_unused(transaction, design, self._is_used)
            return Answer(204, b"")

        return await self._database.write(act)

    def _answer(self, status: int, transaction: Transaction, call: Call, design: Design) -> Answer:
        return answer(status, self._present(transaction, call.caller.workspace_id, [design])[0])

    def _present(
        self, transaction: Transaction, workspace_id: str, designs: list[Design]
    ) -> list[DesignAnswer]:
        """With their pictures' addresses."""
        paths = sample_paths(transaction, workspace_id, designs)
        return [present_design(design, self._public_url + paths[design.id]) for design in designs]


def _find(transaction: Transaction, call: Call, id_: str) -> Design | None:
    return store.find_designs(transaction, call.caller.workspace_id, [id_]).get(id_)


def _get(transaction: Transaction, call: Call, id_: str) -> Design:
    design = _find(transaction, call, id_)
    if design is None:
        raise Refusal("not_found")
    return design
