"""Users, their roles in workspaces, sessions, invitations and what they did, as values. Pure.

A user signs in to the dashboard; an access token speaks for a workspace on the API. The two never mix.
"""

import re
import secrets
from base64 import b32encode
from hashlib import sha256
from typing import Literal, NamedTuple, get_args

from credtrail.errors import invalid
from credtrail.values import Moment

Role = Literal["viewer", "editor", "admin", "owner"]
"""From least to most. A viewer reads; an editor also works with credentials, groups, attributes, templates and
designs; an admin also manages tokens, webhooks, members and settings, and erases; an owner also other owners, and
deletes the workspace."""

ROLES: tuple[Role, ...] = get_args(Role)

ROLE_SENTENCES: dict[Role, str] = {
    "viewer": "sees everything, changes nothing",
    "editor": "also works with credentials, groups, attributes, mail templates and designs",
    "admin": "also manages members, access tokens, webhooks and settings, and erases persons",
    "owner": "also appoints other owners and can delete the workspace",
}

LinkKind = Literal["set_up", "sign_in", "password"]
"""What a one-time link is good for: the first user of an installation; signing in; choosing a new password."""

_PASSWORD_LENGTHS = (10, 200)
_ADDRESS = re.compile(r"[^@\s<>\x00]{1,64}@[^@\s<>\x00]{1,255}")


class User(NamedTuple):
    """A person who signs in. `email` is folded to lower case. `totp_secret` is sealed; `totp_step` the last one used,
    so that a code is good once."""

    id: str
    email: str
    name: str
    password_hash: str | None
    totp_secret: str | None
    totp_step: int
    created_at: Moment
    updated_at: Moment


class Member(NamedTuple):
    """A user's part in a workspace."""

    workspace_id: str
    workspace_name: str
    user_id: str
    user_email: str
    user_name: str
    role: Role
    created_at: Moment


class Invitation(NamedTuple):
    """An address that was asked to join a workspace, until it has, or the invitation has ended."""

    id: str
    workspace_id: str
    email: str
    role: Role
    digest: str
    created_at: Moment
    expires_at: Moment


class Session(NamedTuple):
    """A browser that is signed in. `device` is what the browser says of itself, in two words."""

    digest: str
    user_id: str
    device: str
    created_at: Moment
    seen_at: Moment
    expires_at: Moment


class AuditEntry(NamedTuple):
    """Who did what: `actor` is the user's address as it was, or how else it was done (`command line`)."""

    id: str
    workspace_id: str | None
    user_id: str | None
    actor: str
    action: str
    subject: str
    details: str


def may(role: Role, needed: Role) -> bool:
    """Whether who has a role may do what needs another."""
    return ROLES.index(role) >= ROLES.index(needed)


def make_secret() -> str:
    """A secret for a link or a cookie; kept as a digest only."""
    return secrets.token_urlsafe(32)


def digest_secret(secret: str) -> str:
    """What is kept of it. Plain SHA-256 is enough: 256 random bits can't be guessed."""
    return sha256(secret.encode()).hexdigest()


def make_recovery_codes() -> list[str]:
    """Ten codes for who has lost their authenticator app: `k7qm-2xd4-…`, 80 random bits each, good once."""
    codes = (b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(10))
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def digest_recovery_code(code: str) -> str:
    """What is kept of one, however its groups are parted."""
    return digest_secret("".join(code.replace("-", " ").split()).lower())


def read_address(text: str, field: str = "email") -> str:
    """An e-mail address as it is compared: trimmed, lower case. Refuses (400) what isn't one."""
    address = text.strip().lower()
    if _ADDRESS.fullmatch(address) is None:
        raise invalid(field, "must be an e-mail address")
    return address


def read_person_name(text: str, field: str = "name") -> str:
    """A user's name. Refuses (400) an empty one and a very long one."""
    name = " ".join(text.replace("\x00", "").split())
    if not 1 <= len(name) <= 255:
        raise invalid(field, "must be a name of 1 to 255 characters")
    return name


def read_password(text: str, email: str, field: str = "password") -> str:
    """A new password. Refuses (400) what is easy to guess; asks for length, not for signs (NIST SP 800-63B, 3.1.1)."""
    least, most = _PASSWORD_LENGTHS
    if not least <= len(text) <= most:
        raise invalid(field, f"must have {least} to {most} characters")
    plain = text.lower()
    if len(set(plain)) < 4 or plain in email or email.partition("@")[0] in (plain, plain[::-1]):
        raise invalid(field, "is too easy to guess; take some words that nobody would expect together")
    return text


def device_of(user_agent: str) -> str:
    """What a browser says of itself, as a person would: `Firefox on Linux`."""
    browsers = (
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    )
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    )
    browser = next((name for sign, name in browsers if sign in user_agent), "A browser")
    system = next((name for sign, name in systems if sign in user_agent), None)
    return f"{browser} on {system}" if system else browser
