"""Recording in groups, on real databases: one's fault is one's own, and a request given up is recorded all the same."""

import asyncio
from contextlib import asynccontextmanager

from credtrail.database.open import open_database
from credtrail.interactions.fold import FoldedDatabase
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.record import Entry, Recorder, Submission
from credtrail.values import Answer, parse_moment
from database.audit import assert_stored

AT = parse_moment("2024-03-12T17:33:05.784Z")


class Bridge:
    """A database whose bulk writes wait until the bridge is let down; then all that wait are one group."""

    def __init__(self, database):
        self._database = database
        self.down = asyncio.Event()
        self.reached = asyncio.Event()

    async def write_bulk(self, act):
        """Wait, then act."""
        self.reached.set()
        await self.down.wait()
        return await self._database.write_bulk(act)

    def __getattr__(self, name):
        return getattr(self._database, name)


@asynccontextmanager
async def recording(settings):
    """A recorder behind a bridge."""
    bridge = Bridge(open_database(settings))
    recorder = Recorder(FoldedDatabase(bridge), SqlLog(), batch_size=50, queue_limit=100)
    recorder.start()
    try:
        yield recorder, bridge
    finally:
        bridge.down.set()
        await recorder.close()
        await bridge.close()


def submission(cast, ids, present=None):
    """One interaction, whose id is noted when it is presented."""

    def note(outcomes):
        ids.append(outcomes[0].id)
        return Answer(201, outcomes[0].id.encode())

    entry = Entry(cast.credential_id, "credential_viewed", "guest", AT)
    return Submission(cast.workspace_id, [entry], present or note)


def poison(_):
    """What no programmer thought of."""
    raise RuntimeError("poison")


def test_a_fault_of_one_harms_no_other(settings, cast):
    answers = asyncio.run(_record_with_poison(settings, cast))
    failed = [answer for answer in answers if not isinstance(answer, Answer)]
    assert len(failed) == 1
    assert isinstance(answers[3], RuntimeError)
    assert_stored(settings, [answer.body.decode() for answer in answers if answer is not answers[3]])


async def _record_with_poison(settings, cast):
    async with recording(settings) as (recorder, bridge):
        waiting = [
            asyncio.ensure_future(recorder.record(submission(cast, [], poison if n == 3 else None)))
            for n in range(8)
        ]
        await bridge.reached.wait()
        bridge.down.set()
        return await asyncio.gather(*waiting, return_exceptions=True)


def test_a_request_given_up_while_it_waits_is_recorded_all_the_same(settings, cast):
    assert_stored(settings, asyncio.run(_give_up(settings, cast)))


async def _give_up(settings, cast):
    ids = []
    async with recording(settings) as (recorder, bridge):
        waiting = [asyncio.ensure_future(recorder.record(submission(cast, ids))) for _ in range(3)]
        await bridge.reached.wait()
        waiting[1].cancel()
        bridge.down.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(found[1], asyncio.CancelledError)
    assert len(ids) == 3
    return ids
