"""Every endpoint of the API, described once for both kinds of client. Sources: contract, sections 2 to 4 and 7.

Methods follow the wire: `create`, `get`, `page` (one page of a list), `list` (all of it, page by page), `change`,
`delete`, and the verbs of the paths. What a newer server adds can be called through `Client.call`.
"""

import builtins
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any, Literal, TypeVar, Unpack

from msgspec import Raw
from msgspec.json import encode

from credtrail.client.call import Call, check, path_of, wire
from credtrail.client.drive import Driver, Part, asks, asks_all, streams, turns
from credtrail.client.insights import Insights
from credtrail.client.model import (
    Attribute,
    Credential,
    CredentialChange,
    CredentialDesign,
    CredentialResult,
    Delivery,
    Design,
    DesignChange,
    EmailTemplate,
    EmailTemplateChange,
    Group,
    GroupChange,
    GroupFields,
    GroupSettings,
    Image,
    Interaction,
    InteractionFilters,
    InteractionResult,
    Links,
    Mail,
    Me,
    NameRequest,
    NewCredential,
    NewInteraction,
    Page,
    PagePrivacy,
    Redelivered,
    Results,
    SetAside,
    SetAsideCount,
    Sort,
    TestMessage,
    Webhook,
    WebhookChange,
    Workspace,
)

T = TypeVar("T")

_MOST_AT_ONCE = 1_000
_MOST_BYTES_AT_ONCE = 1_000_000
_LARGEST_PAGE = 100


class Interactions(Part[Driver]):
    """What people did with credentials: /v1/credential-interactions."""

    @asks
    def create(
        self, *, idempotency_key: str | None = None, **new: Unpack[NewInteraction]
    ) -> Call[Interaction]:
        """Record one interaction: `credential_id`, `event_type`, `triggered_by`, and `triggered_at` (else now)."""
        return Call("POST", "/credential-interactions", Interaction, body=_happened(new), key=idempotency_key)

    @asks_all
    def create_many(
        self, new: Iterable[NewInteraction], *, idempotency_key: str | None = None
    ) -> Iterator[Call[Results[InteractionResult]]]:
        """Record any number of interactions, a thousand in a request; a result for each, in order. Ours.

        The same items with the same key are recorded once, even if a first run was broken off between two requests.
        """
        items = (wire(_happened(one)) for one in new)
        return _batches("/credential-interactions/batch", Results[InteractionResult], items, idempotency_key)

    @asks
    def page(
        self, *, cursor: str | None = None, limit: int = 20, **filters: Unpack[InteractionFilters]
    ) -> Call[Page[Interaction]]:
        """One page, newest first."""
        query = {**check(InteractionFilters, filters), "cursor": cursor, "limit": limit}
        return Call("GET", "/credential-interactions", Page[Interaction], query)

    @turns
    def list(self, **filters: Unpack[InteractionFilters]) -> Call[Page[Interaction]]:
        """All of them, newest first, asked for page by page."""
        query = {**check(InteractionFilters, filters), "limit": _LARGEST_PAGE}
        return Call("GET", "/credential-interactions", Page[Interaction], query)

    @asks
    def get(self, interaction_id: str) -> Call[Interaction]:
        """One interaction. Ours."""
        return Call("GET", path_of("credential-interactions", interaction_id), Interaction)

    @streams
    def export(
        self, format: Literal["ndjson", "csv", "parquet"] = "ndjson", **filters: Unpack[InteractionFilters]
    ) -> Call[bytes]:
        """All of them as a file, oldest first, in pieces as they come. Ours."""
        query = {**check(InteractionFilters, filters), "format": format}
        return Call("GET", "/credential-interactions/export", bytes, query, streamed=True)

    @turns
    def list_set_aside(
        self, *, credential_id: str | None = None, reason: str | None = None
    ) -> Call[Page[SetAside]]:
        """What pages sent and isn't counted, newest first. Ours."""
        query = {"credential_id": credential_id, "reason": reason, "limit": _LARGEST_PAGE}
        return Call("GET", "/credential-interactions/set-aside", Page[SetAside], query)

    @asks
    def count_set_aside(
        self, *, day_from: date | str | None = None, day_to: date | str | None = None
    ) -> Call[Results[SetAsideCount]]:
        """How much of it there was, by day and reason. Ours."""
        query = {"day_from": day_from, "day_to": day_to}
        return Call("GET", "/credential-interactions/set-aside/counts", Results[SetAsideCount], query)


class Credentials(Part[Driver]):
    """What people were given: /v1/credentials."""

    @asks
    def create(self, *, idempotency_key: str | None = None, **new: Unpack[NewCredential]) -> Call[Credential]:
        """A draft: `group_id` and `recipient`; `issue_date`, `expiry_date`, `custom_attributes` if there are any."""
        body = check(NewCredential, new)
        return Call("POST", "/credentials", Credential, body=body, key=idempotency_key)

    @asks
    def create_issue_send(
        self, *, idempotency_key: str | None = None, **new: Unpack[NewCredential]
    ) -> Call[Credential]:
        """Create, issue and mail at once; the recipient needs an `email`."""
        body = check(NewCredential, new)
        return Call("POST", "/credentials/create-issue-send", Credential, body=body, key=idempotency_key)

    @asks_all
    def create_many(
        self,
        new: Iterable[NewCredential],
        *,
        then: Literal["keep", "issue", "issue_and_send"] = "keep",
        idempotency_key: str | None = None,
    ) -> Iterator[Call[Results[CredentialResult]]]:
        """Any number of credentials, a thousand in a request; a result for each, in order. Ours."""
        items = (wire(check(NewCredential, one)) for one in new)
        return _batches(
            "/credentials/batch", Results[CredentialResult], items, idempotency_key, {"then": then}
        )

    @asks
    def page(self, *, cursor: str | None = None, limit: int = 20) -> Call[Page[Credential]]:
        """One page, newest first."""
        return Call("GET", "/credentials", Page[Credential], {"cursor": cursor, "limit": limit})

    @turns
    def list(self) -> Call[Page[Credential]]:
        """All of them, newest first, asked for page by page."""
        return Call("GET", "/credentials", Page[Credential], {"limit": _LARGEST_PAGE})

    @turns
    def search(
        self, filter: Mapping[str, Any] | None = None, *, sort: Sort | None = None
    ) -> Call[Page[Credential]]:
        """Those that fit a filter, asked for page by page; the filter is written as on the wire."""
        body: dict[str, Any] = {"filter": filter or {}, "limit": _LARGEST_PAGE}
        if sort is not None:
            body["sort"] = sort
        return Call("POST", "/credentials/search", Page[Credential], body=body, searches=True)

    @asks
    def get(self, credential_id: str) -> Call[Credential]:
        """One credential, by its `id` (not its `public_id`)."""
        return Call("GET", path_of("credentials", credential_id), Credential)

    @asks
    def change(self, credential_id: str, **changes: Unpack[CredentialChange]) -> Call[Credential]:
        """What isn't given stays as it is; `expiry_date=None` takes it away, so does None in `custom_attributes`."""
        body = check(CredentialChange, changes)
        return Call("PATCH", path_of("credentials", credential_id), Credential, body=body)

    @asks
    def delete(self, credential_id: str) -> Call[None]:
        """For good, with its interactions."""
        return Call("DELETE", path_of("credentials", credential_id), NoneType)

    @asks
    def issue(self, credential_id: str, *, idempotency_key: str | None = None) -> Call[Credential]:
        """A draft becomes issued."""
        path = path_of("credentials", credential_id, "issue")
        return Call("POST", path, Credential, body={}, key=idempotency_key)

    @asks
    def send(self, credential_id: str, *, idempotency_key: str | None = None) -> Call[Credential]:
        """Mail an issued one to its recipient."""
        path, body = path_of("credentials", credential_id, "send"), {"delivery_method": "email"}
        return Call("POST", path, Credential, body=body, key=idempotency_key)

    @asks
    def schedule(
        self,
        credential_id: str,
        issue_at: datetime | str | None = None,
        *,
        send_at_issuance: bool = False,
        idempotency_key: str | None = None,
    ) -> Call[Credential]:
        """Have a draft issued later, and mailed then if that is wanted."""
        body: dict[str, Any] = {"send_at_issuance": send_at_issuance}
        if issue_at is not None:
            body["issue_at"] = issue_at
        path = path_of("credentials", credential_id, "schedule")
        return Call("POST", path, Credential, body=body, key=idempotency_key)

    @asks
    def revoke(
        self, credential_id: str, reason: str | None = None, *, idempotency_key: str | None = None
    ) -> Call[Credential]:
        """Take an issued one back, for a reason that its page tells. Ours."""
        path = path_of("credentials", credential_id, "revoke")
        return Call("POST", path, Credential, body={"reason": reason}, key=idempotency_key)

    @asks
    def reinstate(self, credential_id: str, *, idempotency_key: str | None = None) -> Call[Credential]:
        """Put a revoked one in force again. Ours."""
        path = path_of("credentials", credential_id, "reinstate")
        return Call("POST", path, Credential, key=idempotency_key)

    @asks
    def list_designs(self, credential_id: str) -> Call[builtins.list[CredentialDesign]]:
        """Its designs, with the addresses of their files."""
        return Call("GET", path_of("credentials", credential_id, "designs"), builtins.list[CredentialDesign])

    @asks
    def get_links(self, credential_id: str) -> Call[Links]:
        """The addresses that belong to it: its page, its files, and more. Ours."""
        return Call("GET", path_of("credentials", credential_id, "links"), Links)

    @asks
    def list_mails(self, credential_id: str) -> Call[builtins.list[Mail]]:
        """The mails to its recipient, newest first. Ours."""
        return Call("GET", path_of("credentials", credential_id, "mails"), builtins.list[Mail])

    @asks
    def get_privacy(self, credential_id: str) -> Call[PagePrivacy]:
        """Who may see its page. Ours."""
        return Call("GET", path_of("credentials", credential_id, "privacy"), PagePrivacy)

    @asks
    def set_privacy(
        self, credential_id: str, privacy: Literal["public", "link", "private"] | None
    ) -> Call[PagePrivacy]:
        """Say who may see its page; None: as the workspace's settings say. Ours."""
        path = path_of("credentials", credential_id, "privacy")
        return Call("PUT", path, PagePrivacy, body={"privacy": privacy})


class NameRequests(Part[Driver]):
    """Corrections of names that recipients ask for: /v1/name-requests. Ours."""

    @asks
    def page(
        self, *, status: str | None = None, cursor: str | None = None, limit: int = 20
    ) -> Call[Page[NameRequest]]:
        """One page, newest first."""
        query = {"status": status, "cursor": cursor, "limit": limit}
        return Call("GET", "/name-requests", Page[NameRequest], query)

    @turns
    def list(self, *, status: str | None = None) -> Call[Page[NameRequest]]:
        """All of them, newest first, asked for page by page."""
        return Call("GET", "/name-requests", Page[NameRequest], {"status": status, "limit": _LARGEST_PAGE})

    @asks
    def get(self, request_id: str) -> Call[NameRequest]:
        """One of them."""
        return Call("GET", path_of("name-requests", request_id), NameRequest)

    @asks
    def accept(self, request_id: str, *, idempotency_key: str | None = None) -> Call[NameRequest]:
        """The credential bears the name from then on; its recipient is told."""
        path = path_of("name-requests", request_id, "accept")
        return Call("POST", path, NameRequest, body={}, key=idempotency_key)

    @asks
    def decline(
        self, request_id: str, reason: str | None = None, *, idempotency_key: str | None = None
    ) -> Call[NameRequest]:
        """The name stays; its recipient is told why."""
        path = path_of("name-requests", request_id, "decline")
        return Call("POST", path, NameRequest, body={"reason": reason}, key=idempotency_key)


class Groups(Part[Driver]):
    """Credential templates: /v1/groups."""

    @asks
    def create(
        self, *, name: str, idempotency_key: str | None = None, **more: Unpack[GroupFields]
    ) -> Call[Group]:
        """A group needs a `name` and `design_ids`."""
        body = {"name": name, **check(GroupFields, more)}
        return Call("POST", "/groups", Group, body=body, key=idempotency_key)

    @asks
    def page(self, *, cursor: str | None = None, limit: int = 20) -> Call[Page[Group]]:
        """One page, newest first."""
        return Call("GET", "/groups", Page[Group], {"cursor": cursor, "limit": limit})

    @turns
    def list(self) -> Call[Page[Group]]:
        """All of them, newest first, asked for page by page."""
        return Call("GET", "/groups", Page[Group], {"limit": _LARGEST_PAGE})

    @asks
    def get(self, group_id: str) -> Call[Group]:
        """One group."""
        return Call("GET", path_of("groups", group_id), Group)

    @asks
    def get_settings(self, group_id: str) -> Call[GroupSettings]:
        """What a group has beyond the original's fields. Ours."""
        return Call("GET", path_of("groups", group_id, "settings"), GroupSettings)

    @asks
    def change(self, group_id: str, **changes: Unpack[GroupChange]) -> Call[Group]:
        """What isn't given stays as it is; `design_ids` replaces the whole list."""
        return Call("PATCH", path_of("groups", group_id), Group, body=check(GroupChange, changes))

    @asks
    def delete(self, group_id: str) -> Call[None]:
        """Only one without credentials can be deleted."""
        return Call("DELETE", path_of("groups", group_id), NoneType)


class Designs(Part[Driver]):
    """What credentials look like: /v1/designs."""

    @asks
    def page(self, *, cursor: str | None = None, limit: int = 20) -> Call[Page[Design]]:
        """One page, newest first."""
        return Call("GET", "/designs", Page[Design], {"cursor": cursor, "limit": limit})

    @turns
    def list(self) -> Call[Page[Design]]:
        """All of them, newest first, asked for page by page."""
        return Call("GET", "/designs", Page[Design], {"limit": _LARGEST_PAGE})

    @asks
    def get(self, design_id: str) -> Call[Design]:
        """One design."""
        return Call("GET", path_of("designs", design_id), Design)

    @asks
    def get_document(self, design_id: str) -> Call[dict[str, Any]]:
        """What is drawn, and where: the document of a design of one's own. Ours."""
        return Call("GET", path_of("designs", design_id, "document"), dict[str, Any])

    @asks
    def create(
        self,
        *,
        name: str,
        document: Mapping[str, Any] | None = None,
        copy_of: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Design]:
        """A design of one's own, from its document or as a copy of another. Ours."""
        given = {"name": name, "document": document, "copy_of": copy_of}
        body = {field: value for field, value in given.items() if value is not None}
        return Call("POST", "/designs", Design, body=body, key=idempotency_key)

    @asks
    def change(self, design_id: str, **changes: Unpack[DesignChange]) -> Call[Design]:
        """What isn't given stays as it is; the document is replaced as a whole. Ours."""
        return Call("PATCH", path_of("designs", design_id), Design, body=check(DesignChange, changes))

    @asks
    def delete(self, design_id: str) -> Call[None]:
        """For good. Ours."""
        return Call("DELETE", path_of("designs", design_id), NoneType)

    @asks
    def upload_image(
        self, content: bytes, media_type: str, *, idempotency_key: str | None = None
    ) -> Call[Image]:
        """A picture for designs: image/png, image/jpeg, image/webp or image/svg+xml. Ours."""
        return Call("POST", "/images", Image, body=content, media_type=media_type, key=idempotency_key)

    @asks
    def get_schema(self) -> Call[dict[str, Any]]:
        """The JSON schema of documents. Ours."""
        return Call("GET", "/designs/schema", dict[str, Any])

    @turns
    def list_images(self) -> Call[Page[Image]]:
        """All uploaded pictures, the latest first. Ours."""
        return Call("GET", "/images", Page[Image], {"limit": _LARGEST_PAGE})

    @streams
    def download_image(self, image_id: str) -> Call[bytes]:
        """An uploaded picture as it is kept (PNG or JPEG), in pieces as they come. Ours."""
        return Call("GET", path_of("images", image_id), bytes, streamed=True)

    @asks
    def delete_image(self, image_id: str) -> Call[None]:
        """A picture that no design shows, for good. Ours."""
        return Call("DELETE", path_of("images", image_id), NoneType)


class Attributes(Part[Driver]):
    """The values that credentials can carry: /v1/attributes."""

    @asks
    def list(self) -> Call[builtins.list[Attribute]]:
        """All of them; they come in one piece."""
        return Call("GET", "/attributes", builtins.list[Attribute])

    @asks
    def create(
        self,
        name: str,
        *,
        tag: str | None = None,
        type: Literal["text", "date", "number", "image"] = "text",
        idempotency_key: str | None = None,
    ) -> Call[Attribute]:
        """A custom attribute; without a `tag` one is made of its name. Ours."""
        body = {"name": name, "tag": tag, "type": type}
        return Call("POST", "/attributes", Attribute, body=body, key=idempotency_key)

    @asks
    def change(self, attribute_id: str, *, name: str) -> Call[Attribute]:
        """Rename a custom attribute. Ours."""
        return Call("PATCH", path_of("attributes", attribute_id), Attribute, body={"name": name})

    @asks
    def delete(self, attribute_id: str) -> Call[None]:
        """Credentials keep the values they have. Ours."""
        return Call("DELETE", path_of("attributes", attribute_id), NoneType)


class EmailTemplates(Part[Driver]):
    """What mails to recipients say: /v1/email-templates. All but the lists are ours."""

    @asks
    def page(self, *, cursor: str | None = None, limit: int = 20) -> Call[Page[EmailTemplate]]:
        """One page, newest first."""
        return Call("GET", "/email-templates", Page[EmailTemplate], {"cursor": cursor, "limit": limit})

    @turns
    def list(self) -> Call[Page[EmailTemplate]]:
        """All of them, newest first, asked for page by page."""
        return Call("GET", "/email-templates", Page[EmailTemplate], {"limit": _LARGEST_PAGE})

    @asks
    def create(
        self, *, name: str, subject: str, body: str, idempotency_key: str | None = None
    ) -> Call[EmailTemplate]:
        """A template; placeholders are written `[recipient.name]`."""
        content = {"name": name, "subject": subject, "body": body}
        return Call("POST", "/email-templates", EmailTemplate, body=content, key=idempotency_key)

    @asks
    def get(self, template_id: str) -> Call[EmailTemplate]:
        """One template, with its body."""
        return Call("GET", path_of("email-templates", template_id), EmailTemplate)

    @asks
    def change(self, template_id: str, **changes: Unpack[EmailTemplateChange]) -> Call[EmailTemplate]:
        """What isn't given stays as it is."""
        body = check(EmailTemplateChange, changes)
        return Call("PATCH", path_of("email-templates", template_id), EmailTemplate, body=body)

    @asks
    def delete(self, template_id: str) -> Call[None]:
        """For good."""
        return Call("DELETE", path_of("email-templates", template_id), NoneType)


class Webhooks(Part[Driver]):
    """Endpoints that are told what happens: /v1/webhooks. All of it is ours."""

    @asks
    def page(self, *, cursor: str | None = None, limit: int = 20) -> Call[Page[Webhook]]:
        """One page, newest first."""
        return Call("GET", "/webhooks", Page[Webhook], {"cursor": cursor, "limit": limit})

    @turns
    def list(self) -> Call[Page[Webhook]]:
        """All of them, newest first, asked for page by page."""
        return Call("GET", "/webhooks", Page[Webhook], {"limit": _LARGEST_PAGE})

    @asks
    def create(
        self,
        *,
        url: str,
        types: builtins.list[str],
        description: str = "",
        body: Literal["full", "thin"] = "full",
        rate_per_second: float | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Webhook]:
        """A webhook; its secret is in this answer only. `thin` bodies hold ids alone."""
        content = {
            "url": url,
            "types": types,
            "description": description,
            "body": body,
            "ratePerSecond": rate_per_second,
        }
        return Call("POST", "/webhooks", Webhook, body=content, key=idempotency_key)

    @asks
    def get(self, webhook_id: str) -> Call[Webhook]:
        """One webhook."""
        return Call("GET", path_of("webhooks", webhook_id), Webhook)

    @asks
    def change(self, webhook_id: str, **changes: Unpack[WebhookChange]) -> Call[Webhook]:
        """What isn't given stays as it is. `paused` gathers what is to be delivered later, `disabled` nothing."""
        body = check(WebhookChange, changes)
        return Call("PATCH", path_of("webhooks", webhook_id), Webhook, body=body)

    @asks
    def delete(self, webhook_id: str) -> Call[None]:
        """For good, with its deliveries."""
        return Call("DELETE", path_of("webhooks", webhook_id), NoneType)

    @asks
    def rotate_secret(
        self, webhook_id: str, *, grace_hours: int = 24, idempotency_key: str | None = None
    ) -> Call[Webhook]:
        """A new secret, in this answer only; the one before is good for so long beside it."""
        path = path_of("webhooks", webhook_id, "rotate-secret")
        return Call("POST", path, Webhook, body={"graceHours": grace_hours}, key=idempotency_key)

    @asks
    def test(
        self, webhook_id: str, *, type: str | None = None, idempotency_key: str | None = None
    ) -> Call[TestMessage]:
        """Send a test message, of the first of the webhook's types unless one is named."""
        body = {} if type is None else {"type": type}
        path = path_of("webhooks", webhook_id, "test")
        return Call("POST", path, TestMessage, body=body, key=idempotency_key)

    @asks
    def deliveries_page(
        self,
        webhook_id: str,
        *,
        status: str | None = None,
        type: str | None = None,
        credential_id: str | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Call[Page[Delivery]]:
        """One page of its deliveries, newest first."""
        query = {
            "status": status,
            "type": type,
            "credentialId": credential_id,
            "cursor": cursor,
            "limit": limit,
        }
        return Call("GET", path_of("webhooks", webhook_id, "deliveries"), Page[Delivery], query)

    @asks
    def delivery(self, webhook_id: str, delivery_id: str) -> Call[Delivery]:
        """One delivery with its body and every try."""
        return Call("GET", path_of("webhooks", webhook_id, "deliveries", delivery_id), Delivery)

    @asks
    def redeliver(
        self, webhook_id: str, delivery_id: str, *, idempotency_key: str | None = None
    ) -> Call[Redelivered]:
        """Deliver again, with the same id and the same bytes."""
        path = path_of("webhooks", webhook_id, "deliveries", delivery_id, "redeliver")
        return Call("POST", path, Redelivered, key=idempotency_key)

    @asks
    def redeliver_all(
        self,
        webhook_id: str,
        *,
        created_from: datetime,
        created_to: datetime | None = None,
        status: Literal["failed", "delivered"] = "failed",
        idempotency_key: str | None = None,
    ) -> Call[Redelivered]:
        """Deliver again what was created in a span of time."""
        given: dict[str, Any] = {"created_from": created_from, "status": status}
        body = wire(given if created_to is None else {**given, "created_to": created_to})
        path = path_of("webhooks", webhook_id, "redeliver")
        return Call("POST", path, Redelivered, body=body, key=idempotency_key)


class Everything(Part[Driver]):
    """The whole API, in parts."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.interactions = Interactions(driver)
        self.credentials = Credentials(driver)
        self.name_requests = NameRequests(driver)
        self.groups = Groups(driver)
        self.designs = Designs(driver)
        self.attributes = Attributes(driver)
        self.email_templates = EmailTemplates(driver)
        self.webhooks = Webhooks(driver)
        self.insights = Insights(driver)

    @asks
    def me(self) -> Call[Me]:
        """The access token that asks, and its workspace."""
        return Call("GET", "/me", Me)

    @asks
    def workspace(self) -> Call[Workspace]:
        """The workspace of the access token."""
        return Call("GET", "/workspace", Workspace)

    @asks
    def call(
        self,
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Any]:
        """Whatever else the server has, with the same token, retries and errors: `call("GET", "/workspace")`.

        `path` is below /v1. Gives the answer's JSON, None where it is empty.
        """
        return Call(method, path, object, query or {}, body, idempotency_key)


def _happened(new: Mapping[str, Any]) -> dict[str, Any]:
    """The moment is taken once, so that the same interaction is told however often it is sent."""
    given = check(NewInteraction, new)
    return given if "triggered_at" in given else {**given, "triggered_at": datetime.now(UTC)}


def _batches(
    path: str,
    answer: type[Results[T]],
    items: Iterable[Mapping[str, Any]],
    key: str | None,
    more: Mapping[str, Any] | None = None,
) -> Iterator[Call[Results[T]]]:
    """The calls for any number of items, each within what a server takes at once."""
    for number, batch in enumerate(_cut(items), 1):
        each = f"{key}-{number}" if key else None
        yield Call("POST", path, answer, body={"data": batch, **(more or {})}, key=each)


def _cut(items: Iterable[Mapping[str, Any]]) -> Iterator[builtins.list[Raw]]:
    batch: list[Raw] = []
    size = 0
    for item in items:
        written = encode(item)
        if batch and (len(batch) == _MOST_AT_ONCE or size + len(written) > _MOST_BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(Raw(written))
        size += len(written) + 1
    if batch:
        yield batch
