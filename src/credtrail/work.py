"""What happens later: named jobs, their periods, one loop. Started by `credtrail work`.

Each job is one transaction that finds by itself what is to be done, so it may be run again, by several workers
at once, and after any pause.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from credtrail.accounts import session_store as sessions
from credtrail.accounts.people_store import list_owner_addresses
from credtrail.accounts.store import list_forgetting
from credtrail.credentials import store as credentials
from credtrail.credentials.deliver import Delivery
from credtrail.credentials.import_store import forget_imports
from credtrail.credentials.importing import Importer
from credtrail.credentials.links import RecipientLinks
from credtrail.database import Database, Transaction, idempotency
from credtrail.database.open import open_database
from credtrail.errors import Refusal
from credtrail.interactions import announce, days, visits
from credtrail.interactions.announce import Announcer
from credtrail.interactions.counts import gather_engagements
from credtrail.interactions.log_sql import SqlLog
from credtrail.mail.notice_store import add_notice
from credtrail.mail.notify import NoticeDelivery
from credtrail.mail.store import add_mails
from credtrail.pages.token import LIFETIME_SECONDS
from credtrail.recipients import store as recipients
from credtrail.seal import Seal
from credtrail.settings import Settings, find_or_make_secret_key
from credtrail.wallets import store as wallets
from credtrail.webhooks.delivery_store import forget_old as forget_old_webhooks
from credtrail.webhooks.send import Sender
from credtrail.webhooks.store import list_untold

log = structlog.get_logger("credtrail.work")

_ISSUED_AT_ONCE = 1_000
_GATHERED_A_SECOND = 500
"""So few that who records hardly notices; where more is recorded for long, insights take longer."""
_OPEN_FILES = 65_536
_WORTH_TELLING_SECONDS = 60
"""A job that comes more often than this is logged only when it did something."""


@dataclass(frozen=True)
class Job:
    """Something done every so often; `run` tells how many rows it changed.

    With `until_done` it comes again at once as long as it changed any, so that each run is short.
    """

    name: str
    period_seconds: float
    run: Callable[[], Awaitable[int]]
    until_done: bool = False


def make_jobs(database: Database, settings: Settings) -> list[Job]:
    """All jobs there are."""
    log = SqlLog()

    def writing(act: Callable[[Transaction], int]) -> Callable[[], Awaitable[int]]:
        async def run() -> int:
            return await database.write(act)

        return run

    delivery = Delivery(database, RecipientLinks(find_or_make_secret_key(settings)), settings)
    return [
        Job("issue_scheduled", 1, writing(_issue_scheduled), until_done=True),
        Job("send_mails", 2, delivery.run, until_done=True),
        Job("send_notices", 1, NoticeDelivery(database, settings).run, until_done=True),
        Job("import_sheets", 1, Importer(database).run, until_done=True),
        Job("move_days", 5, writing(lambda tx: days.move_days(tx, log)), until_done=True),
        Job("gather_engagements", 1, writing(lambda tx: gather_engagements(tx, _GATHERED_A_SECOND))),
        Job("note_expired", 60, writing(announce.note_expired), until_done=True),
        Job("tell_owners", 30, writing(lambda tx: _tell_owners(tx, settings.public_url))),
        Job("forget_answers", 600, writing(idempotency.forget_old)),
        Job("forget_visits", 600, writing(lambda tx: forget_visits(tx, settings.set_aside_retention_days))),
        Job(
            "forget_interactions", 600, writing(lambda tx: days.forget_interactions(tx, log)), until_done=True
        ),
        Job("forget_sessions", 600, writing(sessions.forget_ended)),
        Job("forget_codes", 600, writing(recipients.forget_old)),
        Job("forget_wallets", 3_600, writing(wallets.forget_old)),
        Job("forget_imports", 3_600, writing(forget_imports)),
        Job(
            "forget_webhooks",
            3_600,
            writing(lambda tx: forget_old_webhooks(tx, settings.webhook_retention_days)),
            until_done=True,
        ),
        Job("refresh_statistics", 21_600, writing(_refresh_statistics)),
    ]


def make_sender(database: Database, settings: Settings) -> Sender:
    """What delivers webhooks."""
    seal = Seal(find_or_make_secret_key(settings), "webhooks")
    return Sender(database, settings, seal, Announcer(database, SqlLog()).run)


def _tell_owners(transaction: Transaction, public_url: str) -> int:
    """Owners learn by mail that we have disabled an endpoint."""
    endpoints = list_untold(transaction)
    for endpoint in endpoints:
        page = f"{public_url}/dashboard/w/{endpoint.workspace_id}/webhooks/{endpoint.id}"
        for address in list_owner_addresses(transaction, endpoint.workspace_id):
            add_notice(
                transaction,
                address,
                "A webhook of yours was disabled",
                f"Credtrail doesn't deliver to {endpoint.url} any more.\n\n{endpoint.disabled_reason}.\n\n"
                "What happens from now on is not gathered for it. When it works again, enable it here, and deliver again\n"
                f"what has failed:\n{page}\n",
                good_for_ms=7 * 86_400_000,
            )
    return len(endpoints)


def forget_visits(transaction: Transaction, set_aside_days: int) -> int:
    """Forget what was set aside, after so many days where a workspace says nothing else, and visits; how many rows."""
    own = {one.id: one.set_aside_days for one in list_forgetting(transaction) if one.set_aside_days}
    return visits.forget_old(
        transaction, set_aside_days=set_aside_days, own_days=own, visit_seconds=LIFETIME_SECONDS
    )


def _refresh_statistics(transaction: Transaction) -> int:
    credentials.refresh_statistics(transaction)
    return 0


def _issue_scheduled(transaction: Transaction) -> int:
    issued = credentials.issue_scheduled(transaction, _ISSUED_AT_ONCE)
    for id_, workspace_id, address in issued:
        if address is not None:
            add_mails(transaction, workspace_id, [(id_, address)])
    return len(issued)


async def run_once(jobs: list[Job]) -> int:
    """Run every job now; one that finds storage down is told of and comes again at its next turn.

    How many rows were changed in all.
    """
    changed = 0
    for job in jobs:
        try:
            count = await job.run()
            changed += count
            if count or job.period_seconds >= _WORTH_TELLING_SECONDS:
                log.info("job done", job=job.name, rows=count)
        except Refusal as refusal:
            log.warning("job put off", job=job.name, reason=refusal.code)
    return changed


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs, each at its period, until told to stop; a job under way is finished."""
    _allow_many_connections()
    database = open_database(settings)
    jobs, sender = make_jobs(database, settings), make_sender(database, settings)
    try:
        await asyncio.gather(sender.run(stop), *(_repeat(job, stop) for job in jobs))
    finally:
        await database.close()


def _allow_many_connections() -> None:
    """As many open files as the system lets a process have that asks: each lane of webhooks has connections of its
    own, and most systems give a process that doesn't ask a thousand in all."""
    if sys.platform != "win32":
        from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit

        soft, hard = getrlimit(RLIMIT_NOFILE)
        wanted = _OPEN_FILES if hard == RLIM_INFINITY else min(hard, _OPEN_FILES)
        if soft != RLIM_INFINITY and soft < wanted:
            setrlimit(RLIMIT_NOFILE, (wanted, hard))


async def _repeat(job: Job, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if await run_once([job]) and job.until_done:
            continue
        try:
            await asyncio.wait_for(stop.wait(), job.period_seconds)
        except TimeoutError:
            continue
