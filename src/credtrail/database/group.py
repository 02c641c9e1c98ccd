"""Group commit: all waiting requests share one transaction, and each is answered after its commit.

Knows no feature: what an item is and what is done with the items is `apply`, handed in by `app`.
Why: one fsync costs a tenth of a millisecond to many; shared by all who wait, it costs each next to nothing,
and what was acknowledged is on disk all the same.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence, Sized
from time import perf_counter
from typing import Generic, TypeVar

from credtrail import metrics
from credtrail.database import BulkTransaction, Database, Writes
from credtrail.errors import Refusal, unavailable

Item = TypeVar("Item", bound=Sized)
Result = TypeVar("Result")

_LANES = 2
"""While one transaction commits, the next is already lined up, so that the database never waits for the event
loop. On SQLite they take turns in the one writing thread; on PostgreSQL they overlap on two connections."""

Waiting = tuple[Item, asyncio.Future[Result]]


class GroupWriter(Generic[Item, Result]):
    """Drains the queue into transactions.

    `prepare` is awaited before each transaction, for what `apply` would have to ask inside it otherwise.
    `apply` returns what to write and one result per item, in order; a result that is an exception is raised to
    the one who waits for it, without harm to the others. `recover` is called when a transaction failed for another
    reason than an outage, before its items are tried again one by one.
    """

    def __init__(
        self,
        database: Database,
        prepare: Callable[[list[Item]], Awaitable[None]],
        apply: Callable[[BulkTransaction, list[Item]], tuple[Writes, list[Result | Exception]]],
        recover: Callable[[], None],
        *,
        batch_size: int,
        queue_limit: int,
    ) -> None:
        self._database = database
        self._prepare = prepare
        self._apply = apply
        self._recover = recover
        self._batch_size = batch_size
        self._queue_limit = queue_limit
        self._queue: deque[Waiting[Item, Result]] = deque()
        self._waiting = asyncio.Event()
        self._closing = False
        self._committing = 0  # submissions, in all lanes
        self._lanes: list[asyncio.Task[None]] = []
        self._make_future: Callable[[], asyncio.Future[Result]]

    def start(self) -> None:
        """Begin draining; needs a running event loop, the one that submits."""
        self._make_future = (
            asyncio.get_running_loop().create_future
        )  # asking for the loop costs a system call
        self._lanes = [asyncio.create_task(self._drain(), name=f"group-writer-{n}") for n in range(_LANES)]

    async def close(self) -> None:
        """Commit and answer everything accepted so far, then stop. Later items are refused with 503."""
        self._closing = True
        self._waiting.set()
        await asyncio.gather(*self._lanes)

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Queue one item; the future is done after the commit that holds it. 503 when the queue is full."""
        if self._closing or len(self._queue) >= self._queue_limit:
            raise unavailable(retry_after_seconds=1)
        done = self._make_future()
        self._queue.append((item, done))
        if self._is_enough():
            self._waiting.set()
        return done

    async def _drain(self) -> None:
        while self._queue or not self._closing:
            if self._queue and (self._is_enough() or self._closing):
                batch = self._take()
                self._committing += len(batch)
                try:
                    await self._commit(batch)
                except (
                    Exception
                ) as error:  # ours to mend; it must neither end the lane nor leave anyone waiting
                    _settle(batch, [error] * len(batch))
                self._committing -= len(batch)
                metrics.QUEUE_DEPTH.set(len(self._queue))
            else:
                self._waiting.clear()
                await self._waiting.wait()

    async def _commit(self, batch: list[Waiting[Item, Result]], *, alone: bool = False) -> None:
        """Commit these in one transaction; answer each."""
        items = [item for item, _ in batch]
        results: Sequence[Result | Exception]
        began = perf_counter()
        try:
            await self._prepare(items)
            results = await self._database.write_bulk(lambda transaction: self._apply(transaction, items))
        except Refusal as refusal:  # storage is down
            results = [refusal] * len(batch)
        except Exception as error:
            if not alone:  # one of them is at fault, or something remembered: alone, only that one fails
                self._recover()
                for one in batch:
                    await self._commit([one], alone=True)
                return
            results = [error] * len(batch)
        metrics.COMMIT_SECONDS.observe(perf_counter() - began)
        metrics.COMMIT_ITEMS.observe(sum(len(item) for item in items))
        _settle(batch, results)

    def _is_enough(self) -> bool:
        """Whether as many wait as are being committed: then both lanes have half of all.

        A lane that took what there is at once would line up with few, while as many again come in too late for it,
        and each transaction costs something whatever its size."""
        return len(self._queue) >= self._committing

    def _take(self) -> list[Waiting[Item, Result]]:
        """All that wait, up to the batch size, counted by the items' own sizes."""
        taken: list[Waiting[Item, Result]] = []
        size = 0
        while self._queue and size < self._batch_size:
            taken.append(self._queue.popleft())
            size += len(taken[-1][0])
        return taken


def _settle(batch: list[tuple[Item, asyncio.Future[Result]]], results: Sequence[Result | Exception]) -> None:
    for (_, done), result in zip(batch, results, strict=True):
        if done.done():  # the request was given up; its row is kept all the same
            continue
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)
