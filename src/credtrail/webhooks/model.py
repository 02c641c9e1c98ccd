"""Endpoints, events, messages and deliveries as values; bodies; the schedule of attempts. Pure.

Source: contract section 5; Standard Webhooks 1.0.
"""

import random
import secrets
from base64 import b64encode
from typing import Annotated, Any, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import encode

from credtrail.errors import invalid
from credtrail.values import NO_NUL, DateTime, Moment, must, present_moment

WebhookType = Literal[
    "credential.created",
    "credential.updated",
    "credential.deleted",
    "credential.issued",
    "credential.sent",
    "credential.expired",
    "credential.revoked",
    "credential.reinstated",
    "credential.viewed",
    "credential.downloaded",
    "credential.shared",
    "credential.added_to_linkedin_profile",
    "credential.link_copied",
    "credential.verified",
]
TYPES: tuple[WebhookType, ...] = get_args(WebhookType)

BodyKind = Literal["full", "thin"]
"""With credential and interaction; or the ids alone, so that no personal data leaves."""

EndpointStatus = Literal["enabled", "paused", "disabled"]
"""Delivering; gathering what is to be delivered later; neither, so that nothing new is gathered."""

DeliveryStatus = Literal["waiting", "sending", "delivered", "failed"]

FailureName = Literal[
    "dns_failed",
    "address_not_allowed",
    "refused",
    "timeout",
    "tls_failed",
    "connection_lost",
    "not_2xx",
    "redirect",
    "gone",
    "too_large",
    "interrupted",
]
"""Why an attempt failed: the name doesn't resolve; it resolves to an address that we don't talk to; nobody listens;
no whole answer in time; no safe connection; it broke off; another status than 2xx; a redirect, which isn't followed;
410, which disables the endpoint; an answer of more than 64 KB; our own worker ended midway."""

_INTERACTION_TYPES: dict[str, WebhookType] = {
    "credential_viewed": "credential.viewed",
    "credential_downloaded": "credential.downloaded",
    "credential_link_copied": "credential.link_copied",
    "credential_verified": "credential.verified",
    "credential_added_to_linkedin_profile": "credential.added_to_linkedin_profile",
}

INTERACTION_TYPES: frozenset[WebhookType] = frozenset(_INTERACTION_TYPES.values()) | {"credential.shared"}
"""Those whose full body has the credential and the interaction."""

_DELAYS_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_JITTER = 0.2
_LONGEST_SECONDS = 86_400

Url = Annotated[
    str,
    must("be an https address of up to 2,000 characters", min_length=1, max_length=2_000, pattern=NO_NUL),
]
Description = Annotated[str, must("be a text of up to 500 characters", max_length=500, pattern=NO_NUL)]
Rate = Annotated[float, must("be a number above 0 and up to 1,000", gt=0, le=1_000)]
GraceHours = Annotated[int, must("be a whole number from 0 to 168", ge=0, le=168)]


class Endpoint(NamedTuple):
    """Where a workspace wants to be told. Secrets are sealed; `previous_secret` is good until its time.

    `failing_since` is when the first of nothing but failures was. `disabled_reason` is empty where its owner did it.
    """

    id: str
    workspace_id: str
    url: str
    description: str
    body: BodyKind
    status: EndpointStatus
    disabled_reason: str | None
    rate_per_second: float | None
    secret: str
    previous_secret: str | None
    previous_until: Moment | None
    failing_since: Moment | None
    created_at: Moment
    updated_at: Moment
    types: tuple[WebhookType, ...] = ()


class Event(NamedTuple):
    """Something that happened and is still to be made a message of. An interaction's event has its id."""

    id: str
    workspace_id: str
    type: WebhookType
    credential_id: str


class Message(NamedTuple):
    """What is told, in the very bytes that are signed, sent and kept."""

    id: str
    workspace_id: str
    type: WebhookType
    credential_id: str
    full: bytes
    thin: bytes
    created_at: Moment


class Delivery(NamedTuple):
    """One message for one endpoint."""

    id: str
    endpoint_id: str
    message_id: str
    type: WebhookType
    credential_id: str
    status: DeliveryStatus
    attempts: int
    due_at: Moment | None
    created_at: Moment
    settled_at: Moment | None


class Attempt(NamedTuple):
    """One try: `headers` as JSON, `answer` the first 4 KB as text."""

    delivery_id: str
    number: int
    at: Moment
    duration_ms: int
    status_code: int | None
    failure: FailureName | None
    answer: str
    headers: str


class NewEndpoint(Struct, rename="camel"):
    """An endpoint to be created."""

    url: Url
    types: list[WebhookType]
    description: Description = ""
    body: BodyKind = "full"
    rate_per_second: Rate | None = None


class EndpointChange(Struct, rename="camel"):
    """What shall change of an endpoint; what isn't given stays."""

    url: Url | UnsetType = UNSET
    types: list[WebhookType] | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    body: BodyKind | UnsetType = UNSET
    rate_per_second: Rate | UnsetType | None = UNSET
    status: EndpointStatus | UnsetType = UNSET


class EndpointAnswer(Struct, rename="camel"):
    """An endpoint on the wire. Its secret is told when it is made, and never again."""

    id: str
    url: str
    description: str
    types: list[WebhookType]
    body: BodyKind
    status: EndpointStatus
    disabled_reason: str | None
    rate_per_second: float | None
    failing_since: str | None
    created_at: str
    updated_at: str


class EndpointWithSecret(EndpointAnswer, rename="camel"):
    """An endpoint just created or with a new secret; the secret is null where an answer is given again for its
    Idempotency-Key: it isn't kept."""

    secret: str | None


class Rotation(Struct, rename="camel"):
    """A new secret; the one before stays good for some hours, so that receivers can be changed in between."""

    grace_hours: GraceHours = 24


class Test(Struct):
    """A message to try the endpoint with; of the first of its types, unless one is named."""

    type: WebhookType | UnsetType = UNSET


class Redelivery(Struct, rename="camel"):
    """Which deliveries are made again: those created from a moment on, until another; failed ones unless said."""

    created_from: DateTime
    created_to: DateTime | UnsetType = UNSET
    status: Literal["failed", "delivered"] | UnsetType = UNSET


class TestAnswer(Struct, rename="camel"):
    """The message's id, by which the receiver and the list of deliveries know it."""

    message_id: str


class RedeliveryAnswer(Struct):
    """How many deliveries will be made again."""

    count: int


class DeliveryAnswer(Struct, rename="camel"):
    """A delivery in a list."""

    id: str
    webhook_id: str
    message_id: str
    type: WebhookType
    credential_id: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    created_at: str
    settled_at: str | None


class AttemptAnswer(Struct, rename="camel"):
    """One try of a delivery."""

    number: int
    at: str
    duration_ms: int
    status_code: int | None
    failure: FailureName | None
    answer: str
    request_headers: dict[str, str]


class WholeDelivery(DeliveryAnswer, rename="camel"):
    """A delivery with the body as it is sent, and every try."""

    body: str
    tries: list[AttemptAnswer]


def sql_type_of(column: str) -> str:
    """What an interaction's type is called in webhooks, as an SQL expression over the column that holds the type: all
    shares are `credential.shared`."""
    cases = " ".join(f"when '{name}' then '{type_}'" for name, type_ in _INTERACTION_TYPES.items())
    return f"(case {column} {cases} else 'credential.shared' end)"


def make_secret() -> str:
    """A new secret: `whsec_` and 32 random bytes in Base64, as Standard Webhooks wants it."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def write_body(id_: str, type_: WebhookType, at: Moment, credential_id: str, **more: Any) -> bytes:
    """The body: `more` is what a full one has beside the resource, in REST shape (contract, section 5)."""
    data = {"resource": {"id": credential_id, "type": "credential"}, **more}
    return encode({"id": id_, "type": type_, "createdAt": present_moment(at), "data": data})


def next_attempt_at(
    attempts: int, at: Moment, retry_after_seconds: int | None = None, chance: float | None = None
) -> Moment | None:
    """When to try again after so many attempts; None when it was the last.

    Spread by a fifth to both sides, so that what failed together doesn't come back together. A receiver's Retry-After
    puts it off further, up to a day. `chance` (0 to 1) instead of a random number.
    """
    if attempts > len(_DELAYS_SECONDS):
        return None
    spread = 1 + _JITTER * (2 * (random.random() if chance is None else chance) - 1)  # noqa: S311 - only spreads load
    seconds = max(_DELAYS_SECONDS[attempts - 1] * spread, min(retry_after_seconds or 0, _LONGEST_SECONDS))
    return at + int(seconds * 1_000)


def read_types(types: list[WebhookType]) -> tuple[WebhookType, ...]:
    """The types in the table's order, each once. Refuses (400) an empty list."""
    if not types:
        raise invalid("types", f"must name at least one of {', '.join(TYPES)}")
    return tuple(one for one in TYPES if one in types)


def read_url(url: str, allowed_hosts: frozenset[str]) -> str:
    """An address that may be an endpoint's, as far as can be seen without asking for it. Refuses (400) others.

    Only https, unless the host is one that the operator allows; no user name, no fragment.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise invalid("url", "must be an address such as https://example.org/webhooks") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or any(c.isspace() for c in url):
        raise invalid("url", "must be an address such as https://example.org/webhooks")
    if not url.isascii() or not url.isprintable():
        raise invalid("url", "must be written in ASCII; letters beyond it in percent or Punycode form")
    if ":" not in host and not all(0 < len(label) < 64 for label in host.removesuffix(".").split(".")):
        raise invalid("url", "must have a host name, of parts of up to 63 letters each")
    if parts.username is not None or parts.password is not None:
        raise invalid("url", "must not hold a user name or a password")
    if parts.fragment or url.endswith("#"):
        raise invalid("url", "must not have a fragment (#…)")
    if parts.scheme != "https" and host not in allowed_hosts:
        raise invalid("url", "must begin with https://")
    return url


def present_endpoint(endpoint: Endpoint) -> EndpointAnswer:
    """The endpoint as the wire shows it."""
    return EndpointAnswer(*_shown(endpoint))


def present_with_secret(endpoint: Endpoint, secret: str | None) -> EndpointWithSecret:
    """The same with its secret."""
    return EndpointWithSecret(*(*_shown(endpoint), secret))


def _shown(endpoint: Endpoint) -> tuple[Any, ...]:
    return (
        endpoint.id,
        endpoint.url,
        endpoint.description,
        list(endpoint.types),
        endpoint.body,
        endpoint.status,
        endpoint.disabled_reason,
        endpoint.rate_per_second,
        _moment(endpoint.failing_since),
        present_moment(endpoint.created_at),
        present_moment(endpoint.updated_at),
    )


def present_delivery(delivery: Delivery) -> DeliveryAnswer:
    """The delivery as the wire shows it."""
    return DeliveryAnswer(*_told(delivery))


def present_whole(delivery: Delivery, body: bytes, attempts: list[Attempt], headers_of: Any) -> WholeDelivery:
    """The same with body and tries; `headers_of` reads an attempt's headers."""
    tries = [
        AttemptAnswer(
            one.number,
            present_moment(one.at),
            one.duration_ms,
            one.status_code,
            one.failure,
            one.answer,
            headers_of(one.headers),
        )
        for one in attempts
    ]
    return WholeDelivery(*(*_told(delivery), body.decode(), tries))


def _told(delivery: Delivery) -> tuple[Any, ...]:
    return (
        delivery.id,
        delivery.endpoint_id,
        delivery.message_id,
        delivery.type,
        delivery.credential_id,
        delivery.status,
        delivery.attempts,
        _moment(delivery.due_at),
        present_moment(delivery.created_at),
        _moment(delivery.settled_at),
    )


def _moment(at: Moment | None) -> str | None:
    return None if at is None else present_moment(at)
