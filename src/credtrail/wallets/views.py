"""The pages on which a recipient connects a wallet, and sees and disconnects those that are. Wired by `app`.

Plain forms, without a script and without a cookie. They go where the wallet registered to be called back, and nowhere
else. What a wallet says of itself is shown as its own word; no picture of it is fetched.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from credtrail.errors import Refusal
from credtrail.wallets.connect import Connecting, Failed, Form
from credtrail.wallets.model import AUTHORIZE, READ_CREDENTIALS, READ_PROFILE, form_target_of, place_of
from credtrail.wallets.oauth import Reply, UnsoundError, Wanted, read_fields
from credtrail.web.gate import read_body
from credtrail.web.html import render
from credtrail.web.language import language_of
from credtrail.web.limits import NetworkLimit
from credtrail.web.origin import is_same_origin

CONNECTIONS = "/wallets"
_PAGES = ("client_uri", "policy_uri", "tos_uri")
_LARGEST_BYTES = 32_768
_LONGEST_REQUEST = 8_192
_ANSWER_SECONDS = 0.15
"""Asking for a code takes at least this long, more than the work ever does: nothing is to be read from the time."""


class WalletPages:
    """Pages for people; `public_url` is this installation's address. `limit`: codes asked for and typed."""

    def __init__(self, connecting: Connecting, limit: NetworkLimit, public_url: str) -> None:
        self._connecting = connecting
        self._limit = limit
        self._public_url = public_url

    def routes(self) -> list[Route]:
        """The page that wallets send people to, and the one that people come to by themselves."""
        return [
            Route(AUTHORIZE, _answering(self.show_request)),
            Route(AUTHORIZE, _answering(self.take_step), methods=["POST"]),
            Route(CONNECTIONS, _answering(self.show_connections)),
            Route(CONNECTIONS, _answering(self.take_step), methods=["POST"]),
        ]

    async def show_request(self, request: Request) -> Response:
        """What a wallet asks for; or back to it with what is wrong; a page that says so where there is no way back."""
        query = request.url.query
        if len(query) > _LONGEST_REQUEST:
            raise UnsoundError
        fields = read_fields(query)
        wanted = await self._connecting.read(fields)
        if isinstance(wanted, Reply):
            return _redirect(wanted)
        return self._show(request, "address", self._connecting.begin(fields), wanted, is_first=True)

    async def show_connections(self, request: Request) -> Response:
        """Asks for the address, to list what is connected to it."""
        return self._show(request, "address", self._connecting.begin([]), None, is_first=True)

    async def take_step(self, request: Request) -> Response:
        """What one of the forms sends: the address, the code, a no, a wallet to disconnect."""
        if not is_same_origin(request.headers, self._public_url):
            raise UnsoundError
        body = await read_body(dict(request.scope["headers"]), request.receive, _LARGEST_BYTES)
        given = dict(read_fields(body.decode(errors="replace")))
        form = self._connecting.open(given.get("form", ""))
        if form is None or bool(form.fields) != (request.url.path == AUTHORIZE):
            raise UnsoundError
        wanted = await self._connecting.read(form.fields) if form.fields else None
        if isinstance(wanted, Reply):  # the wallet's registration has changed meanwhile
            return _redirect(wanted)
        match given.get("step"):
            case "refuse" if wanted:
                return _redirect(await self._connecting.refuse(form.fields))
            case "disconnect" if form.is_proven:
                await self._connecting.disconnect(form.address, given.get("connection", ""))
                return await self._list(request, form)
            case "again":
                return self._show(request, "address", form, wanted)
            case "prove" if form.challenge:
                return await self._prove(request, form, wanted, given.get("code", "")[:64])
            case _:
                return await self._ask(request, form, wanted, given.get("email", "").strip())

    async def _ask(self, request: Request, form: Form, wanted: Wanted | None, email: str) -> Response:
        began_at = time.monotonic()
        if not 3 <= len(email) <= 254 or "@" not in email:
            return self._show(request, "address", form, wanted, problem="address", status=400)
        wallet = wanted.client.name if wanted else ""
        try:
            self._take(request)
            asked = await self._connecting.ask(form, email, wallet, language_of(request))
        except Refusal as refusal:
            if refusal.kind != "rate_limited":
                raise
            return self._show(request, "address", form, wanted, problem="wait", status=429)
        finally:
            await asyncio.sleep(began_at + _ANSWER_SECONDS - time.monotonic())
        return self._show(request, "code", asked, wanted)

    async def _prove(self, request: Request, form: Form, wanted: Wanted | None, typed: str) -> Response:
        try:
            self._take(request)
        except Refusal:
            return self._show(request, "code", form, wanted, problem="wait", status=429)
        proven = await self._connecting.prove(form, typed)
        if isinstance(proven, Failed):
            return self._show(request, "code", form, wanted, problem=proven.reason, status=400)
        if wanted is None:
            return await self._list(request, proven)
        return _redirect(await self._connecting.accept(form.fields, form.address))

    async def _list(self, request: Request, form: Form) -> Response:
        connections = await self._connecting.list_connections(form.address)
        return self._show(request, "connections", form, None, connections=connections)

    def _take(self, request: Request) -> None:
        if not self._limit.take(request.client.host if request.client else None):
            raise Refusal("rate_limited", headers=(("retry-after", "60"),))

    def _show(
        self,
        request: Request,
        template: str,
        form: Form,
        wanted: Wanted | None,
        *,
        problem: str = "",
        status: int = 200,
        is_first: bool = False,
        **more: Any,
    ) -> Response:
        """One of the pages. Its forms may lead to where the wallet is called back, besides this site."""
        return render(
            request,
            f"wallets/{template}.html",
            status=status,
            form_target=form_target_of(wanted.redirect_uri) if wanted else "",
            action=request.url.path + _language_query(request),
            form=self._connecting.close(form),
            address=form.address,
            wallet=wanted.client if wanted else None,
            told={name: wanted.client.metadata.get(name) for name in _PAGES} if wanted else {},
            place=place_of(wanted.redirect_uri) if wanted else "",
            reads_credentials=bool(wanted and READ_CREDENTIALS in wanted.scope),
            reads_profile=bool(wanted and READ_PROFILE in wanted.scope),
            host=urlsplit(self._public_url).netloc,
            problem=problem,
            is_first=is_first,
            **more,
        )


def _language_query(request: Request) -> str:
    return f"?lang={language_of(request).code}" if "lang" in request.query_params else ""


def _redirect(reply: Reply) -> Response:
    """303: also after a form, the browser comes by GET. No page of ours stays behind as a referrer."""
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(reply.location or "/", 303, headers)


def _answering(act: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    @wraps(act)
    async def answering(request: Request) -> Response:
        try:
            return await act(request)
        except UnsoundError:
            return render(request, "wallets/unsound.html", status=400, is_unsound=True)
        except Refusal as refusal:
            shown = render(request, "wallets/unsound.html", status=refusal.status, is_unsound=False)
            shown.headers.update(dict(refusal.headers))
            return shown

    return answering
