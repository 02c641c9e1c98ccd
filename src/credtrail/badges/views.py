"""What is public of signed credentials: the credential as JSON and as JWT, its issuer, its achievement, status lists.

Wired by `app`; pages ask here when a program wants the credential at the page's own address. Any site may read these.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from credtrail.badges.acts import KeyLostError
from credtrail.badges.desk import Desk, Signed, write_json
from credtrail.errors import Refusal
from credtrail.recipients.showing import Showing, visitor_of
from credtrail.web.gate import read_body
from credtrail.web.host import host_of
from credtrail.web.prefer import JSON_TYPES, prefer

_HEADERS = {
    "access-control-allow-origin": "*",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
}
_LARGEST_BYTES = 65_536
_HIDDEN = {"x-robots-tag": "noindex"}


class Badges:
    """The face of signed credentials."""

    def __init__(self, showing: Showing, desk: Desk) -> None:
        self._showing = showing
        self._desk = desk

    async def show_json(self, request: Request) -> Response:
        """The credential with its proof, in force, expired or revoked; 404 for a draft, a deleted, an unknown one, and one
        that isn't for whoever asks."""
        return await self._show(request, lambda signed: signed.json, prefer(request, JSON_TYPES))

    async def exchange(self, request: Request) -> Response:
        """The credential for a wallet that comes by a link for wallets, and sends who it is.

        Assumed: what it sends is not read. The credential isn't bound to a wallet's key, so there is nothing to prove;
        who may see it at its address gets it here.
        """
        try:
            await read_body(dict(request.scope["headers"]), request.receive, _LARGEST_BYTES)
        except Refusal as refusal:
            return JSONResponse(refusal.envelope(), refusal.status, _HEADERS)
        return await self._show(request, lambda signed: signed.json, "application/json")

    async def show_jwt(self, request: Request) -> Response:
        """The credential as a VC-JWT."""
        return await self._show(request, lambda signed: signed.jwt.encode(), "text/plain")

    async def _show(self, request: Request, part: Any, media_type: str) -> Response:
        shown = await self._showing.find(request.path_params["public_id"], visitor_of(request))
        if shown is None:
            return _missing()
        try:
            signed: Signed = await self._desk.sign(shown.view)
        except KeyLostError:
            return _key_lost()
        headers = {**_HEADERS, **_HIDDEN, "etag": f'"{signed.digest}"', "vary": "accept"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(part(signed), media_type=media_type, headers=headers)

    async def show_did_document(self, request: Request) -> Response:
        """`did.json` of a workspace."""
        found = await self._desk.find_did_document(_id(request, "workspace_id"), host_of(request))
        return _document(found, "application/did+json")

    async def show_profile(self, request: Request) -> Response:
        """An issuer's profile."""
        return _document(await self._desk.find_profile(_id(request, "workspace_id")), "application/ld+json")

    async def show_achievement(self, request: Request) -> Response:
        """What a group's credentials are awarded for."""
        return _document(await self._desk.find_achievement(_id(request, "group_id")), "application/ld+json")

    async def show_status_list(self, request: Request) -> Response:
        """A status list as it is this moment."""
        number, key_id = request.path_params["number"], request.path_params.get("key_id")
        if number > 1_000_000 or "\x00" in (key_id or ""):
            return _missing()
        try:
            content = await self._desk.make_status_list(
                _id(request, "workspace_id"), number, key_id, host_of(request)
            )
        except KeyLostError:
            return _key_lost()
        if content is None:
            return _missing()
        return Response(
            content, media_type=prefer(request, JSON_TYPES), headers={**_HEADERS, "vary": "accept"}
        )


def _id(request: Request, name: str) -> str:
    value: str = request.path_params[name]
    return "" if "\x00" in value else value


def _document(found: dict[str, Any] | None, media_type: str) -> Response:
    if found is None:
        return _missing()
    return Response(write_json(found), media_type=media_type, headers=_HEADERS)


def _missing() -> Response:
    return JSONResponse(
        {"error": {"code": "not_found", "message": "There is nothing at this address"}}, 404, _HEADERS
    )


def _key_lost() -> Response:
    told = "The issuer's key can't be opened at the moment; its operator knows what to do from the log."
    return PlainTextResponse(told, 503, {**_HEADERS, "retry-after": "3600"})
