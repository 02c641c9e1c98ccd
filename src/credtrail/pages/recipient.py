"""What a credential's page sends for its recipient: asks for a code, types it, decides about the page. Wired by `app`.

No cookie: the page's script sends the device's proof in a header. Whoever has none is answered as if there were no
such credential, but where a code is asked for: there everybody is answered alike, and after the same time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from credtrail.credentials.links import page_address
from credtrail.database import Database
from credtrail.designs.press import Press
from credtrail.errors import Refusal
from credtrail.recipients import acts
from credtrail.recipients.model import (
    CodeTyped,
    CodeWanted,
    NameWanted,
    OfflineChoice,
    PrivacyChoice,
    SignOut,
)
from credtrail.recipients.proofs import CODE_SECONDS, Proof
from credtrail.recipients.proving import Proven, Proving
from credtrail.recipients.showing import Showing, Shown, visitor_of
from credtrail.recipients.store import end_proof, end_proofs
from credtrail.values import present_moment
from credtrail.web.gate import read_body
from credtrail.web.language import language_of
from credtrail.web.limits import NetworkLimit, RateLimit
from credtrail.web.origin import is_same_origin
from credtrail.web.parse import parse_body

_LARGEST_BYTES = 4_096
_NO_STORE = {"cache-control": "no-store"}
_ANSWER_SECONDS = 0.15
"""Asking for a code takes at least this long, more than the work ever does: nothing is to be read from the time."""

_Asked = TypeVar("_Asked", bound=Struct)


class CodeLimits(NamedTuple):
    """How often codes may be asked for and typed: from one network of visitors, and on one credential's page."""

    of_networks: NetworkLimit
    of_credentials: RateLimit


class RecipientActs:
    """Takes in what recipients do; `public_url` is this installation's address, `dashboard_url` the dashboard's."""

    def __init__(
        self,
        database: Database,
        showing: Showing,
        proving: Proving,
        press: Press,
        limits: CodeLimits,
        public_url: str,
        dashboard_url: str,
    ) -> None:
        self._database = database
        self._showing = showing
        self._proving = proving
        self._press = press
        self._limits = limits
        self._public_url = public_url
        self._dashboard_url = dashboard_url

    def routes(self) -> list[Route]:
        """All are sent by the page's own script, as JSON."""
        acts_by_name: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "code": self.ask_code,
            "proof": self.prove,
            "sign-out": self.sign_out,
            "privacy": self.choose_privacy,
            "offline": self.set_offline,
            "name": self.ask_for_name,
        }
        path = "/credentials/{public_id}/recipient"
        return [
            Route(f"{path}/{name}", _answering(act), methods=["POST"]) for name, act in acts_by_name.items()
        ]

    async def ask_code(self, request: Request) -> Response:
        """202 with a challenge, whether the address fits or not, or whether there is such a credential at all."""
        began_at = time.monotonic()
        wanted = await self._read(request, CodeWanted)
        self._limit(request)
        public_id = request.path_params["public_id"]
        try:
            challenge = await self._proving.ask(public_id, wanted.email, language_of(request))
        finally:
            await asyncio.sleep(began_at + _ANSWER_SECONDS - time.monotonic())
        return _answer(202, {"challenge": challenge, "expiresInSeconds": CODE_SECONDS})

    async def prove(self, request: Request) -> Response:
        """201 with the device's proof, or 400 with what is wrong with the code and how many tries are left."""
        typed = await self._read(request, CodeTyped)
        self._limit(request)
        public_id = request.path_params["public_id"]
        outcome = await self._proving.prove(public_id, typed.challenge, typed.code)
        if not isinstance(outcome, Proven):
            return _answer(400, {"error": {"code": outcome.reason, "triesLeft": outcome.tries_left}})
        shown = await self._showing.find_any(public_id)
        given = {
            "proof": outcome.token,
            "expiresAt": present_moment(outcome.expires_at),
            "privacyMode": shown.view.profile.privacy_mode if shown else "cookieless",
        }
        return _answer(201, given)

    async def sign_out(self, request: Request) -> Response:
        """This device's proof ends, or all of this credential's; 204 also where there is none."""
        asked = await self._read(request, SignOut)
        shown = await self._showing.find_any(request.path_params["public_id"], visitor_of(request).proof)
        if shown is not None and shown.proof is not None:
            proof: Proof = shown.proof
            if asked.everywhere is True:
                await self._database.write(lambda tx: end_proofs(tx, proof.credential_id))
            else:
                await self._database.write(lambda tx: end_proof(tx, proof.digest))
        return Response(status_code=204, headers=_NO_STORE)

    async def choose_privacy(self, request: Request) -> Response:
        """Who sees the page."""
        choice = await self._read(request, PrivacyChoice)
        view = (await self._get(request)).view
        await self._database.write(lambda tx: acts.choose_privacy(tx, view, choice.privacy, choice.days))
        return Response(status_code=204, headers=_NO_STORE)

    async def set_offline(self, request: Request) -> Response:
        """Whether anybody sees it."""
        choice = await self._read(request, OfflineChoice)
        view = (await self._get(request)).view
        await self._database.write(lambda tx: acts.set_offline(tx, view, offline=choice.offline))
        return Response(status_code=204, headers=_NO_STORE)

    async def ask_for_name(self, request: Request) -> Response:
        """How the name should read; what was drawn with the old one is forgotten when it holds at once."""
        wanted = await self._read(request, NameWanted)
        view = (await self._get(request)).view
        name = wanted.name
        if name is None:
            await self._database.write(lambda tx: acts.withdraw_name(tx, view.credential))
            return Response(status_code=204, headers=_NO_STORE)
        made = await self._database.write(lambda tx: acts.ask_for_name(tx, view, name, self._dashboard_url))
        if made.status == "accepted":
            await self._press.forget(page_address(self._public_url, view.credential.public_id))
        return Response(status_code=204, headers=_NO_STORE)

    async def _read(self, request: Request, kind: type[_Asked]) -> _Asked:
        """What the page sent; refuses what comes from elsewhere like an unknown address."""
        if not is_same_origin(request.headers, self._public_url):
            raise Refusal("not_found")
        headers = dict(request.scope["headers"])
        return parse_body(kind, await read_body(headers, request.receive, _LARGEST_BYTES))

    async def _get(self, request: Request) -> Shown:
        """The credential, for its verified owner; refuses (404) everybody else."""
        shown = await self._showing.find_any(request.path_params["public_id"], visitor_of(request).proof)
        if shown is None or shown.proof is None:
            raise Refusal("not_found")
        return shown

    def _limit(self, request: Request) -> None:
        address = request.client.host if request.client else None
        if not self._limits.of_networks.take(address):
            raise Refusal("rate_limited", headers=(("retry-after", "60"),))
        grant = self._limits.of_credentials.take(request.path_params["public_id"][:64])
        if not grant.granted:
            raise Refusal("rate_limited", headers=(("retry-after", str(grant.retry_after_seconds)),))


def _answering(act: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    @wraps(act)
    async def answering(request: Request) -> Response:
        try:
            return await act(request)
        except Refusal as refusal:
            return JSONResponse(refusal.envelope(), refusal.status, {**dict(refusal.headers), **_NO_STORE})

    return answering


def _answer(status: int, value: dict[str, Any]) -> Response:
    return JSONResponse(value, status, _NO_STORE)
