"""Credentials: what an interaction belongs to. Pure.

`status` on the wire follows the clock: an issued credential whose expiry date has passed in its workspace's
time zone is told as expired; what is stored stays `issued`.
"""

from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from credtrail.accounts.model import IssuerProfile
from credtrail.credentials.links import home_of
from credtrail.credentials.privacy import PagePrivacy, Privacy, privacy_of
from credtrail.designs.model import Design
from credtrail.errors import invalid
from credtrail.groups.model import Group
from credtrail.values import (
    NO_NUL,
    AnyId,
    DateTime,
    IsoDate,
    Moment,
    Name,
    WebAddress,
    add_period,
    day_of,
    first_moment_of,
    must,
    parse_date,
    parse_moment,
    present_moment,
)

Status = Literal["draft", "scheduled", "issued", "expired"]
StoredStatus = Literal["draft", "scheduled", "issued"]
AfterCreating = Literal["keep", "issue", "issue_and_send"]

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


Evidences = Annotated[
    list[Evidence], must("be a list of at most 20 objects with a name and a url", max_length=20)
]


class NewCredential(Struct, rename="camel"):
    """A credential to be created, as a draft.

    Without `expiryDate` the group's expiry rule decides; null is never. `evidence` is ours: shown on the credential's
    page, not among a credential's fields on the wire.
    """

    group_id: AnyId
    recipient: NewRecipient
    issue_date: IsoDate | None = None
    expiry_date: IsoDate | UnsetType | None = UNSET
    custom_attributes: dict[str, Any] = {}
    evidence: Evidences = []


class RecipientChange(Struct):
    """What shall change of a recipient. Assumed: an `id` is taken and has no effect; a null `email` takes it away."""

    name: Name | UnsetType = UNSET
    email: EmailAddress | UnsetType | None = UNSET
    id: AnyId | UnsetType | None = UNSET


class CredentialChange(Struct, rename="camel"):
    """What shall change of a credential; what isn't given stays.

    `customAttributes` are merged: a null value takes that one away.
    """

    recipient: RecipientChange | UnsetType = UNSET
    issue_date: IsoDate | UnsetType = UNSET
    expiry_date: IsoDate | UnsetType | None = UNSET
    custom_attributes: dict[str, Any] = {}
    evidence: Evidences | UnsetType = UNSET


class Delivery(Struct, rename="camel"):
    """How a credential goes to its recipient: by e-mail, the only way there is."""

    delivery_method: Annotated[Literal["email"], must("be email", example="email")]


class Schedule(Struct, rename="camel"):
    """When a draft shall be issued, and whether it is mailed then.

    Assumed: without `issueAt` it is the beginning of the credential's issue date in the workspace's time zone.
    """

    issue_at: DateTime | None = None
    send_at_issuance: bool = False


class NewCredentials(Struct):
    """Up to 1,000 credentials at once, and what is to happen to each: stay a draft, be issued, be issued and mailed."""

    data: Annotated[
        list[Any],  # each item is read by itself, so that one wrong item refuses only itself
        must("be a list of 1 to 1,000 credentials", min_length=1, max_length=1_000),
        Meta(extra_json_schema={"items": {"$ref": "#/components/schemas/NewCredential"}}),
    ]
    then: AfterCreating = "keep"


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
    issue_at: Moment | None = None
    send_at_issuance: bool = False
    external_key: str | None = None


class PublicView(NamedTuple):
    """A credential with what is around it, as its public page shows it."""

    credential: Credential
    group: Group
    issuer_name: str
    time_zone: str
    profile: IssuerProfile
    own_designs: tuple[Design, ...] = ()
    domain: str | None = None
    page: PagePrivacy = PagePrivacy()

    def home(self, public_url: str) -> str:
        """Where its pages are, without a trailing slash: under the workspace's own domain once it is confirmed."""
        return home_of(public_url, self.domain)

    @property
    def privacy(self) -> Privacy:
        """Who may see its page, as long as that isn't offline; asked by `recipients/access.py`."""
        return privacy_of(self.page, indexed=self.profile.indexed)


def read_dates(new: NewCredential, today: str, expires_after: str | None = None) -> tuple[str, str | None]:
    """Issue date (today where none is given) and expiry date (by the group's rule where none is given).

    Refuses days that don't exist, and expiry before issue.
    """
    issue_date = _read_day("issueDate", new.issue_date) or today
    if new.expiry_date is UNSET:
        return issue_date, add_period(issue_date, expires_after) if expires_after else None
    return check_dates(issue_date, _read_day("expiryDate", new.expiry_date))


def check_dates(issue_date: str, expiry_date: str | None) -> tuple[str, str | None]:
    """Both, unless expiry comes before issue."""
    if expiry_date is not None and expiry_date < issue_date:
        raise invalid("expiryDate", "must not be before the issue date")
    return issue_date, expiry_date


def change_credential(credential: Credential, change: CredentialChange) -> Credential:
    """The credential with the changes made, but for its custom attributes; refuses what `read_dates` refuses."""
    recipient = change.recipient if isinstance(change.recipient, RecipientChange) else RecipientChange()
    issue_date, expiry_date = credential.issue_date, credential.expiry_date
    if isinstance(change.issue_date, str):
        issue_date = _read_day("issueDate", change.issue_date) or issue_date
    if change.expiry_date is not UNSET:
        expiry_date = _read_day("expiryDate", change.expiry_date)
    check_dates(issue_date, expiry_date)
    return credential._replace(
        recipient_name=credential.recipient_name if recipient.name is UNSET else recipient.name,
        recipient_email=credential.recipient_email if recipient.email is UNSET else recipient.email,
        issue_date=issue_date,
        expiry_date=expiry_date,
        evidence=credential.evidence if change.evidence is UNSET else to_builtins(change.evidence),
    )


def read_issue_at(schedule: Schedule, credential: Credential, at: Moment, time_zone: str) -> Moment:
    """When to issue; refuses (400) what is no date-time, and what is past."""
    field = "issueAt"
    if schedule.issue_at is None:
        issue_at = first_moment_of(credential.issue_date, time_zone)
    else:
        try:
            issue_at = parse_moment(schedule.issue_at)
        except ValueError:
            raise invalid(field, "must be an ISO 8601 date and time with Z or an offset") from None
    if issue_at <= at:
        raise invalid(field, "must lie in the future")
    return issue_at


def _read_day(field: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_date(text).isoformat()
    except ValueError:
        raise invalid(field, "must be a calendar day written YYYY-MM-DD") from None


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
