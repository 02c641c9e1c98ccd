"""What wallets ask for: discovery, registration, tokens, credentials, the profile. Wired by `app`.

Errors of the Open Badges API are an Imsx_StatusInfo, those of OAuth are OAuth's. Any site may ask: wallets run in
browsers, too, and nothing here is known from a cookie.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Literal, NamedTuple

from msgspec import DecodeError, ValidationError
from msgspec.json import decode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from credtrail.badges.desk import Desk
from credtrail.database import Database
from credtrail.errors import Refusal
from credtrail.values import parse_moment
from credtrail.wallets import oauth, store
from credtrail.wallets.description import describe_service
from credtrail.wallets.model import (
    API,
    METADATA,
    MOST_AT_ONCE,
    READ_CREDENTIALS,
    READ_PROFILE,
    REGISTER,
    REVOKE,
    TOKEN,
    Client,
    CodeMinor,
    Page,
    Registration,
    RegistrationError,
    keeps_secrets,
    page_links,
    read_registration,
    recipient_profile,
    server_metadata,
    status_info,
)
from credtrail.wallets.oauth import Reply, read_fields
from credtrail.web.gate import read_body
from credtrail.web.html import static_url
from credtrail.web.limits import NetworkLimit, RateLimit

_LARGEST_BYTES = 16_384
_OPEN = {"access-control-allow-origin": "*", "x-content-type-options": "nosniff"}
_SECRET = {**_OPEN, "cache-control": "no-store", "pragma": "no-cache"}
_HOUR_LONG = {**_OPEN, "cache-control": "public, max-age=3600"}
_EXPOSED = {"access-control-expose-headers": "link, x-total-count, retry-after, www-authenticate"}


class Limits(NamedTuple):
    """Registrations from one network; requests of one connection; how many wallets there may be in all."""

    of_registrations: NetworkLimit
    of_connections: RateLimit
    clients: int


class _No(Exception):  # noqa: N818 - not an error of ours
    """An answer that says no, in the API's own shape."""

    def __init__(self, status: int, minor: CodeMinor, told: str, **headers: str) -> None:
        super().__init__(told)
        self.status, self.minor, self.told = status, minor, told
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class WalletApi:
    """The face for programs; `public_url` is this installation's address."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        limits: Limits,
        public_url: str,
        *,
        terms_url: str = "",
        privacy_url: str = "",
    ) -> None:
        self._database = database
        self._desk = desk
        self._limits = limits
        self._public_url = public_url
        # Assumed: an operator without such pages is represented by the front page.
        front, image = public_url + "/", public_url + static_url("web/icon.svg")
        self._description = describe_service(public_url, image, terms_url or front, privacy_url or front)

    def routes(self) -> list[Route]:
        """The Open Badges API, and the OAuth endpoints it needs."""
        credentials, profile = f"{API}/credentials", f"{API}/profile"
        asked = {f"{API}/discovery", METADATA, credentials, profile, TOKEN, REVOKE, REGISTER}
        return [
            Route(f"{API}/discovery", self.show_description),
            Route(METADATA, self.show_metadata),
            Route(credentials, _answering(self.list_credentials)),
            Route(profile, _answering(self.show_profile)),
            *(Route(path, _show_cors, methods=["OPTIONS"]) for path in sorted(asked)),
            *(
                Route(path, refuse_method, methods=["POST", "PUT", "PATCH", "DELETE"])
                for path in (credentials, profile, f"{API}/discovery")
            ),
            Route(REGISTER, _telling(self.register), methods=["POST"]),
            Route(TOKEN, _telling(self.give_tokens), methods=["POST"]),
            Route(REVOKE, _telling(self.revoke), methods=["POST"]),
        ]

    async def show_description(self, _: Request) -> Response:
        """The Service Description Document, for everybody."""
        return JSONResponse(self._description, headers=_HOUR_LONG)

    async def show_metadata(self, _: Request) -> Response:
        """Authorization server metadata (RFC 8414)."""
        return JSONResponse(server_metadata(self._public_url), headers=_HOUR_LONG)

    async def register(self, request: Request) -> Reply:
        """A wallet registers itself (RFC 7591): 201 with its id, and its secret if it can keep one."""
        if not self._limits.of_registrations.take(request.client.host if request.client else None):
            raise Refusal("rate_limited", headers=(("retry-after", "60"),))
        try:
            metadata = read_registration(_read_registration(await _read(request)))
        except RegistrationError as error:
            return Reply(400, {"error": error.error, "error_description": str(error)})
        client_id = secrets.token_urlsafe(18)
        secret = secrets.token_urlsafe(32) if keeps_secrets(metadata) else None
        digest = oauth.digest_secret(secret) if secret else None

        def act(transaction: Any) -> int | None:
            client = Client(client_id, digest, metadata, transaction.at)
            added = store.add_client(transaction, client, self._limits.clients)
            return transaction.at // 1_000 if added else None

        issued_at = await self._database.write(act)
        if issued_at is None:
            told = "There are too many registered clients at the moment"
            return Reply(
                503,
                {"error": "temporarily_unavailable", "error_description": told},
                (("retry-after", "3600"),),
            )
        made: dict[str, Any] = {"client_id": client_id, "client_id_issued_at": issued_at}
        if secret:
            made |= {"client_secret": secret, "client_secret_expires_at": 0}
        return Reply(201, {**made, **metadata})

    async def give_tokens(self, request: Request) -> Reply:
        """The token endpoint."""
        fields, authorization = await _read_form(request), request.headers.get("authorization", "")
        return await self._database.write(lambda tx: oauth.give_tokens(tx, fields, authorization))

    async def revoke(self, request: Request) -> Reply:
        """The revocation endpoint (RFC 7009)."""
        fields, authorization = await _read_form(request), request.headers.get("authorization", "")
        return await self._database.write(lambda tx: oauth.revoke(tx, fields, authorization))

    async def list_credentials(self, request: Request) -> Response:
        """The person's issued credentials, in force, expired and revoked ones.

        What the person decided about a credential's page is about others, and changes nothing here. A credential whose
        issuer's key can't be opened is left out, and told in the log.
        """
        access = await self._find_access(request, READ_CREDENTIALS)
        page, format_ = read_page(request), request.query_params.get("format", "json_ld")
        if format_ not in ("json_ld", "vc_jwt"):
            raise _No(400, "invalid_query_parameter", "format must be json_ld or vc_jwt")
        views, total = await self._database.read(lambda tx: store.list_held(tx, access.address, page))
        signed = [one for one in [await self._desk.try_sign(view) for view in views] if one]
        if format_ == "json_ld":
            body = b'{"credential":[' + b",".join(one.json for one in signed) + b"]}"
        else:
            body = json.dumps({"compactJwsString": [one.jwt for one in signed]}).encode()
        kept = {name: value for name, value in request.query_params.items() if name in ("since", "format")}
        links = page_links(f"{self._public_url}{API}/credentials", page, total, kept)
        told = {"x-total-count": str(total), "link": links}
        return Response(body, media_type="application/json", headers={**_SECRET, **_EXPOSED, **told})

    async def show_profile(self, request: Request) -> Response:
        """The person: the proven address, and the name on the latest credential."""
        access = await self._find_access(request, READ_PROFILE)
        latest = await self._database.look(lambda tx: store.find_latest(tx, access.address))
        address, name = (latest.email, latest.name) if latest else (access.address, None)
        return JSONResponse(recipient_profile(address, name), headers={**_SECRET, **_EXPOSED})

    async def _find_access(self, request: Request, scope: str) -> store.Access:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise _No(401, "unauthorizedrequest", "An access token is needed", www_authenticate="Bearer")
        digest = oauth.digest_secret(token.strip())
        access = await self._database.look(lambda tx: store.find_access(tx, digest))
        if access is None:
            wrong = 'Bearer error="invalid_token"'
            raise _No(401, "unauthorizedrequest", "The access token isn't good", www_authenticate=wrong)
        if scope not in access.scope.split():
            wrong = f'Bearer error="insufficient_scope", scope="{scope}"'
            raise _No(403, "forbidden", f"The scope {scope} is needed", www_authenticate=wrong)
        grant = self._limits.of_connections.take(access.grant_id)
        if not grant.granted:
            raise _No(429, "server_busy", "Too many requests", retry_after=str(grant.retry_after_seconds))
        return access


def read_page(request: Request) -> Page:
    """Which page is asked for. Assumed: more than the most at once is the most; a `since` without offset is UTC."""
    given = request.query_params
    limit = _read_number(given.get("limit", str(MOST_AT_ONCE)), "limit", 1)
    offset = _read_number(given.get("offset", "0"), "offset", 0)
    since = None
    if "since" in given:
        since = _read_moment(given["since"])
        if since is None:
            raise _No(400, "invalid_query_parameter", "since must be an ISO 8601 date and time")
    return Page(min(limit, MOST_AT_ONCE), offset, since)


def _read_number(text: str, name: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= least):
        raise _No(400, "invalid_query_parameter", f"{name} must be a whole number from {least}")
    return int(text)


def _read_moment(text: str) -> int | None:
    # The plus of an offset that wasn't encoded arrives as a space.
    text = text.replace(" ", "+")
    for candidate in (text, f"{text}Z"):
        try:
            return parse_moment(candidate)
        except ValueError:
            continue
    return None


def _read_registration(body: bytes) -> Registration:
    try:
        return decode(body, type=Registration)
    except ValidationError as error:
        told = str(error).replace("`", "'")
        kind: Literal["invalid_redirect_uri", "invalid_client_metadata"] = (
            "invalid_redirect_uri" if "redirect_uris" in told else "invalid_client_metadata"
        )
        raise RegistrationError(kind, told) from None
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise RegistrationError("invalid_client_metadata", "The body must be a JSON object") from None


async def _read(request: Request) -> bytes:
    return await read_body(dict(request.scope["headers"]), request.receive, _LARGEST_BYTES)


async def _read_form(request: Request) -> oauth.Fields:
    return read_fields((await _read(request)).decode(errors="replace"))


async def refuse_method(_: Request) -> Response:
    """405: this server hands out what is issued here; it keeps nobody else's credentials, and no profiles."""
    told = "This server is a provider: it hands out credentials that were issued here, and takes none in"
    return JSONResponse(status_info("not_allowed", told), 405, {**_SECRET, "allow": "GET, HEAD, OPTIONS"})


async def _show_cors(_: Request) -> Response:
    """What a browser asks for before it lets a page of another site ask."""
    allowed = {
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "86400",
    }
    return Response(status_code=204, headers={**_OPEN, **allowed})


def _answering(act: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Refusals as Open Badges has them."""

    @wraps(act)
    async def answering(request: Request) -> Response:
        try:
            return await act(request)
        except _No as no:
            headers = {**_SECRET, **_EXPOSED, **no.headers}
            return JSONResponse(status_info(no.minor, no.told), no.status, headers)
        except Refusal as refusal:
            headers = {**_SECRET, **_EXPOSED, **dict(refusal.headers)}
            return JSONResponse(status_info("server_busy", refusal.message), refusal.status, headers)

    return answering


def _telling(act: Callable[[Request], Awaitable[Reply]]) -> Callable[[Request], Awaitable[Response]]:
    """Refusals as OAuth has them."""

    @wraps(act)
    async def telling(request: Request) -> Response:
        try:
            reply = await act(request)
        except Refusal as refusal:
            kind = "invalid_request" if refusal.status < 429 else "temporarily_unavailable"
            body = {"error": kind, "error_description": refusal.message}
            reply = Reply(refusal.status, body, refusal.headers)
        headers = {name.lower(): value for name, value in reply.headers}
        return JSONResponse(reply.body, reply.status, {**_SECRET, **headers})

    return telling
