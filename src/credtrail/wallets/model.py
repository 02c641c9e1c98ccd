"""Wallets, what they registered with, and what they get, as values and as the standards say them. Pure.

Sources: Open Badges 3.0, sections 6 (API) and 7 (its security); RFC 7591 (registration), RFC 8252 (native apps).
"""

import re
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

from msgspec import Meta, Struct, field

from credtrail.badges.model import CONTEXTS
from credtrail.values import Moment

_SCOPE = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
READ_CREDENTIALS = _SCOPE + "credential.readonly"
READ_PROFILE = _SCOPE + "profile.readonly"
STAY_CONNECTED = "offline_access"
SCOPES = (READ_CREDENTIALS, READ_PROFILE, STAY_CONNECTED)
"""What can be granted. Assumed: a wallet that asks for more (to write credentials or the profile) gets this part of it."""

API = "/ims/ob/v3p0"
AUTHORIZE, TOKEN, REVOKE, REGISTER = "/oauth/authorize", "/oauth/token", "/oauth/revoke", "/oauth/register"
METADATA = "/.well-known/oauth-authorization-server"

CODE_SECONDS = 120
"""So long a wallet may take to fetch its tokens with an authorization code."""
ACCESS_SECONDS = 3_600
CONNECTED_DAYS = 90
"""A connection ends when it wasn't refreshed for so long."""
REUSE_DAYS = 30
"""So long a refresh token that was used is known again."""
UNUSED_CLIENT_DAYS = 7
"""A wallet that nobody ever connected is forgotten after so long; one without connections after as long as these last."""

MOST_AT_ONCE = 100
"""Credentials in one answer."""

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
AUTH_METHODS: tuple[AuthMethod, ...] = ("client_secret_basic", "client_secret_post", "none")
GRANT_TYPES = ("authorization_code", "refresh_token")
_KNOWN_SCHEMES = {"dccrequest"}  # of wallets that are older than the rule for such names
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Client(NamedTuple):
    """A registered wallet; `secret_digest` None: one that can't keep a secret. `metadata` is what it told of itself."""

    id: str
    secret_digest: str | None
    metadata: dict[str, Any]
    created_at: Moment
    used_at: Moment | None = None

    @property
    def name(self) -> str:
        """What it calls itself; nobody has checked that."""
        return str(self.metadata["client_name"])


class Grant(NamedTuple):
    """That a wallet may have what belongs to an e-mail address; all tokens hang on it.

    The code's part is what the authorization code was made for; a code is good once and for `CODE_SECONDS`.
    """

    id: str
    client_id: str
    address: str
    scope: str
    created_at: Moment
    expires_at: Moment
    code_digest: str
    code_challenge: str
    redirect_uri: str
    code_used_at: Moment | None = None

    def has_good_code(self, at: Moment) -> bool:
        """Whether its code can be exchanged for tokens at that moment."""
        return self.code_used_at is None and at < self.created_at + CODE_SECONDS * 1_000


TokenKind = Literal["access_token", "refresh_token"]


class Token(NamedTuple):
    """A token of a grant, as it is kept; `used_at`: a refresh token that was exchanged for the next one."""

    digest: str
    grant_id: str
    kind: TokenKind
    scope: str
    created_at: Moment
    expires_at: Moment
    used_at: Moment | None = None


class Connection(NamedTuple):
    """A wallet that is connected, as it is listed."""

    grant_id: str
    name: str
    scope: str
    created_at: Moment
    used_at: Moment | None
    expires_at: Moment


# ---- registration ------------------------------------------------------------------------------------------------

_Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
_Uri = Annotated[str, Meta(min_length=1, max_length=1_000, pattern=r"^[\x21-\x7e]+$")]


class Registration(Struct):
    """What a wallet says of itself when it registers (RFC 7591, section 2); what isn't listed here is ignored.

    Assumed: of what Open Badges wants to be told, only the name and the redirect URIs have to be there.
    """

    client_name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")]
    redirect_uris: Annotated[list[_Uri], Meta(min_length=1, max_length=10)]
    client_uri: _Uri | None = None
    logo_uri: _Uri | None = None
    tos_uri: _Uri | None = None
    policy_uri: _Uri | None = None
    software_id: _Text | None = None
    software_version: _Text | None = None
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"  # noqa: S105 - a way, not a secret
    grant_types: Annotated[list[_Text], Meta(max_length=10)] = field(
        default_factory=lambda: ["authorization_code"]
    )
    response_types: Annotated[list[_Text], Meta(max_length=10)] = field(default_factory=lambda: ["code"])
    scope: Annotated[str, Meta(max_length=2_000)] = " ".join(SCOPES)
    contacts: Annotated[list[_Text], Meta(max_length=10)] = []


class RegistrationError(ValueError):
    """A registration that can't be taken: an error of RFC 7591, section 3.2.2, and a sentence in ASCII."""

    def __init__(self, error: Literal["invalid_redirect_uri", "invalid_client_metadata"], told: str) -> None:
        super().__init__(told)
        self.error = error


def read_registration(given: Registration) -> dict[str, Any]:
    """What is kept of it: grant types and scopes only as far as they can be granted. Raises RegistrationError."""
    for uri in given.redirect_uris:
        _check_redirect_uri(uri)
    pages = {"client_uri", "logo_uri", "tos_uri", "policy_uri"}
    told = {name: getattr(given, name) for name in given.__struct_fields__}
    hosts = {_page_host(name, told[name]) for name in pages if told[name] is not None}
    hosts |= {host for host in map(_web_host, given.redirect_uris) if host}
    if len(hosts) > 1:
        raise RegistrationError("invalid_client_metadata", "all https addresses must have one host name")
    told["grant_types"] = [name for name in given.grant_types if name in GRANT_TYPES]
    if "authorization_code" not in told["grant_types"] or "code" not in given.response_types:
        raise RegistrationError(
            "invalid_client_metadata", "grant_types must have authorization_code, response_types code"
        )
    told["response_types"] = ["code"]
    told["scope"] = narrow_scope(given.scope) or " ".join(SCOPES)
    return {name: value for name, value in told.items() if value not in (None, [])}


def keeps_secrets(metadata: dict[str, Any]) -> bool:
    """Whether a wallet that registered so gets a secret: an app on somebody's own device couldn't keep it."""
    method: AuthMethod = metadata["token_endpoint_auth_method"]
    return method in ("client_secret_basic", "client_secret_post")


def _check_redirect_uri(uri: str) -> None:
    """https; http to this very device; a scheme of an app's own, named like its domain (RFC 8252, section 7)."""
    parts = _split(uri)
    fits = False
    if parts is not None and not parts.fragment and "#" not in uri and "@" not in parts.netloc:
        if parts.scheme == "https":
            fits = bool(parts.hostname)
        elif parts.scheme == "http":
            fits = parts.hostname in _LOOPBACK
        else:
            fits = "." in parts.scheme or parts.scheme in _KNOWN_SCHEMES
    if not fits:
        raise RegistrationError(
            "invalid_redirect_uri",
            "redirect_uris must be https, http to a loopback address, or of a scheme like org.example.app, "
            "without fragment and user",
        )


def _page_host(name: str, address: str) -> str:
    host = _web_host(address)
    if not host:
        raise RegistrationError("invalid_client_metadata", f"{name} must be an https address")
    return host


def _web_host(address: str) -> str:
    parts = _split(address)
    is_web = parts is not None and parts.scheme == "https" and "@" not in parts.netloc
    return (parts.hostname or "") if parts is not None and is_web else ""


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def narrow_scope(asked: str, within: str = " ".join(SCOPES)) -> str:
    """Those of the scopes that can be had, in our order."""
    wanted = set(asked.split()) & set(within.split())
    return " ".join(scope for scope in SCOPES if scope in wanted)


def fits_redirect_uri(registered: list[str], asked: str) -> bool:
    """Whether it is one of these, letter by letter; only the port of a loopback address is free (RFC 8252, 7.3)."""
    return asked in registered or any(
        _without_port(asked) == _without_port(uri) is not None for uri in registered
    )


def _without_port(uri: str) -> str | None:
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or parts.hostname not in _LOOPBACK or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts._replace(netloc=host).geturl()


def place_of(redirect_uri: str) -> str:
    """Where a redirect URI leads, as people may read it: a host name, or an app's scheme."""
    parts = urlsplit(redirect_uri)
    return parts.hostname or "" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def form_target_of(redirect_uri: str) -> str:
    """The same as a source of a Content-Security-Policy: where a form may lead in the end."""
    parts = urlsplit(redirect_uri)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", parts.netloc, re.ASCII):
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


# ---- what wallets are answered -----------------------------------------------------------------------------------

CodeMinor = Literal[
    "forbidden",
    "invalid_query_parameter",
    "not_allowed",
    "server_busy",
    "unauthorizedrequest",
]


def status_info(minor: CodeMinor, description: str) -> dict[str, Any]:
    """An Imsx_StatusInfo that says no. Source: Open Badges 3.0, Imsx_StatusInfo."""
    one = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor}
    return {
        "imsx_codeMajor": "unsupported" if minor == "not_allowed" else "failure",
        "imsx_severity": "error",
        "imsx_description": description,
        "imsx_codeMinor": {"imsx_codeMinorField": [one]},
    }


def recipient_profile(address: str, name: str | None) -> dict[str, Any]:
    """The person as an Open Badges Profile: the proven address, and the name on the latest credential."""
    told: dict[str, Any] = {"@context": CONTEXTS, "id": f"mailto:{address}", "type": ["Profile"]}
    if name:
        told["name"] = name
    return {**told, "email": address}


class Page(NamedTuple):
    """Which of the credentials: from `offset` on at most `limit`, issued or changed after `since`."""

    limit: int = MOST_AT_ONCE
    offset: int = 0
    since: Moment | None = None


def page_links(address: str, page: Page, total: int, kept: dict[str, str]) -> str:
    """The Link header: first and last always, next and prev where there are such. `kept` goes into each address."""
    last = max(0, (total - 1) // page.limit * page.limit)
    offsets = {"first": 0, "last": last}
    if page.offset + page.limit < total:
        offsets["next"] = page.offset + page.limit
    if page.offset > 0:
        offsets["prev"] = max(0, page.offset - page.limit)
    return ", ".join(
        f'<{address}?{urlencode({**kept, "limit": page.limit, "offset": offset})}>; rel="{rel}"'
        for rel, offset in offsets.items()
    )


def server_metadata(public_url: str) -> dict[str, Any]:
    """Source: RFC 8414, RFC 9207."""
    return {
        "issuer": public_url,
        "authorization_endpoint": public_url + AUTHORIZE,
        "token_endpoint": public_url + TOKEN,
        "revocation_endpoint": public_url + REVOKE,
        "registration_endpoint": public_url + REGISTER,
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
