"""Whether the process lives, and whether it can do its work. Wired by `app`."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from credtrail.errors import Refusal


class Health:
    """`is_ready` tells whether the database can be written and has this version's tables; it may refuse with 503."""

    def __init__(self, is_ready: Callable[[], Awaitable[bool]]) -> None:
        self._is_ready = is_ready

    async def show_alive(self, _: Request) -> Response:
        """200 as long as the process answers at all; asks nothing else."""
        return JSONResponse({"status": "alive"})

    async def show_ready(self, _: Request) -> Response:
        """200 when requests can be served, else 503 with the reason."""
        try:
            ready, reason = await self._is_ready(), "the database needs `credtrail migrate`"
        except Refusal:
            ready, reason = False, "the database can't be written"
        if ready:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": reason}, 503, {"retry-after": "5"})
