"""E-mail templates and queued mails as values; placeholders. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from credtrail.errors import invalid
from credtrail.values import NO_NUL, Moment, Name, must, present_moment

Subject = Annotated[
    str,
    must(
        "be one line of 1 to 255 characters, not blank",
        min_length=1,
        max_length=255,
        pattern=r"^[^\u0000\r\n]*[^\s\u0000][^\u0000\r\n]*$",
        example="Your certificate: [group.name]",
    ),
]
Body = Annotated[
    str,
    must(
        "be a text of 1 to 20,000 characters",
        min_length=1,
        max_length=20_000,
        pattern=NO_NUL,
        example="Dear [recipient.name],\n\nhere is your certificate for [group.name].\n\n[credential.link]",
    ),
]

LINK = "credential.link"
PLACEHOLDERS = (
    "recipient.name",
    "recipient.email",
    "group.name",
    "certificate.issued_on",
    "certificate.expires_on",
    "certificate.uuid",
    "issuer.name",
    LINK,
)
_PLACEHOLDER = re.compile(r"\[([a-z]+\.[a-z0-9_]+)\]")


class EmailTemplate(NamedTuple):
    """What a mail to a recipient says. Blank lines divide the body into paragraphs."""

    id: str
    workspace_id: str
    name: str
    subject: str
    body: str
    created_at: Moment
    updated_at: Moment


class NewEmailTemplate(Struct):
    """An e-mail template to be created."""

    name: Name
    subject: Subject
    body: Body


class EmailTemplateChange(Struct):
    """What shall change of a template; what isn't given stays."""

    name: Name | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    body: Body | UnsetType = UNSET


class EmailTemplateAnswer(Struct):
    """A template in a list (contract, section 4).

    Assumed: these three fields, since the original's are not public.
    """

    id: str
    name: str
    subject: str


class WholeEmailTemplate(Struct, rename="camel"):
    """A template with its body."""

    id: str
    name: str
    subject: str
    body: str
    created_at: str
    updated_at: str


MailStatus = Literal["waiting", "sending", "sent", "bounced", "uncertain", "withdrawn"]
"""Waiting for its turn (again); being sent; taken by the mail server; refused for good; perhaps taken, perhaps not,
and never sent again by itself; not sent, since the credential was taken back meanwhile."""


class Mail(NamedTuple):
    """One mail to a recipient. `reason` tells why it waits again, bounced or is uncertain, in the server's words."""

    id: str
    workspace_id: str
    credential_id: str
    address: str
    status: MailStatus
    reason: str | None
    attempts: int
    due_at: Moment
    created_at: Moment
    updated_at: Moment


class MailAnswer(Struct, rename="camel"):
    """A mail on the wire. `opened`: the link in it led to a view by the recipient; its pictures tell nothing."""

    id: str
    email: str
    status: MailStatus | Literal["opened"]
    reason: str | None
    attempts: int
    created_at: str
    updated_at: str


def check_placeholders(field: str, text: str) -> None:
    """Refuse (400) what looks like a placeholder and is none: `[recipient.nmae]` would reach people as it stands."""
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS and not name.startswith("custom."):
            known = ", ".join(f"[{one}]" for one in PLACEHOLDERS)
            raise invalid(
                field, f"must not have the placeholder [{name}]; there are {known} and [custom.<tag>]"
            )


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with placeholders replaced; one without a value becomes nothing."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text)


def present_template(template: EmailTemplate) -> EmailTemplateAnswer:
    """The template as lists show it."""
    return EmailTemplateAnswer(template.id, template.name, template.subject)


def present_whole_template(template: EmailTemplate) -> WholeEmailTemplate:
    """The template with its body."""
    return WholeEmailTemplate(
        template.id,
        template.name,
        template.subject,
        template.body,
        present_moment(template.created_at),
        present_moment(template.updated_at),
    )


def present_mail(mail: Mail, opened_at: Moment | None) -> MailAnswer:
    """The mail as the wire shows it; `opened_at` is when the recipient first came by a mailed link."""
    opened = mail.status in ("sent", "uncertain") and opened_at is not None and opened_at >= mail.created_at
    return MailAnswer(
        mail.id,
        mail.address,
        "opened" if opened else mail.status,
        None if opened else mail.reason,
        mail.attempts,
        present_moment(mail.created_at),
        present_moment(mail.updated_at),
    )
