"""What happens later: named jobs, their periods, one loop. Started by `credtrail work`.

Each job is one transaction that finds by itself what is to be done, so it may be run again, by several workers
at once, and after any pause.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from credtrail.database import Database, idempotency
from credtrail.database.open import open_database
from credtrail.errors import Refusal
from credtrail.interactions import visits
from credtrail.pages.token import LIFETIME_SECONDS
from credtrail.settings import Settings

log = structlog.get_logger("credtrail.work")


@dataclass(frozen=True)
class Job:
    """Something done every so often; `run` tells how many rows it changed."""

    name: str
    period_seconds: float
    run: Callable[[], Awaitable[int]]


def make_jobs(database: Database, settings: Settings) -> list[Job]:
    """All jobs there are."""

    async def forget_answers() -> int:
        return await database.write(idempotency.forget_old)

    async def forget_visits() -> int:
        return await database.write(
            lambda transaction: visits.forget_old(
                transaction,
                set_aside_days=settings.set_aside_retention_days,
                visit_seconds=LIFETIME_SECONDS,
            )
        )

    return [
        Job("forget_answers", 600, forget_answers),
        Job("forget_visits", 600, forget_visits),
    ]


async def run_once(jobs: list[Job]) -> None:
    """Run every job now; one that finds storage down is told of and comes again at its next turn."""
    for job in jobs:
        try:
            count = await job.run()
            log.info("job done", job=job.name, rows=count)
        except Refusal as refusal:
            log.warning("job put off", job=job.name, reason=refusal.code)


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs, each at its period, until told to stop; a job under way is finished."""
    database = open_database(settings)
    jobs = make_jobs(database, settings)
    try:
        await asyncio.gather(*(_repeat(job, stop) for job in jobs))
    finally:
        await database.close()


async def _repeat(job: Job, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await run_once([job])
        try:
            await asyncio.wait_for(stop.wait(), job.period_seconds)
        except TimeoutError:
            continue
