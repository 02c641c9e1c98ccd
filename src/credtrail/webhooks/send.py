"""Sends what is due: a lane for each endpoint, so that one that is slow, or dead, delays no other. Run by `work`.

A lane holds its endpoint's lease, claims some deliveries at a time, sends them side by side (of one credential one
after the other, in order), and notes how each ended together with the next claim. Several workers share the
endpoints by their leases. Killed midway, what was being sent is sent again when the lease has ended, with the same
id and bytes: at least once, never less.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import NamedTuple

import structlog
from msgspec.json import encode

from credtrail import metrics
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal
from credtrail.settings import Settings
from credtrail.values import Moment, now
from credtrail.webhooks import store
from credtrail.webhooks.egress import Answered, Egress
from credtrail.webhooks.model import Attempt, Endpoint, next_attempt_at
from credtrail.webhooks.sign import sign
from credtrail.webhooks.store import Due

_LANES = 100
_AT_ONCE = 8
_CLAIM = 128
_FAILING_AT_ONCE = 2
_PAUSE_SECONDS = 0.25
_DISABLED_AFTER_MS = 5 * 86_400_000
_MOST_SECONDS = 5.0
"""So long a lane goes on before it lets another worker, or another endpoint, have its turn."""
_START_SECONDS = 10.0
"""So long attempts of one claim are begun; with the time that the last may take, it is less than the lease."""

log = structlog.get_logger("credtrail.webhooks")


class Sent(NamedTuple):
    """An attempt that was made."""

    due: Due
    at: Moment
    headers: dict[str, str]
    answered: Answered


class Sender:
    """Delivers. `announce` makes messages of what happened, and tells how many events it took."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        seal: Seal,
        announce: Callable[[], Awaitable[int]],
    ) -> None:
        self._database = database
        self._seal = seal
        self._announce = announce
        self._egress = Egress(settings.webhook_hosts, _AT_ONCE)
        self._lease = secrets.token_hex(8)
        self._lanes: set[asyncio.Task[int]] = set()
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; attempts under way are finished and noted."""
        while not stop.is_set():
            try:
                busy = await self._announce()
                busy += await self._start_lanes()
            except Refusal as refusal:
                log.warning("webhooks put off", reason=refusal.code)
                busy = 0
            if not busy:
                try:
                    await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)
                except TimeoutError:
                    continue
        self._stopping = True
        await asyncio.gather(*self._lanes)
        await self._egress.close()

    async def run_once(self) -> int:
        """Send all that is due now; how many attempts were made."""
        made = 0
        while await self._announce() + await self._start_lanes():
            made += sum(await asyncio.gather(*self._lanes))
        return made

    async def close(self) -> None:
        """After `run_once`."""
        await self._egress.close()

    async def _start_lanes(self) -> int:
        await self._egress.forget(2 * _LANES)
        room = _LANES - len(self._lanes)
        if room <= 0 or not await self._database.read(store.has_due_endpoint):
            return 0
        endpoints = await self._database.write(
            lambda transaction: store.lease_endpoints(transaction, self._lease, room)
        )
        for endpoint in endpoints:
            lane = asyncio.create_task(self._run_lane(endpoint))
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return len(endpoints)

    async def _run_lane(self, endpoint: Endpoint) -> int:
        """Send to one endpoint while there is something due, for some seconds; how many attempts were made."""
        made, sent, due, until = 0, list[Sent](), list[Due](), monotonic() + _MOST_SECONDS
        try:
            while True:
                goes_on = not self._stopping and (not due or monotonic() < until)
                present, due = await self._note_and_claim(endpoint, due, sent, goes_on=goes_on)
                if present is None or not due:
                    return made
                sent = await self._send_all(present, due)
                made += len(sent)
        except (
            Refusal
        ) as refusal:  # storage is down: the lease ends by itself, and what was sent is sent again
            log.warning("webhook lane put off", endpoint=endpoint.id, reason=refusal.code)
        except Exception:  # ours to mend; it must not end the worker, and the lease ends by itself here too
            log.exception("webhook lane failed", endpoint=endpoint.id)
        return made

    async def _note_and_claim(
        self, endpoint: Endpoint, before: list[Due], sent: list[Sent], *, goes_on: bool
    ) -> tuple[Endpoint | None, list[Due]]:
        """How the last attempts ended, what wasn't come to, and what comes next: one transaction."""
        sent_ids = {one.due.id for one in sent}
        left = [one.id for one in before if one.id not in sent_ids]

        def act(transaction: Transaction) -> tuple[Endpoint | None, list[Due]]:
            present = store.renew_lease(transaction, endpoint.id, self._lease)
            resume_at = _note(transaction, endpoint, sent)
            store.put_back(transaction, left)
            if present is not None and goes_on and not resume_at:
                present = present._replace(failing_since=_failing_since(present, sent, transaction.at))
                limit = _FAILING_AT_ONCE if present.failing_since else _CLAIM
                due = store.claim_due(transaction, present, limit)
                if due:
                    interrupted = [_interrupted(one, transaction.at) for one in due if one.was_sending]
                    store.add_attempts(transaction, interrupted)
                    return present, due
            store.end_lease(transaction, endpoint.id, self._lease, resume_at)
            return None, []

        return await self._database.write(act)

    async def _send_all(self, endpoint: Endpoint, due: list[Due]) -> list[Sent]:
        """Side by side, but those of one credential in turn; slower where the endpoint asks for a rate."""
        chains: dict[str, list[Due]] = {}
        for one in due:
            chains.setdefault(one.credential_id, []).append(one)
        keys = self._open_secrets(endpoint)
        gate, pace = asyncio.Semaphore(_AT_ONCE), _Pace(endpoint.rate_per_second)
        until = monotonic() + _START_SECONDS

        async def send_chain(chain: list[Due]) -> list[Sent]:
            sent = []
            for one in chain:
                async with gate:
                    await pace.wait()
                    if monotonic() > until:
                        break
                    sent.append(await self._send(endpoint, one, keys))
            return sent

        return [sent for chain in await asyncio.gather(*map(send_chain, chains.values())) for sent in chain]

    async def _send(self, endpoint: Endpoint, due: Due, keys: Sequence[str]) -> Sent:
        at = now()
        headers = sign(due.message_id, due.body, at // 1_000, keys)
        answered = await self._egress.post(endpoint.url, headers, due.body, endpoint.id)
        metrics.WEBHOOK_ATTEMPTS.labels(answered.failure or "delivered").inc()
        return Sent(due, at, headers, answered)

    def _open_secrets(self, endpoint: Endpoint) -> list[str]:
        kept = [endpoint.secret]
        if endpoint.previous_secret and endpoint.previous_until and endpoint.previous_until > now():
            kept.append(endpoint.previous_secret)
        opened = [self._seal.open(one, endpoint.id) for one in kept]
        return [one for one in opened if one is not None]


class _Pace:
    """Lets pass so many a second, evenly."""

    def __init__(self, per_second: float | None) -> None:
        self._seconds = 1 / per_second if per_second else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        if self._seconds:
            at = max(self._next, monotonic())
            self._next = at + self._seconds
            await asyncio.sleep(at - monotonic())


def _note(transaction: Transaction, endpoint: Endpoint, sent: list[Sent]) -> Moment:
    """Keep how attempts ended; until when the endpoint wants to be left alone (0: it doesn't)."""
    if not sent:
        return 0
    store.add_attempts(transaction, [_attempt(one) for one in sent])
    delivered = [one.due.id for one in sent if one.answered.failure is None]
    store.settle_delivered(transaction, delivered)
    resume_at = 0
    for one in sent:
        if one.answered.failure is not None:
            tries = one.due.attempts - one.due.series
            pause = one.answered.retry_after_seconds
            store.settle_failed(transaction, one.due.id, next_attempt_at(tries, transaction.at, pause))
            if pause and one.answered.status_code in (429, 503):
                resume_at = max(resume_at, transaction.at + pause * 1_000)
    if delivered:
        store.note_failing(transaction, endpoint.id, failing=False)
    else:
        store.note_failing(transaction, endpoint.id, failing=True)
    _disable_where_hopeless(transaction, endpoint, sent, bool(delivered))
    return resume_at


def _disable_where_hopeless(
    transaction: Transaction, endpoint: Endpoint, sent: list[Sent], any_delivered: bool
) -> None:
    reason = None
    if any(one.answered.failure == "gone" for one in sent):
        reason = "It answered 410: it is gone for good"
    since = endpoint.failing_since
    if not any_delivered and since is not None and transaction.at - since > _DISABLED_AFTER_MS:
        reason = "Nothing could be delivered to it for five days"
    if reason is not None:
        store.disable_endpoint(transaction, endpoint.id, reason)
        log.warning("webhook endpoint disabled", endpoint=endpoint.id, reason=reason)


def _failing_since(endpoint: Endpoint, sent: list[Sent], at: Moment) -> Moment | None:
    """As it is after these attempts, which were noted after the endpoint was read."""
    if any(one.answered.failure is None for one in sent):
        return None
    return endpoint.failing_since or (at if sent else None)


def _attempt(sent: Sent) -> Attempt:
    answered = sent.answered
    return Attempt(
        sent.due.id,
        sent.due.attempts,
        sent.at,
        answered.duration_ms,
        answered.status_code,
        answered.failure,
        answered.answer,
        encode(sent.headers).decode(),
    )


def _interrupted(due: Due, at: Moment) -> Attempt:
    """The attempt before, of which nobody knows how it ended."""
    return Attempt(due.id, due.attempts - 1, at, 0, None, "interrupted", "", "{}")
