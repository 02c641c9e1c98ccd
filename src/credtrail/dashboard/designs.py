"""The list of designs: built-in and own, begun, renamed, deleted. Wired by `app`; what is drawn on them is worked on
in `design_editor`."""

from typing import Any

from msgspec import convert
from starlette.responses import Response

from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.acts import (
    change_design,
    delete_unused,
    document_of,
    lock_own,
    make_design,
    sample_paths,
)
from credtrail.designs.document import PAGES, Document
from credtrail.designs.model import Design, find_design
from credtrail.designs.store import find_designs, list_designs
from credtrail.errors import Refusal, invalid
from credtrail.groups.store import find_groups_by_design, uses_design

_ON_A_PAGE = 24
_LONGEST_NAME = 255
EMPTY_PAGES = {
    "a4-landscape": "Certificate, A4 across",
    "a4-portrait": "Certificate, A4 upright",
    "letter-landscape": "Certificate, US Letter across",
    "letter-portrait": "Certificate, US Letter upright",
    "square": "Certificate, square",
    "badge": "Badge",
}
"""What one can begin with, if not with a design."""


class DesignList:
    """What the workspace's credentials can look like."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self) -> list[View]:
        """Everybody sees them, editors make them."""
        path = "/w/{workspace_id}/designs"
        return [
            View("GET", path, self.show),
            View("POST", path, self.create, "editor"),
            View("POST", path + "/{design_id}/rename", self.rename, "editor"),
            View("POST", path + "/{design_id}/delete", self.delete, "editor"),
        ]

    async def show(self, visit: Visit) -> Response:
        """The newest first, the built-in ones last; each with its picture and the groups that have it."""
        return visit.page("designs.html", problems={}, **await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        slice_ = visit.slice(_ON_A_PAGE, "designs")

        def ask(transaction: Transaction) -> dict[str, Any]:
            found = list_designs(transaction, visit.workspace_id, **slice_._asdict())
            shown, around = visit.page_of(found, slice_, "designs")
            ids = [design.id for design in shown]
            return {
                "designs": shown,
                "around": around,
                "pictures": sample_paths(transaction, visit.workspace_id, shown),
                "groups": find_groups_by_design(transaction, visit.workspace_id, ids),
                "empty_pages": list(EMPTY_PAGES.items()),
            }

        return await self._database.read(ask)

    async def create(self, visit: Visit) -> Response:
        """Begin with a copy of a design, or with an empty page; then open the editor."""

        def act(transaction: Transaction) -> Design:
            begun = self._begin(transaction, visit)
            name = _read_name(visit)
            design = make_design(transaction, visit.workspace_id, name, begun)
            visit.note(transaction, "design_created", name)
            return design

        try:
            design = await self._database.write(act)
        except Refusal as refusal:
            return visit.again("designs.html", refusal, **await self._list(visit))
        return visit.go(f"{visit.home}/designs/{design.id}")

    def _begin(self, transaction: Transaction, visit: Visit) -> Document:
        id_, page = visit.text("from"), visit.text("page")
        if not id_:
            if page not in EMPTY_PAGES:
                raise invalid("page", "must be one of those offered")
            return _empty(page)
        found = find_designs(transaction, visit.workspace_id, [id_]).get(id_)
        if found is None:
            raise Refusal("not_found", "The design to begin with is no longer there")
        return document_of(found)

    async def rename(self, visit: Visit) -> Response:
        """Another name for an own design."""

        def act(transaction: Transaction) -> str:
            design = _lock(transaction, visit)
            name = _read_name(visit)
            change_design(transaction, visit.workspace_id, design, name=name)
            visit.note(transaction, "design_renamed", name, design.name)
            return name

        try:
            name = await self._database.write(act)
        except Refusal as refusal:
            return visit.again("designs.html", refusal, **await self._list(visit))
        return visit.go(f"{visit.home}/designs", f"It is called {name} now")

    async def delete(self, visit: Visit) -> Response:
        """Delete an own design that no group uses."""

        def act(transaction: Transaction) -> str:
            design = _lock(transaction, visit)
            delete_unused(transaction, design, uses_design)
            visit.note(transaction, "design_deleted", design.name)
            return design.name

        try:
            name = await self._database.write(act)
        except Refusal as refusal:
            return visit.again("designs.html", refusal, **await self._list(visit))
        return visit.go(f"{visit.home}/designs", f"{name} is deleted")


def _lock(transaction: Transaction, visit: Visit) -> Design:
    id_ = visit.path("design_id")
    if find_design(id_) is not None:
        raise Refusal("conflict", "A built-in design stays as it is; start from it instead")
    return lock_own(transaction, visit.workspace_id, id_)


def _read_name(visit: Visit) -> str:
    name = visit.text("name")
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise invalid("name", f"must be a name of 1 to {_LONGEST_NAME} characters")
    return name


def _empty(page: str) -> Document:
    """A page with nothing on it but what it must have: the name of whom a certificate is for."""
    is_badge = page == "badge"
    shape = "square" if is_badge else page
    width, height = PAGES[shape]  # type: ignore[index]  # a key of EMPTY_PAGES, which names pages
    title = {
        "kind": "text",
        "x": width * 0.1,
        "y": height / 2 - 40,
        "width": width * 0.8,
        "height": 80,
        "content": "[group.name]" if is_badge else "[recipient.name]",
        "size": 40,
        "smallestSize": 20,
        "align": "center",
        "verticalAlign": "middle",
    }
    told = {
        "version": 1,
        "type": "badge" if is_badge else "certificate",
        "page": shape,
        "background": {"color": "#ffffff"},
        "boxes": [title],
    }
    return convert(told, Document)
