"""Group commit: all waiting requests share one transaction, and each is answered after its commit.

Knows no feature: what an item is and what is done with the items is `apply`, handed in by `app`.
Why: one fsync costs a tenth of a millisecond to many; shared by all who wait, it costs each next to nothing,
and what was acknowledged is on disk all the same.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence, Sized
from typing import Generic, TypeVar

from credtrail import metrics
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, unavailable

Item = TypeVar("Item", bound=Sized)
Result = TypeVar("Result")

Waiting = tuple[Item, asyncio.Future[Result]]


class GroupWriter(Generic[Item, Result]):
    """One loop that drains the queue into transactions. `apply` returns one result per item, in order.

    A result that is an exception is raised to the one who waits for it, without harm to the others.
    """

    def __init__(
        self,
        database: Database,
        apply: Callable[[Transaction, list[Item]], list[Result | Exception]],
        *,
        batch_size: int,
        queue_limit: int,
    ) -> None:
        self._database = database
        self._apply = apply
        self._batch_size = batch_size
        self._queue_limit = queue_limit
        self._queue: deque[Waiting[Item, Result]] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin draining; needs a running event loop."""
        self._loop = asyncio.create_task(self._drain(), name="group-writer")

    async def close(self) -> None:
        """Commit and answer everything accepted so far, then stop. Later items are refused with 503."""
        self._closing = True
        self._wake.set()
        if self._loop is not None:
            await self._loop

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Queue one item; the future is done after the commit that holds it. 503 when the queue is full."""
        if self._closing or len(self._queue) >= self._queue_limit:
            raise unavailable(retry_after_seconds=1)
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append((item, done))
        self._wake.set()
        return done

    async def _drain(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._commit(self._take())
            metrics.QUEUE_DEPTH.set(len(self._queue))

    def _take(self) -> list[Waiting[Item, Result]]:
        """All that wait, up to the batch size, counted by the items' own sizes."""
        taken, size = [], 0
        while self._queue and size < self._batch_size:
            taken.append(self._queue.popleft())
            size += len(taken[-1][0])
        return taken

    async def _commit(self, waiting: list[Waiting[Item, Result]]) -> None:
        items = [item for item, _ in waiting]
        results: Sequence[Result | Exception]
        try:
            with metrics.COMMIT_SECONDS.time():
                results = await self._database.write(lambda transaction: self._apply(transaction, items))
            metrics.COMMIT_ITEMS.observe(sum(map(len, items)))
        except Refusal as refusal:
            results = [refusal] * len(items)
        except Exception as error:
            if len(waiting) > 1:  # one of them is at fault: alone, only that one fails
                for one in waiting:
                    await self._commit([one])
                return
            results = [error]
        for (_, done), result in zip(waiting, results, strict=True):
            if done.done():  # the request was given up; its row is kept all the same
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)
