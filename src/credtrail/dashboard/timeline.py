"""What happened to a credential, in one list: interactions, mails, its own life. Called by `credential`.

The interactions page by their ids; the others, few, stand on the page in whose span of time they lie.
"""

from typing import NamedTuple

from credtrail.credentials.model import Credential
from credtrail.dashboard.credential_words import (
    CERTAINTIES,
    MAIL_MEANS,
    MAIL_STATES,
    State,
    event_words,
)
from credtrail.dashboard.door import Visit
from credtrail.database import Transaction
from credtrail.interactions.log import Log
from credtrail.interactions.model import Filters, Interaction
from credtrail.mail.model import Mail
from credtrail.mail.store import list_mails
from credtrail.values import Moment, moment_of_id

_ON_A_PAGE = 25
_WORTH_TELLING_MS = 60_000
"""A claimed time that is further from the time received is shown with both."""


class Happening(NamedTuple):
    """One thing that happened: when, what, who or how, and its state where it has one.

    `received_at` is when we learned of it, where that was notably later or earlier than it is said to have happened.
    """

    at: Moment
    title: str
    detail: str = ""
    state: State | None = None
    received_at: Moment | None = None


class Timeline(NamedTuple):
    """A page of it, latest first, and its neighbours."""

    happenings: list[Happening]
    around: dict[str, str | None]


def find_timeline(transaction: Transaction, log: Log, visit: Visit, credential: Credential) -> Timeline:
    """The page that the address asks for."""
    filters, slice_ = Filters(credential_id=credential.id), visit.slice(_ON_A_PAGE, "timeline", credential.id)
    rows = log.page(transaction, credential.workspace_id, filters, **slice_._asdict())
    shown, around = visit.page_of(rows, slice_, "timeline", credential.id)
    since = moment_of_id(shown[-1].id) if shown and around["older"] else None
    until = None
    if shown and around["newer"]:
        [next_newer] = log.page(
            transaction, credential.workspace_id, filters, edge=shown[0].id, newer=True, limit=1
        )
        until = moment_of_id(next_newer.id)
    others = [*_mails_of(transaction, credential), *_life_of(credential)]
    within = [
        (at, one) for at, one in others if (since is None or at >= since) and (until is None or at < until)
    ]
    told = [(moment_of_id(one.id), _tell_interaction(one)) for one in shown]
    latest_first = sorted([*told, *within], key=lambda pair: pair[0], reverse=True)
    return Timeline([one for _, one in latest_first], around)


def _life_of(credential: Credential) -> list[tuple[Moment, Happening]]:
    """Latest first, for both may be of the same moment."""
    created = (credential.created_at, Happening(credential.created_at, "Created"))
    if credential.revoked_at is None:
        return [created]
    reason = credential.revocation_reason or "no reason was given"
    revoked = Happening(credential.revoked_at, "Revoked", reason)
    return [(credential.revoked_at, revoked), created]


def _mails_of(transaction: Transaction, credential: Credential) -> list[tuple[Moment, Happening]]:
    return [(mail.created_at, _tell_mail(mail)) for mail in list_mails(transaction, credential.id)]


def _tell_mail(mail: Mail) -> Happening:
    detail = MAIL_MEANS[mail.status]
    if mail.reason:
        detail += f" The reason: {mail.reason}"
    return Happening(mail.created_at, f"Mail to {mail.address}", detail, MAIL_STATES[mail.status])


def _tell_interaction(interaction: Interaction) -> Happening:
    who = "the recipient" if interaction.triggered_by == "recipient" else "a guest"
    received_at = moment_of_id(interaction.id)
    return Happening(
        interaction.triggered_at,
        f"{event_words(interaction.event_type)} by {who}",
        CERTAINTIES[interaction.certainty],
        received_at=received_at if abs(received_at - interaction.triggered_at) > _WORTH_TELLING_MS else None,
    )
