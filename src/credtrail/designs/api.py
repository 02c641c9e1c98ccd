"""/v1/designs. Wired by `app`."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, Struct

from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import find_profile, find_workspace
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs import store
from credtrail.designs.artwork import sample_of, sample_path
from credtrail.designs.document import (
    Document,
    check_document,
    document_schema,
    images_of,
    read_document,
    write_document,
)
from credtrail.designs.examples import read_example
from credtrail.designs.model import (
    Design,
    DesignAnswer,
    DesignChange,
    NewDesign,
    find_design,
    present_design,
)
from credtrail.errors import Kind, Refusal, invalid, invalid_fields
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
        return answer(200, _document_of(design))

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
                document = _document_of(copied)
            _check(transaction, call, document)
            design = store.add_design(
                transaction, call.caller.workspace_id, new.name, document.type, write_document(document)
            )
            return self._answer(201, transaction, call, design), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def change(self, call: Call) -> Answer:
        """Change what is given; refuses what `create` refuses, and another type."""
        change: DesignChange = call.body

        def act(transaction: Transaction) -> Answer:
            design = changed = _lock(transaction, call)
            if change.name is not UNSET:
                changed = changed._replace(name=change.name)
            if change.document is not UNSET:
                if change.document.type != design.type:
                    raise invalid("document.type", f"must stay {design.type}")
                _check(transaction, call, change.document)
                changed = changed._replace(document=write_document(change.document))
            if changed != design:
                changed = changed._replace(updated_at=transaction.at)
                store.save_design(transaction, call.caller.workspace_id, changed)
            return self._answer(200, transaction, call, changed)

        return await self._database.write(act)

    async def delete(self, call: Call) -> Answer:
        """Delete for good."""

        def act(transaction: Transaction) -> Answer:
            design = _lock(transaction, call)
            if self._is_used(transaction, design.id):
                raise Refusal(
                    "conflict", "A design that a group uses can't be deleted; give the group another"
                )
            store.delete_design(transaction, design.id)
            return Answer(204, b"")

        return await self._database.write(act)

    def _answer(self, status: int, transaction: Transaction, call: Call, design: Design) -> Answer:
        return answer(status, self._present(transaction, call.caller.workspace_id, [design])[0])

    def _present(
        self, transaction: Transaction, workspace_id: str, designs: list[Design]
    ) -> list[DesignAnswer]:
        """With their pictures' addresses; own designs are shown with the workspace's own name and profile."""
        workspace, profile = None, IssuerProfile()
        if any(design.document for design in designs):
            workspace = find_workspace(transaction, id=workspace_id)
            profile = find_profile(transaction, workspace_id)
        return [
            present_design(
                design,
                self._public_url
                + sample_path(
                    design,
                    sample_of(design, workspace.name, profile)
                    if design.document and workspace
                    else sample_of(design),
                ),
            )
            for design in designs
        ]


def _find(transaction: Transaction, call: Call, id_: str) -> Design | None:
    return store.find_designs(transaction, call.caller.workspace_id, [id_]).get(id_)


def _get(transaction: Transaction, call: Call, id_: str) -> Design:
    design = _find(transaction, call, id_)
    if design is None:
        raise Refusal("not_found")
    return design


def _lock(transaction: Transaction, call: Call) -> Design:
    """The own design that a request is to change. Assumed: changing or deleting a built-in design is a conflict."""
    if find_design(call.path["id"]) is not None:
        raise Refusal("conflict", "A built-in design can't be changed; make a copy of it with copyOf")
    design = store.lock_design(transaction, call.caller.workspace_id, call.path["id"])
    if design is None:
        raise Refusal("not_found")
    return design


def _document_of(design: Design) -> Document:
    return read_document(design.document) if design.document else read_example(design.look)


def _check(transaction: Transaction, call: Call, document: Document) -> None:
    check_document(document)
    fields = images_of(document)
    missing = store.find_missing_images(transaction, call.caller.workspace_id, fields)
    if missing:
        raise invalid_fields(
            tuple((fields[id_], "must be the id of an uploaded image") for id_ in fields if id_ in missing)
        )
