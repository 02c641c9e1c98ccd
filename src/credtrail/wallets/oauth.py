"""The authorization server: what OAuth 2 asks of it, by Authlib. The only file that knows that side of the library.

Authlib's grants are plain functions, as everything inside a transaction is here: a server is made for each transaction,
finds and keeps everything in it, and answers with a Reply. Nothing of it waits for anything.
Sources: RFC 6749, RFC 7009 (revocation), RFC 7636 (PKCE), RFC 9207 (who answers), RFC 9700 (best practice).
"""

import hmac
import secrets
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge

from credtrail.database import Transaction
from credtrail.values import fold
from credtrail.wallets import store
from credtrail.wallets.model import (
    ACCESS_SECONDS,
    AUTH_METHODS,
    CONNECTED_DAYS,
    Client,
    Grant,
    Token,
    TokenKind,
    fits_redirect_uri,
    narrow_scope,
)

_DAY_MS = 86_400_000
Fields = Sequence[tuple[str, str]]
"""Names and values as they were sent, in a query or a form."""


class Reply(NamedTuple):
    """What is answered: a JSON body, or where to send the browser (`location`)."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def location(self) -> str | None:
        """Where the browser is sent."""
        return next((value for name, value in self.headers if name.lower() == "location"), None)


class Wanted(NamedTuple):
    """A sound authorization request: which wallet, what it may be granted, where the browser goes afterwards."""

    client: Client
    scope: str
    redirect_uri: str


class UnsoundError(Exception):
    """An authorization request that leads nowhere: an unknown wallet, or an address that it isn't registered with."""


def read_fields(text: str) -> list[tuple[str, str]]:
    """Names and values of a query or a form; empty ones count as not sent (RFC 6749, section 3.1)."""
    try:
        pairs = parse_qsl(text, errors="replace", max_num_fields=100)
    except ValueError:
        return []
    return [(name, value) for name, value in pairs if "\x00" not in value]


def digest_secret(secret: str) -> str:
    """What is kept of tokens, codes and wallets' secrets, which are random and long."""
    return sha256(secret.encode()).hexdigest()


def read_request(transaction: Transaction, fields: Fields, issuer: str) -> Wanted | Reply:
    """What a wallet asks for, or the reply that sends the browser back to it with an error. Raises UnsoundError."""
    found = _find_grant(_Server(transaction, issuer), _Request("GET", fields))
    if isinstance(found, Reply):
        return found
    return Wanted(found.request.client.about, found.request.scope, found.redirect_uri)


def answer_request(transaction: Transaction, fields: Fields, issuer: str, address: str | None) -> Reply:
    """Back to the wallet: with a code for what belongs to this address; None: the person says no. Raises UnsoundError."""
    server, request = _Server(transaction, issuer), _Request("POST", fields)
    found = _find_grant(server, request)
    if isinstance(found, Reply):
        return found
    reply: Reply = server.create_authorization_response(request, grant_user=address, grant=found)
    return server.tell_issuer(reply, scope=found.request.scope if address else "")


def _find_grant(server: "_Server", request: "_Request") -> Any:
    """What the request asks for, as Authlib has it; or the reply that takes an error back to the wallet."""
    try:
        return server.get_consent_grant(request)
    except OAuth2Error as error:
        if not error.redirect_uri:
            raise UnsoundError from error
        return server.tell_issuer(server.handle_error_response(request, error))
    except ValueError as error:  # what can't be told in ASCII, as an error's description has to be
        raise UnsoundError from error


def give_tokens(transaction: Transaction, fields: Fields, authorization: str) -> Reply:
    """The token endpoint: for a code, or for a refresh token, which is good once."""
    reply: Reply = _Server(transaction).create_token_response(_Request("POST", fields, authorization))
    return reply


def revoke(transaction: Transaction, fields: Fields, authorization: str) -> Reply:
    """The revocation endpoint: a refresh token takes everything of its connection with it. RFC 7009."""
    request = _Request("POST", fields, authorization)
    reply: Reply = _Server(transaction).create_endpoint_response("revocation", request)
    return reply


class _Payload(OAuth2Payload):  # type: ignore[misc] # Authlib has no types
    def __init__(self, fields: Fields) -> None:
        self._data = dict(fields)
        self._lists: dict[str, list[str]] = {}
        for name, value in fields:
            self._lists.setdefault(name, []).append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._lists


class _Request(OAuth2Request):  # type: ignore[misc] # Authlib has no types
    """As Authlib wants it. Whether it came by TLS is for the operator's proxy to see to: it is given an https address."""

    def __init__(self, method: str, fields: Fields, authorization: str = "") -> None:
        super().__init__(method, "https://here", headers={"Authorization": _readable(authorization)})
        self.payload = _Payload(fields)

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


def _readable(authorization: str) -> str:
    """The header, if it is text in Base64; else none."""
    try:
        b64decode(authorization.partition(" ")[2]).decode()
    except ValueError:
        return ""
    return authorization


class _Client(ClientMixin):  # type: ignore[misc] # Authlib has no types
    def __init__(self, about: Client) -> None:
        self.about = about

    def get_client_id(self) -> str:
        return self.about.id

    def get_default_redirect_uri(self) -> None:
        return None  # Open Badges wants it told each time

    def get_allowed_scope(self, scope: str | None) -> str | None:
        return narrow_scope(scope or "", self.about.metadata["scope"]) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return fits_redirect_uri(self.about.metadata["redirect_uris"], redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(digest_secret(client_secret), self.about.secret_digest or "")

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return bool(method == self.about.metadata["token_endpoint_auth_method"])

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.about.metadata["grant_types"]


class _Code:
    """A grant in its part of an authorization code."""

    code_challenge_method = "S256"

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.code_challenge = grant.code_challenge

    def get_redirect_uri(self) -> str:
        return self.grant.redirect_uri

    def get_scope(self) -> str:
        return self.grant.scope


class _Held:
    """A token that a wallet shows, and the grant it hangs on."""

    def __init__(self, about: Token, grant: Grant) -> None:
        self.about = about
        self.grant = grant

    def check_client(self, client: _Client) -> bool:
        return self.grant.client_id == client.about.id

    def get_scope(self) -> str:
        return self.grant.scope


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc] # Authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        transaction: Transaction = self.server.transaction
        grant = Grant(
            transaction.new_id(),
            request.client.about.id,
            fold(request.user),
            request.scope,
            transaction.at,
            transaction.at + CONNECTED_DAYS * _DAY_MS,
            digest_secret(code),
            request.payload.data["code_challenge"],
            self.redirect_uri,
        )
        store.add_grant(transaction, grant)

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        transaction: Transaction = self.server.transaction
        grant = store.find_grant_of_code(transaction, digest_secret(code), client.about.id)
        if grant is None or grant.has_good_code(transaction.at):
            return _Code(grant) if grant else None
        if grant.code_used_at is not None:  # somebody else has it too: what it was good for ends
            store.end_grant(transaction, grant.id)
        return None

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        store.note_code_used(self.server.transaction, authorization_code.grant.id)

    def authenticate_user(self, authorization_code: _Code) -> Grant:
        return authorization_code.grant


class _Challenge(CodeChallenge):  # type: ignore[misc] # Authlib has no types
    """S256, and always: Open Badges 3.0, section 7."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if not given.get("code_challenge") or given.get("code_challenge_method") != "S256":
            raise InvalidRequestError("A code_challenge with the code_challenge_method S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc] # Authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _Held | None:
        transaction: Transaction = self.server.transaction
        held = _find_held(transaction, refresh_token, "refresh_token")
        if (
            held is not None and held.about.used_at is not None
        ):  # it is in two hands: nobody shall have anything
            store.end_grant(transaction, held.grant.id)
            return None
        return held

    def authenticate_user(self, refresh_token: _Held) -> Grant:
        return refresh_token.grant

    def revoke_old_credential(self, refresh_token: _Held) -> None:
        store.note_token_used(self.server.transaction, refresh_token.about.digest)


class _Revocation(RevocationEndpoint):  # type: ignore[misc] # Authlib has no types
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Held | None:
        return _find_held(self.server.transaction, token_string, None)

    def revoke_token(self, token: _Held, request: Any) -> None:
        if token.about.kind == "refresh_token":
            store.end_grant(self.server.transaction, token.grant.id)
        else:
            store.delete_token(self.server.transaction, token.about.digest)


def _find_held(transaction: Transaction, token: str, kind: TokenKind | None) -> _Held | None:
    about = store.find_token(transaction, digest_secret(token), kind)
    grant = store.find_grant(transaction, about.grant_id) if about else None
    return _Held(about, grant) if about and grant else None


class _Server(AuthorizationServer):  # type: ignore[misc] # Authlib has no types
    """One for each transaction."""

    def __init__(self, transaction: Transaction, issuer: str = "") -> None:
        super().__init__()
        self.transaction = transaction
        self._issuer = issuer
        self.register_token_generator("default", _make_tokens)
        self.register_grant(_CodeGrant, [_Challenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_endpoint(_Revocation)

    def query_client(self, client_id: str) -> _Client | None:
        about = None if "\x00" in client_id else store.find_client(self.transaction, client_id)
        return _Client(about) if about else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        grant, at = request.user, self.transaction.at
        ends_at = at + ACCESS_SECONDS * 1_000
        self._keep(grant, "access_token", token, ends_at)
        if "refresh_token" in token:
            ends_at = at + CONNECTED_DAYS * _DAY_MS
            self._keep(grant, "refresh_token", token, ends_at)
        store.prolong(self.transaction, grant, ends_at)

    def _keep(self, grant: Grant, kind: TokenKind, token: dict[str, Any], ends_at: int) -> None:
        digest = digest_secret(token[kind])
        kept = Token(digest, grant.id, kind, token["scope"], self.transaction.at, ends_at)
        store.add_token(self.transaction, kept)

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Reply:
        return Reply(status, body if isinstance(body, dict) else dict(body or {}), tuple(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def tell_issuer(self, reply: Reply, **more: str) -> Reply:
        """The reply with who gives it, so that a wallet with several servers can't be misled; and with the scope."""
        told = [(name, value) for name, value in {**more, "iss": self._issuer}.items() if value]
        location = add_params_to_uri(reply.location, told)
        return Reply(reply.status, reply.body, (("Location", location),))


def _make_tokens(*, scope: str, include_refresh_token: bool, client: _Client, **_: Any) -> dict[str, Any]:
    """What the token endpoint answers with; a refresh without a scope that can be had is refused."""
    narrowed = narrow_scope(scope, client.about.metadata["scope"])
    if not narrowed:
        raise InvalidScopeError
    token: dict[str, Any] = {
        "access_token": secrets.token_urlsafe(32),
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "scope": narrowed,
    }
    if include_refresh_token:
        token["refresh_token"] = secrets.token_urlsafe(32)
    return token
