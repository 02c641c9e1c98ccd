"""The only way an interaction comes to be.

Both doors, the API and the credential's page, submit here. All submissions that wait share one transaction:
whose credentials are these, which keys were used before, what is left of these visits; then append, count (on
PostgreSQL: leave to be folded), keep the answers; then the commit; then each is answered. Nothing is read again. Of the
API's alone, nothing is asked that this process knows already; what pages send is asked about each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from credtrail import metrics
from credtrail.credentials.store import Owner, find_owners
from credtrail.database import BulkTransaction, Writes
from credtrail.database.group import GroupWriter
from credtrail.database.idempotency import find_answers, keep_answers, replay
from credtrail.errors import Refusal, invalid
from credtrail.interactions.counts import add_counts, add_page_counts
from credtrail.interactions.fold import FoldedDatabase, count_later
from credtrail.interactions.log import Log
from credtrail.interactions.log_sql import COLUMNS
from credtrail.interactions.model import PAGE_ACTIONS, Certainty, Interaction, PageActed, Reason
from credtrail.interactions.visits import Allowances, SetAside, Shelf
from credtrail.values import Answer, IdempotencyKey, Moment, day_of, hour_of
from credtrail.webhooks.model import sql_type_of
from credtrail.webhooks.outbox import note_from

Outcome = Interaction | SetAside | PageActed | Refusal

_MOST_OWNERS = 50_000
_OWNERS_MS = 60_000
_LAST_FOLD_SECONDS = 10
_NOTE = note_from(sql_type_of("rows.event_type"), **COLUMNS)
"""What webhooks tell of an interaction, under the interaction's own id."""


class Entry(NamedTuple):
    """One interaction that someone wants recorded.

    From a page: `visit_id` is the page token's, `reason` is why it must be set aside, when that is known already;
    one of them is given. `event_type` may then be one of the page's own actions, too.
    """

    credential_id: str
    event_type: str
    triggered_by: str
    triggered_at: Moment
    certainty: Certainty = "api"
    visit_id: str | None = None
    reason: Reason | None = None


@dataclass(slots=True)
class Submission:
    """What one request wants recorded: all of its valid entries, or, when the commit fails, none.

    `workspace_id` None: a page speaks, for whichever workspace its credential belongs to. Entries that are
    refusals already keep their place in the answer. `present` turns the outcomes, in order, into the answer;
    it may raise a Refusal when there is nothing to be kept.
    """

    workspace_id: str | None
    entries: Sequence[Entry | Refusal]
    present: Callable[[list[Outcome]], Answer]
    key: IdempotencyKey | None = None

    def __len__(self) -> int:
        """What it adds to a transaction."""
        return len(self.entries)


class Recorder:
    """Records submissions through one group writer per process."""

    def __init__(self, database: FoldedDatabase, log: Log, *, batch_size: int, queue_limit: int) -> None:
        self._database = database
        self._log = log
        self._owners: dict[str, Owner] = {}  # replaced, never emptied: two threads look at it
        self._owners_until = 0
        self._writer: GroupWriter[Submission, Answer] = GroupWriter(
            database,
            self._meet_owners,
            self.apply,
            self._forget_owners,
            batch_size=batch_size,
            queue_limit=queue_limit,
        )
        self._stopping = asyncio.Event()
        self._folding: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to record; needs a running event loop."""
        self._writer.start()
        self._folding = asyncio.create_task(self._database.keep_folding(self._stopping), name="fold")

    async def close(self) -> None:
        """Commit and answer everything accepted so far, and add it to the sums, then stop. Where the last takes too
        long, the next process does it."""
        await self._writer.close()
        self._stopping.set()
        if self._folding is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._folding, _LAST_FOLD_SECONDS)

    def record(self, submission: Submission) -> Awaitable[Answer]:
        """Record durably, then answer. Refuses what `present` refuses; 503 when storage is down or overloaded."""
        return self._writer.submit(submission)

    async def _meet_owners(self, submissions: list[Submission]) -> None:
        """Ask whose the credentials are that this process doesn't know yet, beside the transactions: those that ask
        nothing take a third of the time. With many credentials, each has one that is new.

        Submissions that ask something anyway ask this as well, in their transaction.
        """
        if len(self._owners) > _MOST_OWNERS:
            self._owners = {}
        owners = self._owners
        asking_nothing = (one for one in submissions if one.workspace_id is not None and one.key is None)
        unknown = _list_unknown(owners, asking_nothing)
        if unknown:
            owners.update(await self._database.look(lambda transaction: find_owners(transaction, unknown)))

    def _forget_owners(self) -> None:
        self._owners = {}

    def apply(
        self, transaction: BulkTransaction, submissions: list[Submission]
    ) -> tuple[Writes, list[Answer | Exception]]:
        """Everything that belongs together, for one transaction; the answer or refusal of each, in order.

        Whose a credential is never changes, so it is asked seldom; that it is still there when its interaction is
        written is for the foreign key to say. When that says no, the submissions are tried again one by one, with
        nothing remembered (see GroupWriter).
        """
        if transaction.at >= self._owners_until:
            # Another time zone is known to all processes before it holds (`days.NOTICE_MS`).
            self._owners, self._owners_until = {}, transaction.at + _OWNERS_MS
        owners = self._owners
        unknown = _list_unknown(owners, submissions)
        if unknown:
            owners.update(find_owners(transaction, unknown))
        batch = _Batch(transaction, owners, submissions)
        answers = [batch.settle(submission) for submission in submissions]
        recorded = [interaction for interaction, *_ in batch.recorded]
        count = count_later if transaction.dialect == "postgresql" else add_counts
        writes = (
            *self._log.append(recorded),
            *keep_answers(transaction.at, batch.to_keep),
            *(batch.pages.writes() if batch.pages else ()),
            (_NOTE, recorded),
            *count(batch.recorded),
        )
        return writes, answers


def _list_unknown(owners: dict[str, Owner], submissions: Iterable[Submission]) -> set[str]:
    """The credentials these are about that aren't among the known ones."""
    return {
        entry.credential_id
        for one in submissions
        for entry in one.entries
        if isinstance(entry, Entry) and entry.credential_id not in owners
    }


class _Batch:
    """The submissions of one transaction while their outcomes are decided."""

    def __init__(
        self,
        transaction: BulkTransaction,
        owners: dict[str, Owner],
        submissions: list[Submission],
    ) -> None:
        self.recorded: list[tuple[Interaction, str, Moment]] = []
        self.to_keep: list[tuple[IdempotencyKey, Answer, str | None]] = []
        self._transaction = transaction
        self._owners = owners
        keys = [submission.key for submission in submissions if submission.key is not None]
        self._kept = find_answers(transaction, keys) if keys else {}
        reported = [
            entry
            for submission in submissions
            if submission.workspace_id is None
            for entry in submission.entries
            if isinstance(entry, Entry) and entry.credential_id in owners
        ]
        self.pages = _Reported(transaction, reported) if reported else None

    def settle(self, submission: Submission) -> Answer | Exception:
        """Decide each entry and present the outcomes; a used key gets its first answer again."""
        key = submission.key
        try:
            if key is None:
                return submission.present([self._decide(submission, entry) for entry in submission.entries])
            kept = self._kept.get((key.workspace_id, key.key))
            if kept is not None:
                return replay(key, kept)
            outcomes = [self._decide(submission, entry) for entry in submission.entries]
            answer = submission.present(outcomes)
        except Refusal as refusal:
            return refusal
        self._kept[key.workspace_id, key.key] = (key.digest, answer)
        about = (
            outcomes[0].credential_id if len(outcomes) == 1 and isinstance(outcomes[0], Interaction) else None
        )
        self.to_keep.append((key, answer, about))
        return answer

    def _decide(self, submission: Submission, entry: Entry | Refusal) -> Outcome:
        if isinstance(entry, Refusal):
            return entry
        owner = self._owners.get(entry.credential_id)
        # Assumed: an unknown credential, or another workspace's, is a validation_error on credentialId.
        if owner is None or (submission.workspace_id is not None and owner[0] != submission.workspace_id):
            return invalid("credentialId", "must be the id of a credential of this workspace")
        workspace_id, group_id = owner.workspace_id, owner.group_id
        id_ = self._transaction.new_id()
        credential_id, event_type, triggered_by, triggered_at, certainty = entry[:5]
        interaction = Interaction(
            id_, workspace_id, group_id, credential_id, event_type, triggered_by, triggered_at, certainty
        )
        time_zone = owner.zone_of(id_)
        day = day_of(triggered_at, time_zone)
        if submission.workspace_id is None and self.pages is not None:
            outcome = self.pages.judge(entry, interaction, day)
            if outcome is not None:
                return outcome
        self.recorded.append((interaction, day, hour_of(triggered_at, time_zone)))
        return interaction


class _Reported:
    """What pages sent in one transaction: what their visits allow, and what becomes no interaction."""

    def __init__(self, transaction: BulkTransaction, entries: list[Entry]) -> None:
        self._allowances = Allowances(
            transaction,
            [
                (entry.visit_id, entry.credential_id, entry.event_type == "credential_viewed")
                for entry in entries
                if entry.visit_id is not None and entry.reason is None
            ],
        )
        self._shelf = Shelf(transaction, {entry.credential_id for entry in entries})
        self._aside: list[tuple[SetAside, str, str]] = []
        self._acted: list[tuple[PageActed, str]] = []

    def judge(self, entry: Entry, wanted: Interaction, day: str) -> SetAside | PageActed | None:
        """What it is instead of the interaction that the page wants recorded; None: nothing else."""
        reason = entry.reason
        if reason is None and entry.visit_id is not None:
            is_view = entry.event_type == "credential_viewed"
            reason = self._allowances.take(entry.visit_id, is_view=is_view)
        id_, workspace_id, group_id, credential_id, event_type, triggered_by, triggered_at, _ = wanted
        if reason is not None:
            aside = SetAside(id_, workspace_id, credential_id, event_type, triggered_by, triggered_at, reason)
            self._shelf.put(aside)
            self._aside.append((aside, group_id, day))
            metrics.SET_ASIDE.labels(reason).inc()
            return aside
        if event_type in PAGE_ACTIONS:
            acted = PageActed(workspace_id, group_id, event_type, triggered_by)
            self._acted.append((acted, day))
            return acted
        return None

    def writes(self) -> Writes:
        """The statements that keep all of it."""
        return (*self._shelf.writes(), *add_page_counts(self._acted, self._aside))
