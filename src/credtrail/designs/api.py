"""/v1/designs. Wired by `app`."""

from msgspec import Struct

from credtrail.designs.artwork import sample_path
from credtrail.designs.model import BUILT_IN, Design, DesignAnswer, find_design, present_design
from credtrail.errors import Refusal
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class DesignsPage(Struct):
    """One page of designs, newest first."""

    data: list[DesignAnswer]
    pagination: Pagination


class Designs:
    """The designs that a workspace's groups can use; `public_url` is where their pictures are served."""

    def __init__(self, cursors: Cursors, public_url: str) -> None:
        self._cursors = cursors
        self._public_url = public_url

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        return [
            Endpoint(
                "GET", "/designs", self.list_page, "List designs", DesignsPage, query=PageQuery, tag="Designs"
            ),
            Endpoint(
                "GET",
                "/designs/{id}",
                self.get,
                "Get a design",
                DesignAnswer,
                refusals=("not_found",),
                tag="Designs",
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """All designs, newest first."""
        scope = ("designs", call.caller.workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)
        found = [design for design in reversed(BUILT_IN) if slice_.edge is None or design.id < slice_.edge]
        if slice_.newer:
            found = [design for design in BUILT_IN if slice_.edge is None or design.id > slice_.edge]
        page, pagination = self._cursors.page(found[: slice_.limit], slice_, scope, lambda design: design.id)
        return answer(200, DesignsPage([self._present(design) for design in page], pagination))

    async def get(self, call: Call) -> Answer:
        """One design."""
        design = find_design(call.path["id"])
        if design is None:
            raise Refusal("not_found")
        return answer(200, self._present(design))

    def _present(self, design: Design) -> DesignAnswer:
        return present_design(design, f"{self._public_url}{sample_path(design)}")
