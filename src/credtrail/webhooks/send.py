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
from typing import NamedTuple, TypeVar

import structlog
from msgspec.json import encode

from credtrail import metrics
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal
from credtrail.settings import Settings
from credtrail.values import Moment, now
from credtrail.webhooks import delivery_store, store
from credtrail.webhooks.delivery_store import Due
from credtrail.webhooks.egress import Answered, Egress
from credtrail.webhooks.model import Attempt, Endpoint, next_attempt_at
from credtrail.webhooks.pace import Pace
from credtrail.webhooks.sign import sign

_LANES = 128
_FAILING_LANES = 64
"""Receivers that fail, however many they are, leave room for the others."""
_AT_ONCE = 8
_CLAIM = 128
_FAILING_AT_ONCE = 2
_FAILING_PAUSE_MS = 2_000
"""So long one that failed is left alone: what waits for a dead receiver must not keep worker and database busy."""
_PAUSE_SECONDS = 0.25
_DISABLED_AFTER_MS = 5 * 86_400_000
_MOST_SECONDS = 5.0
"""So long a lane goes on before it lets another worker, or another endpoint, have its turn."""
_START_SECONDS = 10.0
"""So long attempts of one claim are begun; with the time that the last may take, it is less than the lease."""
_PATIENCE_SECONDS = (0.5, 2.0)

T = TypeVar("T")

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
        self._lanes: dict[asyncio.Task[int], bool] = {}  # and whether it is one of a failing endpoint
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; attempts under way are finished and noted."""
        while not stop.is_set():
            busy = await self._try(self._announce) + await self._try(self._start_lanes)
            if not busy:
                try:
                    await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)
                except TimeoutError:
                    continue
        self._stopping = True
        await asyncio.gather(*self._lanes)
        await self._egress.close()

    async def _try(self, step: Callable[[], Awaitable[int]]) -> int:
        """What keeps one step from being done keeps no other, and comes again at its next turn."""
        try:
            return await step()
        except Refusal as refusal:
            log.warning("webhooks put off", reason=refusal.code)
        except Exception:  # ours to mend; what can be delivered meanwhile is
            log.exception("webhooks failed")
        return 0

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
        await self._egress.forget()
        room, failing_room = _LANES - len(self._lanes), _FAILING_LANES - sum(self._lanes.values())
        if room <= 0:
            return 0
        due = await self._database.read(delivery_store.list_due)
        if not due or (due == {True} and failing_room <= 0):
            return 0

        def act(transaction: Transaction) -> list[Endpoint]:
            lease = delivery_store.lease_endpoints
            found = lease(transaction, self._lease, room, failing=False)
            left = min(room - len(found), failing_room)
            return [*found, *lease(transaction, self._lease, left, failing=True)] if left > 0 else found

        endpoints = await self._database.write(act)
        for endpoint in endpoints:
            lane = asyncio.create_task(self._run_lane(endpoint))
            self._lanes[lane] = endpoint.failing_since is not None
            lane.add_done_callback(self._lanes.pop)
        return len(endpoints)

    async def _run_lane(self, endpoint: Endpoint) -> int:
        """Send to one endpoint while there is something due, for some seconds; how many attempts were made."""
        made, sent, due, until = 0, list[Sent](), list[Due](), monotonic() + _MOST_SECONDS
        pace = Pace(endpoint.rate_per_second)
        try:
            while True:
                goes_on = not self._stopping and (not due or monotonic() < until)
                present, due = await self._note_and_claim(endpoint, due, sent, pace, goes_on=goes_on)
                if present is None or not due:
                    return made
                sent = await self._send_all(present, due, pace)
                made += len(sent)
        except (
            Refusal
        ) as refusal:  # storage stays down: the lease ends by itself; what was sent is sent again
            log.warning("webhook lane put off", endpoint=endpoint.id, reason=refusal.code)
        except Exception:  # ours to mend; it must not end the worker, and the lease ends by itself here too
            log.exception("webhook lane failed", endpoint=endpoint.id)
        return made

    async def _note_and_claim(
        self, endpoint: Endpoint, before: list[Due], sent: list[Sent], pace: Pace, *, goes_on: bool
    ) -> tuple[Endpoint | None, list[Due]]:
        """How the last attempts ended, what wasn't come to, and what comes next: one transaction."""
        sent_ids = {one.due.id for one in sent}
        left = [one.id for one in before if one.id not in sent_ids]

        def act(transaction: Transaction) -> tuple[Endpoint | None, list[Due]]:
            present = store.renew_lease(transaction, endpoint.id, self._lease)
            resume_at = _note(transaction, endpoint.id, sent)
            if present is None:  # another's by now, or deleted: what wasn't come to is the other's, too
                return None, []
            delivery_store.put_back(transaction, left)
            failing_since = _failing_since(present, sent, transaction.at)
            if _disable_where_hopeless(transaction, present, sent, failing_since):
                goes_on_still = False
            else:
                goes_on_still = (
                    goes_on and present.status == "enabled" and self._can_sign(transaction, present)
                )
            if goes_on_still and not resume_at and pace.seconds_left() <= 1:
                pace.set(present.rate_per_second)
                limit = _FAILING_AT_ONCE if failing_since else pace.room(_START_SECONDS - 1, _CLAIM)
                due = delivery_store.claim_due(transaction, present, limit)
                if due:
                    interrupted = [_interrupted(one, transaction.at) for one in due if one.was_sending]
                    delivery_store.add_attempts(transaction, interrupted)
                    return present, due
            next_at = transaction.at + int(pace.seconds_left() * 1_000)
            store.end_lease(transaction, endpoint.id, self._lease, max(resume_at, next_at))
            return None, []

        return await self._write_patiently(act)

    async def _write_patiently(self, act: Callable[[Transaction], T]) -> T:
        """What was sent shall not be sent again because storage was down for a moment."""
        for seconds in _PATIENCE_SECONDS:
            try:
                return await self._database.write(act)
            except Refusal:
                await asyncio.sleep(seconds)
        return await self._database.write(act)

    async def _send_all(self, endpoint: Endpoint, due: list[Due], pace: Pace) -> list[Sent]:
        """Side by side, but those of one credential in turn; slower where the endpoint asks for a rate."""
        chains: dict[str, list[Due]] = {}
        for one in due:
            chains.setdefault(one.credential_id, []).append(one)
        keys = self._open_secrets(endpoint)
        gate, until = asyncio.Semaphore(_AT_ONCE), monotonic() + _START_SECONDS

        async def send_chain(chain: list[Due]) -> list[Sent]:
            sent = []
            for one in chain:
                async with gate:
                    await pace.wait()
                    if monotonic() > until or self._stopping:
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

    def _can_sign(self, transaction: Transaction, endpoint: Endpoint) -> bool:
        if self._seal.open(endpoint.secret, endpoint.id) is not None:
            return True
        reason = "Its secret can't be read, since CREDTRAIL_SECRET_KEY was changed: give it a new one"
        _disable(transaction, endpoint.id, reason)
        return False


def _note(transaction: Transaction, endpoint_id: str, sent: list[Sent]) -> Moment:
    """Keep how attempts ended; until when the endpoint is to be left alone (0: it isn't)."""
    if not sent:
        return 0
    delivery_store.add_attempts(transaction, [_attempt(one) for one in sent])
    delivered = [one.due.id for one in sent if one.answered.failure is None]
    delivery_store.settle_delivered(transaction, delivered)
    resume_at = 0 if delivered else transaction.at + _FAILING_PAUSE_MS
    for due, _, _, answered in sent:
        if answered.failure is not None:
            pause = answered.retry_after_seconds
            next_at = next_attempt_at(due.attempts - due.series, transaction.at, pause)
            delivery_store.settle_failed(transaction, due.id, due.attempts, next_at)
            if pause and answered.status_code in (429, 503):
                resume_at = max(resume_at, transaction.at + pause * 1_000)
    store.note_failing(transaction, endpoint_id, failing=not delivered)
    return resume_at


def _failing_since(endpoint: Endpoint, sent: list[Sent], at: Moment) -> Moment | None:
    """As it is after these attempts, which were noted after the endpoint was read."""
    if any(one.answered.failure is None for one in sent):
        return None
    return endpoint.failing_since or (at if sent else None)


def _disable_where_hopeless(
    transaction: Transaction, endpoint: Endpoint, sent: list[Sent], failing_since: Moment | None
) -> bool:
    if any(one.answered.failure == "gone" for one in sent):
        _disable(transaction, endpoint.id, "It answered 410: it is gone for good")
        return True
    if sent and failing_since is not None and transaction.at - failing_since > _DISABLED_AFTER_MS:
        _disable(transaction, endpoint.id, "Nothing could be delivered to it for five days")
        return True
    return False


def _disable(transaction: Transaction, endpoint_id: str, reason: str) -> None:
    store.disable_endpoint(transaction, endpoint_id, reason)
    log.warning("webhook endpoint disabled", endpoint=endpoint_id, reason=reason)


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
