"""Workspaces and access tokens as values. Pure: no web, no database, no clock."""

import re
import secrets
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal, NamedTuple
from zlib import crc32
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from credtrail.errors import invalid
from credtrail.values import Moment, present_moment

Access = Literal["full", "read"]

TOKEN_PREFIX = "ctr_"  # noqa: S105 - the prefix secret scanners look for, not a secret
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 34
_CHECK_LENGTH = 6


class Workspace(NamedTuple):
    """An issuer's own room: its groups, credentials, interactions and tokens; nobody else sees into it.

    `domain`: the host name that its public pages have; counts once it is confirmed. `interaction_days`,
    `set_aside_days`: how long single rows are kept; None for ever, or for as long as the installation says.
    `next_time_zone` holds for all that is received from `next_time_zone_at` on; what came before is moved over to the
    days of that zone then, up to the id `days_moved_to` so far.
    """

    id: str
    name: str
    time_zone: str
    created_at: Moment
    updated_at: Moment
    domain: str | None = None
    domain_confirmed_at: Moment | None = None
    interaction_days: int | None = None
    set_aside_days: int | None = None
    next_time_zone: str | None = None
    next_time_zone_at: Moment | None = None
    days_moved_to: str | None = None

    @property
    def confirmed_domain(self) -> str | None:
        """Its domain, once that counts."""
        return self.domain if self.domain_confirmed_at is not None else None


INTERACTION_DAYS = (30, 36_500)
SET_ASIDE_DAYS = (1, 365)
"""How few and how many days may be chosen."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def read_domain(text: str) -> str | None:
    """A host name in lower case, in the form that DNS knows (IDNA); None where nothing was typed.

    Refuses (400) what is no host name with a dot in it: addresses with a path, numbers, names of this machine.
    """
    name = (
        text.strip()
        .lower()
        .removeprefix("https://")
        .removeprefix("http://")
        .removesuffix("/")
        .removesuffix(".")
    )
    if not name:
        return None
    with suppress(UnicodeError):
        name = name.encode("idna").decode()
    if len(name) > 253 or not re.fullmatch(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}", name):
        raise invalid("domain", "must be a host name such as credentials.school.example")
    return name


def read_time_zone(text: str) -> str:
    """An IANA time zone's name; refuses (400) others."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("time_zone", "must be the name of a time zone such as Europe/Berlin") from None


def read_days(name: str, text: str, bounds: tuple[int, int]) -> int | None:
    """A number of days within the bounds; None where nothing was typed. Refuses (400) others."""
    least, most = bounds
    if not text.strip():
        return None
    days = int(text) if re.fullmatch(r"[0-9]{1,6}", text.strip()) else 0
    if not least <= days <= most:
        raise invalid(name, f"must be a whole number of days from {least} to {most:,}, or empty")
    return days


PrivacyMode = Literal["storage", "consent", "cookieless"]
"""What a workspace's pages may keep on a visitor's device: the recipient's flag; that, once allowed; nothing."""


Allowed = Literal["everybody", "recipient", "nobody"]
"""Who may do something on a credential's page: anybody who sees it, only its verified owner, nobody."""

NameChanges = Literal["never", "request", "at_once"]
"""What becomes of a recipient's correction of the name: not offered; the issuer decides; it holds at once."""


class IssuerProfile(NamedTuple):
    """How a workspace shows itself on its credentials and their pages; its name is the workspace's.

    `brand_color` is `#rrggbb`; logo and signature are digests of kept images. `indexed`: pages may be found by
    search engines. Mails come from `sender_name` at `sender_email` where they are given, else from the workspace's
    name at the installation's address. `language` (ISO 639-1) is that of mails and documents. The last five are what
    verified owners of its credentials may do: share and download (or everybody), choose who sees the page, correct
    their name, take the page offline.
    """

    website_url: str | None = None
    contact_email: str | None = None
    brand_color: str = "#14594b"
    signatory_name: str | None = None
    signatory_title: str | None = None
    privacy_mode: PrivacyMode = "storage"
    indexed: bool = False
    logo_digest: str | None = None
    signature_digest: str | None = None
    sender_name: str | None = None
    sender_email: str | None = None
    language: str = "en"
    sharing: Allowed = "everybody"
    downloading: Allowed = "everybody"
    privacy_choices: bool = True
    name_changes: NameChanges = "request"
    offline_choices: bool = True


def change_profile(profile: IssuerProfile, changes: dict[str, Any]) -> IssuerProfile:
    """The profile with these fields changed; an empty text clears one that may be empty.

    Refuses (400) an address that isn't http or https, a colour that isn't `#rrggbb`, an e-mail address without @.
    """
    emptied = {name: None if value == "" else value for name, value in changes.items()}
    changed = IssuerProfile(**{**profile._asdict(), **emptied})
    if changed.website_url and not re.fullmatch(r"https?://[^\s/?#]+\S*", changed.website_url):
        raise invalid("website", "must be an http:// or https:// address")
    if changed.contact_email and not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+", changed.contact_email):
        raise invalid("contact", "must be an e-mail address")
    if changed.sender_email and not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+", changed.sender_email):
        raise invalid("sender-email", "must be an e-mail address")
    if not re.fullmatch(r"#[0-9a-f]{6}", changed.brand_color or ""):
        raise invalid("color", "must be # and six hexadecimal digits, such as #14594b")
    return changed


class IssuerImage(NamedTuple):
    """A logo or a signature, as a picture that was read and written anew by us."""

    digest: str
    media_type: str
    content: bytes


class StoredImage(NamedTuple):
    """What is known of an uploaded image without its content: size in pixels and in bytes."""

    digest: str
    media_type: str
    width: int
    height: int
    bytes: int
    uploaded_at: Moment

    @property
    def key(self) -> str:
        """Sorts in the order of uploads."""
        return f"{self.uploaded_at:015d}{self.digest}"


class WorkspaceAnswer(Struct, rename="camel"):
    """A workspace on the wire (contract, section 4)."""

    id: str
    name: str
    created_at: str
    updated_at: str


class TokenName(Struct, rename="camel"):
    """The token a request was made with, as `/me` tells it."""

    id: str
    name: str


class MeAnswer(Struct, rename="camel"):
    """Who is asking: the access token's name and its workspace.

    Assumed: this whole shape, since the original's is not public.
    """

    token: TokenName
    workspace: WorkspaceAnswer


class AccessToken(NamedTuple):
    """An access token as it is listed; the secret itself is shown once, when it is made, and never kept."""

    id: str
    workspace_id: str
    workspace_name: str
    name: str
    access: Access
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


def present_workspace(workspace: Workspace) -> WorkspaceAnswer:
    """The workspace as the wire shows it."""
    return WorkspaceAnswer(
        workspace.id,
        workspace.name,
        present_moment(workspace.created_at),
        present_moment(workspace.updated_at),
    )


def make_token() -> str:
    """A new secret: `ctr_`, 34 random letters and digits, 6 of checksum, so that scanners can tell a real one."""
    random = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_LENGTH))
    return f"{TOKEN_PREFIX}{random}{_checksum(random)}"


def is_well_formed(token: str) -> bool:
    """Whether it could be one of ours; saves a look-up for what can't."""
    random = token[len(TOKEN_PREFIX) : -_CHECK_LENGTH]
    return (
        token.startswith(TOKEN_PREFIX)
        and len(random) == _RANDOM_LENGTH
        and token.isascii()
        and token.endswith(_checksum(random))
    )


def digest_token(token: str) -> str:
    """What is kept of a token. Plain SHA-256 is enough: 34 random characters can't be guessed."""
    return sha256(token.encode()).hexdigest()


def _checksum(random: str) -> str:
    number, digits = crc32(random.encode("latin-1", "replace")), ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(_CHECK_LENGTH, "0")
