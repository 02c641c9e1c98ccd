"""Group commit: one transaction for all who wait, and no harm from one to another."""

import asyncio

import pytest

from credtrail.database.group import GroupWriter
from credtrail.errors import Refusal, unavailable


class Item(str):
    """Something to be written, of size one."""

    def __len__(self):
        return 1


class Storage:
    """A database that runs acts one at a time, on demand, and remembers what was committed."""

    def __init__(self):
        self.begun = 0
        self.committed = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = None

    async def write_bulk(self, act):
        """Wait at the gate, act, commit."""
        self.begun += 1
        await self.gate.wait()
        if self.broken:
            raise self.broken
        writes, results = act(None)
        self.committed.append(writes)
        return results


async def prepare(items):
    """Nothing to ask; break on "unprepared"."""
    if "unprepared" in items:
        raise unavailable()


def apply(_, items):
    """Refuse "refused", break on "poison", forget the answers for "forgetful", write the rest."""
    if "poison" in items:
        raise ValueError("poison")
    if "forgetful" in items:
        return (), []
    results = [Refusal("not_found") if item == "refused" else item.upper() for item in items]
    return tuple(item for item in items if item != "refused"), results


async def with_writer(play, **limits):
    """Play a scene with a writer and its storage."""
    storage = Storage()
    recovered = []
    limits = {"batch_size": 100, "queue_limit": 100, **limits}
    writer = GroupWriter(storage, prepare, apply, lambda: recovered.append(True), **limits)
    writer.start()
    try:
        return await play(writer, storage, recovered)
    finally:
        storage.gate.set()
        await writer.close()


def test_all_that_wait_share_one_transaction():
    async def play(writer, storage, _):
        storage.gate.clear()
        waiting = [writer.submit(Item(f"i{n}")) for n in range(10)]
        await asyncio.sleep(0)
        storage.gate.set()
        assert await asyncio.gather(*waiting) == [f"I{n}" for n in range(10)]
        assert [len(one) for one in storage.committed if one] == [10]

    asyncio.run(with_writer(play))


def test_the_second_transaction_waits_for_as_many_as_the_first_has():
    async def play(writer, storage, _):
        storage.gate.clear()
        waiting = [writer.submit(Item(f"a{n}")) for n in range(3)]
        await asyncio.sleep(0)
        for name in ("b0", "b1"):
            waiting.append(writer.submit(Item(name)))
            await asyncio.sleep(0)
        assert storage.begun == 1
        waiting.append(writer.submit(Item("b2")))
        await asyncio.sleep(0)
        assert storage.begun == 2
        storage.gate.set()
        await asyncio.gather(*waiting)
        assert [len(one) for one in storage.committed] == [3, 3]

    asyncio.run(with_writer(play))


def test_what_is_too_little_for_a_second_transaction_goes_when_the_first_ends_or_the_writer_closes():
    async def play(writer, storage, _):
        for end in (storage.gate.set, lambda: asyncio.ensure_future(writer.close())):
            storage.gate.clear()
            waiting = [writer.submit(Item(f"a{n}")) for n in range(3)]
            await asyncio.sleep(0)
            waiting.append(writer.submit(Item("b")))
            await asyncio.sleep(0)
            end()
            await asyncio.sleep(0)
            storage.gate.set()
            await asyncio.wait_for(asyncio.gather(*waiting), 5)

    asyncio.run(with_writer(play))


def test_a_batch_has_a_bound():
    async def play(writer, storage, _):
        storage.gate.clear()
        waiting = [writer.submit(Item(f"i{n}")) for n in range(10)]
        await asyncio.sleep(0)
        storage.gate.set()
        await asyncio.gather(*waiting)
        assert max(len(one) for one in storage.committed) == 4

    asyncio.run(with_writer(play, batch_size=4))


def test_a_refusal_reaches_only_the_one_it_is_for():
    async def play(writer, _, recovered):
        results = await asyncio.gather(
            *(writer.submit(Item(name)) for name in ("a", "refused", "b")), return_exceptions=True
        )
        assert [results[0], results[2]] == ["A", "B"]
        assert isinstance(results[1], Refusal)
        assert recovered == []

    asyncio.run(with_writer(play))


def test_a_fault_harms_only_the_one_that_has_it():
    async def play(writer, _, recovered):
        results = await asyncio.gather(
            *(writer.submit(Item(name)) for name in ("a", "poison", "b")), return_exceptions=True
        )
        assert [results[0], results[2]] == ["A", "B"]
        assert isinstance(results[1], ValueError)
        assert recovered == [True]

    asyncio.run(with_writer(play))


def test_storage_that_is_down_is_told_to_all_who_wait_and_the_next_is_served():
    async def play(writer, storage, _):
        storage.broken = unavailable()
        for result in await asyncio.gather(
            *(writer.submit(Item(name)) for name in "abc"), return_exceptions=True
        ):
            assert isinstance(result, Refusal)
            assert result.status == 503
        storage.broken = None
        assert await writer.submit(Item("d")) == "D"

    asyncio.run(with_writer(play))


def test_storage_that_is_down_before_the_transaction_is_told_as_well():
    async def play(writer, storage, _):
        with pytest.raises(Refusal) as refused:
            await writer.submit(Item("unprepared"))
        assert refused.value.status == 503
        assert storage.begun == 0
        assert await writer.submit(Item("d")) == "D"

    asyncio.run(with_writer(play))


def test_an_unforeseen_fault_of_storage_is_told_to_all_who_wait_and_the_next_is_served():
    async def play(writer, storage, _):
        storage.broken = PermissionError("the password was changed")
        results = await asyncio.wait_for(
            asyncio.gather(*(writer.submit(Item(name)) for name in "abc"), return_exceptions=True), 5
        )
        assert [type(result) for result in results] == [PermissionError] * 3
        storage.broken = None
        assert await writer.submit(Item("d")) == "D"

    asyncio.run(with_writer(play))


def test_an_error_of_our_own_leaves_nobody_waiting():
    async def play(writer, *_):
        with pytest.raises(ValueError, match="zip"):
            await asyncio.wait_for(writer.submit(Item("forgetful")), 5)
        assert await writer.submit(Item("d")) == "D"

    asyncio.run(with_writer(play))


def test_a_full_queue_refuses_with_503():
    async def play(writer, storage, _):
        storage.gate.clear()
        waiting = [writer.submit(Item("a")) for _ in range(3)]
        with pytest.raises(Refusal) as refused:
            writer.submit(Item("b"))
        assert refused.value.status == 503
        storage.gate.set()
        await asyncio.gather(*waiting)

    asyncio.run(with_writer(play, queue_limit=3))


def test_what_was_given_up_is_written_all_the_same():
    async def play(writer, storage, _):
        storage.gate.clear()
        given_up = writer.submit(Item("a"))
        given_up.cancel()
        storage.gate.set()
        assert await writer.submit(Item("b")) == "B"
        assert sum(storage.committed, ()) == ("a", "b")

    asyncio.run(with_writer(play))


def test_closing_writes_what_was_accepted_and_refuses_what_comes_later():
    async def play(writer, storage, _):
        storage.gate.clear()
        accepted = writer.submit(Item("a"))
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(Refusal):
            writer.submit(Item("b"))
        storage.gate.set()
        await closing
        assert await accepted == "A"

    asyncio.run(with_writer(play))
