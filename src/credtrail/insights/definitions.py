"""What every number of insights means, once: docs/metrics.md and the dashboard's page of definitions show these. Pure.

A number's `name` is its name on the wire, and the anchor of its definition.
"""

from typing import NamedTuple


class Definition(NamedTuple):
    """One number: what is counted (above the line, where it is a quotient), by what it is divided, whose acts, what
    the period goes by, what is counted once only, and what a deletion does to it."""

    name: str
    title: str
    numerator: str
    denominator: str
    actor: str
    period: str
    dedupe: str
    deletion: str


_ISSUE_DATE = "by the credential’s issue date"
_TRIGGERED = "by `triggeredAt`"
_REPORTED = "by the time of the report"
_CREDENTIAL = "the credential: each counts once, however often it was done"
_ACTS = "none beyond recording’s: each recorded interaction counts"
_GOES = "a deleted credential is counted no more"
_STAYS = "what was done with a deleted credential stays in the sum"
_NONE = "–"
_ISSUED = "issued credentials"

DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "issuedCredentials",
        "Issued",
        "credentials that are issued (expired and revoked ones too) and still there",
        _NONE,
        _NONE,
        _ISSUE_DATE,
        "the credential",
        _GOES,
    ),
    Definition(
        "openedCredentials",
        "Opened",
        "issued credentials that their recipient has viewed, at any time since",
        _NONE,
        "recipient",
        _ISSUE_DATE,
        _CREDENTIAL,
        _GOES,
    ),
    Definition(
        "sharedCredentials",
        "Shared",
        "issued credentials that their recipient has shared to a network or added to a profile, at any time since",
        _NONE,
        "recipient",
        _ISSUE_DATE,
        _CREDENTIAL,
        _GOES,
    ),
    Definition(
        "guestViewedCredentials",
        "Viewed by guests",
        "issued credentials that a guest has viewed, at any time since",
        _NONE,
        "guest",
        _ISSUE_DATE,
        _CREDENTIAL,
        _GOES,
    ),
    Definition(
        "guestVerifiedCredentials",
        "Verified by guests",
        "issued credentials that a guest has verified, at any time since",
        _NONE,
        "guest",
        _ISSUE_DATE,
        _CREDENTIAL,
        _GOES,
    ),
    Definition(
        "funnel",
        "Funnel",
        "issued credentials that have passed this step and every step above it, in whatever order: opened, shared, "
        "viewed by guests, verified by guests, each as above; beside it those that did this step at all (`reached`)",
        f"for `rate`: {_ISSUED}",
        "recipient for opened and shared, guest for viewed and verified",
        _ISSUE_DATE,
        _CREDENTIAL,
        _GOES,
    ),
    Definition(
        "openRate", "Open rate", "opened credentials", _ISSUED, "recipient", _ISSUE_DATE, _CREDENTIAL, _GOES
    ),
    Definition(
        "shareRate", "Share rate", "shared credentials", _ISSUED, "recipient", _ISSUE_DATE, _CREDENTIAL, _GOES
    ),
    Definition(
        "medianSecondsToOpen",
        "Median time to open",
        "from the moment a credential became issued to its recipient’s first view; half of the opened credentials "
        "took no longer (of an even number, the lower of the middle two), cut to whole seconds",
        "opened credentials; those opened before they were issued here (an import of the past) are left out",
        "recipient",
        _ISSUE_DATE,
        "the credential, by its first view",
        _GOES,
    ),
    Definition(
        "medianSecondsToShare",
        "Median time to share",
        "from the moment a credential became issued to its recipient’s first share or adding to a profile, likewise",
        "shared credentials; those shared before they were issued here are left out",
        "recipient",
        _ISSUE_DATE,
        "the credential, by its first share",
        _GOES,
    ),
    Definition(
        "recipientViews",
        "Views by recipients",
        "`credential_viewed`",
        _NONE,
        "recipient",
        _TRIGGERED,
        _ACTS,
        _STAYS,
    ),
    Definition(
        "shares",
        "Shares",
        "the eight `credential_shared_to_…` and `credential_added_to_linkedin_profile`; copying the link and "
        "downloading are no shares",
        _NONE,
        "recipient",
        _TRIGGERED,
        _ACTS,
        _STAYS,
    ),
    Definition(
        "guestViews", "Views by guests", "`credential_viewed`", _NONE, "guest", _TRIGGERED, _ACTS, _STAYS
    ),
    Definition(
        "guestVerifications",
        "Verifications by guests",
        "`credential_verified`",
        _NONE,
        "guest",
        _TRIGGERED,
        _ACTS,
        _STAYS,
    ),
    Definition(
        "viewsPerShare",
        "Views per share",
        "views by guests in the period",
        "shares in the period, whether or not the views came by them: where a guest came from isn’t known",
        "guest over recipient",
        _TRIGGERED,
        _ACTS,
        _STAYS,
    ),
    Definition(
        "interactions",
        "Interactions",
        "recorded interactions of a type by an actor; in a series, per hour, day, week (from Monday) or month",
        _NONE,
        "each",
        _TRIGGERED,
        _ACTS,
        _STAYS,
    ),
    Definition(
        "channels",
        "Channels",
        "shares of one type, or copies of the link; by recipients and guests unless one of them is asked for",
        _NONE,
        "both, or one",
        _TRIGGERED,
        _ACTS,
        _STAYS,
    ),
    Definition(
        "channelCredentials",
        "Credentials on a channel",
        "issued credentials that were ever passed on by this channel",
        _NONE,
        "both, or one",
        _ISSUE_DATE,
        _CREDENTIAL,
        _GOES,
    ),
    Definition(
        "pageActions",
        "Page actions",
        "what people do on a page that has no event type: sharing by Bluesky, Threads, Reddit, mail or the device, "
        "showing the QR code, copying the code to embed, printing, asking for a correction",
        _NONE,
        "each, as the page said",
        _REPORTED,
        "30 acts of one opening of the page",
        _STAYS,
    ),
    Definition(
        "setAside",
        "Set aside",
        "what pages sent and was not recorded, under the first reason that applied",
        _NONE,
        "none: as far as we know, it wasn’t a person",
        _REPORTED,
        "none: a robot that comes a thousand times counts a thousand",
        _STAYS,
    ),
    Definition(
        "ranking",
        "Best credentials and groups",
        "all views by guests, shares by the recipient, and verifications by guests of the credentials issued in the "
        "period, at any time since; of a group, the sums over its credentials",
        _NONE,
        "guest for views and verifications, recipient for shares",
        _ISSUE_DATE,
        _ACTS,
        _GOES,
    ),
    Definition(
        "before",
        "The period before",
        "the same of as many days, just before. What became of its credentials is taken as it stood as long ago as "
        "the two periods lie apart, so that both had the same time",
        _NONE,
        "as above",
        "as above",
        "as above",
        "as above",
    ),
)


def as_table() -> str:
    """The rows as docs/metrics.md shows them."""
    rows = (
        (f"`{one.name}`", one.numerator, one.denominator, one.actor, one.period, one.dedupe, one.deletion)
        for one in DEFINITIONS
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
