"""Credentials: what an interaction belongs to. Pure.

`status` on the wire follows the clock: an issued credential whose expiry date has passed in its workspace's
time zone is told as expired; what is stored stays `issued`.
"""

from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Struct

from credtrail.errors import invalid
from credtrail.values import (
    NO_NUL,
    AnyId,
    IsoDate,
    Moment,
    Name,
    WebAddress,
    day_of,
    must,
    parse_date,
    present_moment,
)

Status = Literal["draft", "scheduled", "issued", "expired"]
StoredStatus = Literal["draft", "scheduled", "issued"]

EmailAddress = Annotated[
    str,
    must(
        "be an e-mail address of at most 254 characters",
        max_length=254,
        pattern=r"^[^@\s\u0000]{1,64}@[^@\s\u0000]+$",
        example="amelie@learner.example",
    ),
]


class NewRecipient(Struct, rename="camel"):
    """Who a new credential is for. `id` names a recipient known before; null or none makes a new one."""

    name: Name
    email: EmailAddress | None = None
    id: AnyId | None = None


class Evidence(Struct):
    """Something that shows what the recipient did: a name and where to see it."""

    name: Name
    url: WebAddress


class NewCredential(Struct, rename="camel"):
    """A credential to be created, as a draft.

    `evidence` is ours: shown on the credential's page, not among a credential's fields on the wire.
    """

    group_id: AnyId
    recipient: NewRecipient
    issue_date: IsoDate | None = None
    expiry_date: IsoDate | None = None
    custom_attributes: dict[str, Any] = {}
    evidence: Annotated[
        list[Evidence], must("be a list of at most 20 objects with a name and a url", max_length=20)
    ] = []


class Revocation(Struct):
    """Why a credential is taken back, for everybody to read on its page."""

    reason: (
        Annotated[str, must("be a string of at most 1,000 characters", max_length=1_000, pattern=NO_NUL)]
        | None
    ) = None


class Recipient(Struct):
    """The person a credential is about. Assumed: always an object, with `email` null when none is known."""

    id: str
    name: str
    email: str | None


class CredentialAnswer(Struct, rename="camel"):
    """A credential on the wire, keys in the contract's order (section 3)."""

    id: str
    public_id: str
    group_id: str
    status: Status
    recipient: Recipient
    issue_date: str
    expiry_date: str | None
    attributes: dict[str, str]
    custom_attributes: dict[str, str]
    created_at: str
    updated_at: str


class Credential(NamedTuple):
    """A credential; `issue_date` and `expiry_date` are days in the workspace's time zone."""

    id: str
    public_id: str
    workspace_id: str
    group_id: str
    status: StoredStatus
    recipient_id: str
    recipient_name: str
    recipient_email: str | None
    issue_date: str
    expiry_date: str | None
    custom_attributes: dict[str, str]
    created_at: Moment
    updated_at: Moment
    evidence: list[dict[str, str]]
    sent_at: Moment | None = None
    revoked_at: Moment | None = None
    revocation_reason: str | None = None


def read_dates(new: NewCredential, today: str) -> tuple[str, str | None]:
    """Issue date (today where none is given) and expiry date; refuses days that don't exist, or expiry before issue."""
    issue_date = _read_day("issueDate", new.issue_date) or today
    expiry_date = _read_day("expiryDate", new.expiry_date)
    if expiry_date is not None and expiry_date < issue_date:
        raise invalid("expiryDate", "must not be before the issue date")
    return issue_date, expiry_date


def _read_day(field: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_date(text).isoformat()
    except ValueError:
        raise invalid(field, "must be a calendar day written YYYY-MM-DD") from None


def check_custom_attributes(given: dict[str, Any]) -> None:
    """Refuse keys that the workspace has no attribute for; so far no workspace has any.

    Assumed: a custom attribute that the workspace does not have is 400.
    """
    for key in given:
        raise invalid(f"customAttributes.{key[:100]}", "must be an attribute of the workspace")


def status_at(credential: Credential, at: Moment, time_zone: str) -> Status:
    """The status told at a moment: the expiry day itself still counts as valid, in the workspace's time zone."""
    if credential.status == "issued" and has_expired(credential.expiry_date, at, time_zone):
        return "expired"
    return credential.status


def has_expired(expiry_date: str | None, at: Moment, time_zone: str) -> bool:
    """Whether the day after the expiry date has begun in that time zone."""
    return expiry_date is not None and date.fromisoformat(expiry_date) < date.fromisoformat(
        day_of(at, time_zone)
    )


def present_credential(credential: Credential, at: Moment, time_zone: str) -> CredentialAnswer:
    """The credential as the wire shows it at that moment."""
    return CredentialAnswer(
        credential.id,
        credential.public_id,
        credential.group_id,
        status_at(credential, at, time_zone),
        Recipient(credential.recipient_id, credential.recipient_name, credential.recipient_email),
        credential.issue_date,
        credential.expiry_date,
        {"recipient.name": credential.recipient_name},
        credential.custom_attributes,
        present_moment(credential.created_at),
        present_moment(credential.updated_at),
    )
