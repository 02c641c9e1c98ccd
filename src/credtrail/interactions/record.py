"""The only way an interaction comes to be.

Both doors, the API and the credential's page, submit here. All submissions that wait share one transaction:
whose credentials are these, which keys were used before, what is left of these visits; then append, count,
keep the answers; then the commit; then each is answered. Nothing is read again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from credtrail import metrics
from credtrail.credentials.store import find_owners
from credtrail.database import BulkTransaction, Database, Writes
from credtrail.database.group import GroupWriter
from credtrail.database.idempotency import find_answers, keep_answers, replay
from credtrail.errors import Refusal, invalid
from credtrail.interactions.counts import add_counts
from credtrail.interactions.log import Log
from credtrail.interactions.model import Interaction
from credtrail.interactions.visits import Allowances, Reason, SetAside, keep_aside
from credtrail.values import Answer, IdempotencyKey, Moment, day_of

Outcome = Interaction | SetAside | Refusal

_MOST_OWNERS = 50_000


class Entry(NamedTuple):
    """One interaction that someone wants recorded.

    From a page: `visit_id` is the page token's, `reason` is why it must be set aside, when that is known already.
    """

    credential_id: str
    event_type: str
    triggered_by: str
    triggered_at: Moment
    certainty: str = "api"
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

    def __init__(self, database: Database, log: Log, *, batch_size: int, queue_limit: int) -> None:
        self._log = log
        self._owners: dict[str, tuple[str, str, str]] = {}  # replaced, never emptied: two threads look at it
        self._writer: GroupWriter[Submission, Answer] = GroupWriter(
            database, self.apply, self._forget_owners, batch_size=batch_size, queue_limit=queue_limit
        )
        self.start = self._writer.start
        self.close = self._writer.close

    async def record(self, submission: Submission) -> Answer:
        """Record durably, then answer. Refuses what `present` refuses; 503 when storage is down or overloaded."""
        return await self._writer.submit(submission)

    def _forget_owners(self) -> None:
        self._owners = {}

    def apply(
        self, transaction: BulkTransaction, submissions: list[Submission]
    ) -> tuple[Writes, list[Answer | Exception]]:
        """Everything that belongs together, for one transaction; the answer or refusal of each, in order.

        Whose a credential is never changes, so it is asked once per process; that it is still there when its
        interaction is written is for the foreign key to say. When that says no, the submissions are tried again
        one by one, with nothing remembered (see GroupWriter).
        """
        owners = self._owners
        wanted = {
            entry.credential_id for one in submissions for entry in one.entries if isinstance(entry, Entry)
        }
        unknown = wanted - owners.keys()
        if unknown:
            if len(owners) > _MOST_OWNERS:
                owners, unknown = {}, wanted
                self._owners = owners
            owners.update(find_owners(transaction, unknown))
        batch = _Batch(transaction, owners, submissions)
        answers = [batch.settle(submission) for submission in submissions]
        writes = (
            *self._log.append([interaction for interaction, _ in batch.recorded]),
            *keep_aside(batch.aside),
            *keep_answers(transaction.at, batch.to_keep),
            *add_counts(batch.recorded),
        )
        return writes, answers


class _Batch:
    """The submissions of one transaction while their outcomes are decided."""

    def __init__(
        self,
        transaction: BulkTransaction,
        owners: dict[str, tuple[str, str, str]],
        submissions: list[Submission],
    ) -> None:
        self.recorded: list[tuple[Interaction, str]] = []
        self.aside: list[SetAside] = []
        self.to_keep: list[tuple[IdempotencyKey, Answer, str | None]] = []
        self._transaction = transaction
        self._owners = owners
        keys = [submission.key for submission in submissions if submission.key is not None]
        self._kept = find_answers(transaction, keys) if keys else {}
        visits = [
            (entry.visit_id, entry.credential_id, entry.event_type == "credential_viewed")
            for submission in submissions
            if submission.workspace_id is None
            for entry in submission.entries
            if isinstance(entry, Entry)
            and entry.visit_id
            and not entry.reason
            and entry.credential_id in owners
        ]
        self._allowances = Allowances(transaction, visits) if visits else None

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
        workspace_id, group_id, time_zone = owner
        reason = entry.reason
        if reason is None and entry.visit_id is not None and self._allowances is not None:
            reason = self._allowances.take(entry.visit_id, is_view=entry.event_type == "credential_viewed")
        id_ = self._transaction.new_id()
        credential_id, event_type, triggered_by, triggered_at, certainty = entry[:5]
        if reason is not None:
            set_aside = SetAside(
                id_, workspace_id, credential_id, event_type, triggered_by, triggered_at, reason
            )
            self.aside.append(set_aside)
            metrics.SET_ASIDE.labels(reason).inc()
            return set_aside
        interaction = Interaction(
            id_, workspace_id, group_id, credential_id, event_type, triggered_by, triggered_at, certainty
        )
        self.recorded.append((interaction, day_of(triggered_at, time_zone)))
        return interaction
