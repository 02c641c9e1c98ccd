"""What the server answers, as values, and what it is asked for, as typed dictionaries. Pure.

Lenient on purpose: what a newer server adds is ignored, and what only some servers send has a default, so that one
client reads Credtrail's answers and those of the API it is compatible with. States and event types are therefore
plain text here. Sources: contract, sections 2 to 4.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Generic, Literal, Required, TypedDict, TypeVar

from msgspec import Struct, field

from credtrail.values import Actor, EventType

T = TypeVar("T")


class Answer(Struct, rename="camel"):
    """Something the server told, in Python's spelling."""


class Pagination(Answer):
    """Where the neighbours of a page begin; None at either end."""

    prev: str | None = None
    next: str | None = None


class Page(Answer, Generic[T]):
    """One page of a list."""

    data: list[T]
    pagination: Pagination = field(default_factory=Pagination)


class Results(Answer, Generic[T]):
    """What became of many items, in their order."""

    data: list[T]


class Recipient(Answer):
    """The person a credential is about."""

    id: str
    name: str
    email: str | None = None


class Credential(Answer):
    """A credential. `status` is draft, scheduled, issued or expired; `recipient` is None only elsewhere."""

    id: str
    public_id: str
    group_id: str
    status: str
    created_at: datetime
    updated_at: datetime
    recipient: Recipient | None = None
    issue_date: date | None = None
    expiry_date: date | None = None
    attributes: dict[str, Any] = {}
    custom_attributes: dict[str, Any] = {}


class Interaction(Answer):
    """Something that somebody did with a credential."""

    id: str
    credential_id: str
    event_type: str
    triggered_by: str
    triggered_at: datetime


class SetAside(Answer):
    """Something that a page sent and that is not counted, with the reason."""

    id: str
    credential_id: str
    event_type: str
    triggered_by: str
    triggered_at: datetime
    reason: str


class SetAsideCount(Answer):
    """How many were set aside on a day for a reason."""

    day: date
    reason: str
    count: int


class Preview(Answer):
    """One file of a credential's design; `format` is png or pdf."""

    format: str
    url: str


class CredentialDesign(Answer):
    """A design as one credential wears it."""

    id: str
    name: str
    previews: list[Preview] = []


class Links(Answer):
    """Where a credential is to be found; all None as long as it has no public page. `recipient` is for them alone.

    The last four are the signed credential: as JSON, as a VC-JWT, and within pictures.
    """

    page: str | None = None
    recipient: str | None = None
    linked_in_profile: str | None = None
    pdf: str | None = None
    png: str | None = None
    verification: str | None = None
    json: str | None = None
    jwt: str | None = None
    baked_png: str | None = None
    baked_svg: str | None = None


class PagePrivacy(Answer):
    """Who may see a credential's page: `public`, `link`, `limited` or `private`; nobody while `offline_since` is set.

    `chosen_by` None: nobody chose, it follows the workspace's settings.
    """

    privacy: str
    chosen_by: str | None
    link_expires_at: datetime | None
    offline_since: datetime | None
    verified_devices: int


class NameRequest(Answer):
    """A correction of a name that a recipient asked for: `waiting`, `accepted`, `declined` or `withdrawn`."""

    id: str
    credential_id: str
    name: str
    status: str
    created_at: datetime
    settled_at: datetime | None = None
    reason: str | None = None


class Mail(Answer):
    """A mail to a credential's recipient."""

    id: str
    email: str
    status: str
    attempts: int
    created_at: datetime
    updated_at: datetime
    reason: str | None = None


class Group(Answer):
    """What a set of credentials has in common."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    learning_event_url: str | None = None
    design_ids: list[str] = []
    certificate_design_id: str | None = None
    badge_design_id: str | None = None


class GroupSettings(Answer):
    """What a group has beyond its fields."""

    description: str | None = None
    skills: list[str] = []
    expires_after: str | None = None
    email_template_id: str | None = None


class Design(Answer):
    """What a credential looks like; `type` is certificate or badge."""

    id: str
    name: str
    type: str
    created_at: datetime
    updated_at: datetime
    preview_url: str | None = None


class Image(Answer):
    """A picture that designs can use by its `id`; sizes are in pixels."""

    id: str
    width: int | None = None
    height: int | None = None


class Attribute(Answer):
    """A value that credentials can carry; a custom one travels as `custom.<tag>`."""

    id: str
    tag: str
    name: str
    workspace_id: str | None = None
    parent: str | None = None
    type: str | None = None
    is_default: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None


class EmailTemplate(Answer):
    """What a mail says; lists leave the `body` out."""

    id: str
    name: str
    subject: str | None = None
    body: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Webhook(Answer):
    """An endpoint that is told what happens; `secret` only where it was just created or rotated."""

    id: str
    url: str
    description: str
    types: list[str]
    body: str
    status: str
    disabled_reason: str | None = None
    rate_per_second: float | None = None
    failing_since: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    secret: str | None = None


class Attempt(Answer):
    """One try of a delivery."""

    number: int
    at: datetime
    duration_ms: int
    status_code: int | None = None
    failure: str | None = None
    answer: str = ""
    request_headers: dict[str, str] = {}


class Delivery(Answer):
    """A message for a webhook; lists leave `body` and `tries` out."""

    id: str
    webhook_id: str
    message_id: str
    type: str
    credential_id: str
    status: str
    attempts: int
    next_attempt_at: datetime | None = None
    created_at: datetime | None = None
    settled_at: datetime | None = None
    body: str | None = None
    tries: list[Attempt] = []


class TestMessage(Answer):
    """A test message on its way."""

    message_id: str


class Redelivered(Answer):
    """How many deliveries will be made again."""

    count: int


class Workspace(Answer):
    """An issuer's own room."""

    id: str
    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


class TokenName(Answer):
    """The access token that asks."""

    id: str
    name: str


class Me(Answer):
    """Who is asking."""

    token: TokenName | None = None
    workspace: Workspace | None = None


class ItemDetail(Answer):
    """One mistake in an item."""

    field: str
    message: str


class ItemError(Answer):
    """Why one item of many was refused."""

    code: str
    message: str
    details: list[ItemDetail] = []


class InteractionResult(Answer):
    """What became of one interaction of many: it, or why not."""

    status: int
    credential_interaction: Interaction | None = None
    error: ItemError | None = None


class CredentialResult(Answer):
    """What became of one credential of many: it, or why not."""

    status: int
    credential: Credential | None = None
    error: ItemError | None = None


class NewInteraction(TypedDict, total=False):
    """An interaction to be recorded; without `triggered_at` it happened now."""

    credential_id: Required[str]
    event_type: Required[EventType | str]
    triggered_by: Required[Actor | str]
    triggered_at: datetime | str


class InteractionFilters(TypedDict, total=False):
    """Which interactions; all that is given must fit. The original knows `credential_id` alone."""

    credential_id: str
    group_id: str
    event_type: EventType | str | Sequence[str]
    triggered_by: Actor | str
    triggered_from: datetime | str
    triggered_to: datetime | str


class RecipientFields(TypedDict, total=False):
    """Of a recipient, what is to be set; a new one needs a `name`."""

    name: str
    email: str | None
    id: str | None


class CredentialFields(TypedDict, total=False):
    """Of a credential, what is to be set; `evidence` is not the original's."""

    issue_date: date | str
    expiry_date: date | str | None
    custom_attributes: Mapping[str, Any]
    evidence: Sequence[Mapping[str, str]]


class CredentialChange(CredentialFields, total=False):
    """What shall change of a credential; what isn't there stays, and None takes away."""

    recipient: RecipientFields


class NewCredential(CredentialFields, total=False):
    """A credential to be created; without `issue_date` it is today's, without `expiry_date` the group's rule decides."""

    group_id: Required[str]
    recipient: Required[RecipientFields]


class GroupFields(TypedDict, total=False):
    """Of a group, what is to be set; `design_ids` replaces the list. The last four are not the original's."""

    design_ids: Sequence[str]
    learning_event_url: str | None
    certificate_design_id: str | None
    badge_design_id: str | None
    description: str | None
    skills: Sequence[str]
    expires_after: str | None
    email_template_id: str | None


class GroupChange(GroupFields, total=False):
    """What shall change of a group; what isn't there stays, and None takes away."""

    name: str


class DesignChange(TypedDict, total=False):
    """What shall change of a design: its name, its document."""

    name: str
    document: Mapping[str, Any]


class EmailTemplateChange(TypedDict, total=False):
    """What a mail says."""

    name: str
    subject: str
    body: str


class WebhookChange(TypedDict, total=False):
    """What shall change of a webhook."""

    url: str
    types: list[str]
    description: str
    body: Literal["full", "thin"]
    rate_per_second: float | None
    status: Literal["enabled", "paused", "disabled"]


class Sort(TypedDict):
    """The order of a search: by id, createdAt, updatedAt, issueDate or expiryDate."""

    property: str
    order: Literal["asc", "desc"]
