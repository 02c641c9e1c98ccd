"""A graceful stop under load: what was accepted is committed and answered; a kill loses nothing acknowledged."""

import asyncio
import signal

import pytest
from sqlalchemy import select

from conftest import Server, in_transaction
from credtrail.interactions.log_sql import interactions
from database.audit import Sender, assert_stored

CONNECTIONS = 32
ENOUGH = 600


@pytest.fixture
def server(settings, cast, tmp_path):
    """A real server; what it can't clean up when it is killed is left in this test's own folder."""
    running = Server(settings, TMPDIR=str(tmp_path)).start()
    yield running
    running.stop()


def send_and_stop(server, cast, with_signal):
    """Post on many connections, and stop the server amid that; the senders."""
    senders = [Sender(server.port, cast.ada, cast.credential_id) for _ in range(CONNECTIONS)]

    async def run():
        enough, count = asyncio.Event(), 0

        def tell():
            nonlocal count
            count += 1
            if count == ENOUGH:
                enough.set()

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.send_until_closed(tell))
            await enough.wait()
            server.process.send_signal(with_signal)

    asyncio.run(run())
    return senders


def test_terminated_under_load_everything_accepted_is_stored_and_answered(server, cast, settings):
    senders = send_and_stop(server, cast, signal.SIGTERM)
    assert server.process.wait(40) == 0
    assert "Traceback" not in server.read_log()
    assert not any(sender.refused for sender in senders)
    assert_stored(settings, [id_ for sender in senders for id_ in sender.acknowledged])


def test_killed_under_load_nothing_acknowledged_is_lost(server, cast, settings):
    senders = send_and_stop(server, cast, signal.SIGKILL)
    server.process.wait(10)
    again = Server(settings).start()  # opens what the dead one left behind
    again.stop()
    acknowledged = {id_ for sender in senders for id_ in sender.acknowledged}
    stored = set(list_ids(settings))
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= CONNECTIONS  # one under way on each
    assert_stored(settings, stored)


def list_ids(settings):
    """All that is stored."""
    return in_transaction(
        settings,
        lambda transaction: transaction.connection.execute(select(interactions.c.id)).scalars().all(),
    )
