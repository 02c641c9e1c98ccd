"""Credential interactions as values; from the wire and back. Pure. Source: contract, section 2."""

from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from credtrail.errors import invalid
from credtrail.values import Actor, AnyId, DateTime, EventType, Moment, parse_moment, present_moment

PageAction = Literal[
    "shared_to_bluesky",
    "shared_to_threads",
    "shared_to_reddit",
    "shared_natively",
    "shared_by_email",
    "qr_code_shown",
    "embed_code_copied",
    "printed",
    "name_correction_requested",
    "added_to_wallet",
]
"""What people do on a page that the wire has no event type for: counted by day, never an interaction."""

PAGE_ACTIONS: frozenset[str] = frozenset(get_args(PageAction))

ReportedType = Literal[EventType, PageAction]
"""What a page may report."""

Certainty = Literal["api", "page", "claimed", "link", "verified"]
"""How we know who acted: an API caller said so (`api`); a page told of somebody who didn't say to be the recipient
(`page`: every guest); the address's or the browser's bare flag (`claimed`); a signed link, as it is mailed (`link`);
a device's proof, given for a typed e-mail code (`verified`). Never on the wire."""

Reason = Literal[
    "wrong_origin",
    "invalid_token",
    "foreign_token",
    "expired_token",
    "prefetch",
    "robot",
    "automation",
    "impossible_timing",
    "not_visible",
    "unconfirmed",
    "rate_limited",
    "repeat",
    "too_many",
]
"""Why something that a page sent is set aside, in the order of looking: the first that applies is the one kept."""

REASONS: tuple[str, ...] = get_args(Reason)

EARLIEST: Moment = parse_moment("2000-01-01T00:00:00Z")
FUTURE_TOLERANCE_MS = 5 * 60_000


class NewInteraction(Struct, rename="camel"):
    """An interaction to be recorded, all four fields required."""

    credential_id: AnyId
    event_type: EventType
    triggered_by: Actor
    triggered_at: DateTime


class InteractionAnswer(Struct, rename="camel"):
    """An interaction on the wire: exactly these five keys, in this order."""

    id: str
    credential_id: str
    event_type: EventType
    triggered_by: Actor
    triggered_at: str


class SetAsideAnswer(Struct, rename="camel"):
    """Something that a page sent and that isn't counted, as our extension of the wire shows it."""

    id: str
    credential_id: str
    event_type: ReportedType
    triggered_by: Actor
    triggered_at: str
    reason: Reason


class Interaction(NamedTuple):
    """One recorded interaction. `triggered_at` is what the client claims; the time received is in the id."""

    id: str
    workspace_id: str
    group_id: str
    credential_id: str
    event_type: str
    triggered_by: str
    triggered_at: Moment
    certainty: str


class PageActed(NamedTuple):
    """Something done on a page that is no interaction: all that is known of it but its day."""

    workspace_id: str
    group_id: str
    action: str
    triggered_by: str


class Filters(NamedTuple):
    """Which interactions of a workspace a list is about; None or empty: no restriction.

    `triggered_from` is inclusive, `triggered_to` exclusive, both in milliseconds.
    """

    credential_id: str | None = None
    group_id: str | None = None
    event_types: tuple[str, ...] = ()
    triggered_by: str | None = None
    triggered_from: Moment | None = None
    triggered_to: Moment | None = None


def read_triggered_at(text: str, at: Moment) -> Moment:
    """The claimed time in milliseconds; refuses what isn't a time, lies before 2000, or over 5 minutes ahead of `at`."""
    try:
        triggered_at = parse_moment(text)
    except ValueError:
        raise invalid(
            "triggeredAt",
            "must be an ISO 8601 date and time with Z or an offset, such as 2024-03-12T17:33:05.784Z",
        ) from None
    if triggered_at < EARLIEST:
        raise invalid("triggeredAt", "must not be before 2000-01-01T00:00:00.000Z")
    # Assumed: clocks differ, so five minutes ahead is taken as it is; more is refused.
    if triggered_at > at + FUTURE_TOLERANCE_MS:
        raise invalid("triggeredAt", "must not be more than 5 minutes in the future")
    return triggered_at


def present_interaction(interaction: Interaction) -> InteractionAnswer:
    """The interaction as the wire shows it."""
    return InteractionAnswer(
        interaction.id,
        interaction.credential_id,
        interaction.event_type,  # type: ignore[arg-type]  # only known types are recorded
        interaction.triggered_by,  # type: ignore[arg-type]
        present_moment(interaction.triggered_at),
    )
