"""The press and its folder: each document drawn once, kept in bounds, never in the way."""

import asyncio
import os
import threading
import time

import pytest

from credtrail.designs.cache import DiskCache
from credtrail.designs.press import BusyError, Press
from credtrail.designs.render import Materials
from designs.samples import artwork


async def _materials():
    return Materials(b"", {})


class Drawing:
    """Draws nothing, but counts, and waits until it is let go."""

    def __init__(self, fail=False):
        self.drawn = []
        self.free = threading.Event()
        self.fail = fail

    def __call__(self, artwork, format, materials):
        assert self.free.wait(10)
        self.drawn.append((artwork.recipient_name, format))
        if self.fail:
            raise RuntimeError("cannot")
        return f"{artwork.recipient_name}.{format}".encode()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def test_who_asks_at_the_same_time_gets_the_same_one(folder):
    drawing = Drawing()

    async def ask():
        press = Press(DiskCache(folder, 1_000_000), 2, drawing)
        asked = [asyncio.create_task(press.print(artwork(), "pdf", _materials)) for _ in range(20)]
        await asyncio.sleep(0)
        asked[0].cancel()  # the first who asked goes away; the others get theirs
        drawing.free.set()
        found = await asyncio.gather(*asked[1:])
        assert await press.print(artwork(), "pdf", _materials) == found[0]
        await press.close()
        return found

    assert set(asyncio.run(ask())) == {"Robin Ñandú.pdf".encode()}
    assert drawing.drawn == [("Robin Ñandú", "pdf")]


def test_another_process_finds_what_was_kept(folder):
    first, second = Drawing(), Drawing()
    first.free.set()

    async def ask(drawing):
        press = Press(DiskCache(folder, 1_000_000), 1, drawing)
        content = await press.print(artwork(), "png", _materials)
        await press.close()
        return content

    assert asyncio.run(ask(first)) == asyncio.run(ask(second))
    assert second.drawn == []


def test_what_failed_is_tried_again(folder):
    drawing = Drawing(fail=True)
    drawing.free.set()

    async def ask():
        press = Press(DiskCache(folder, 1_000_000), 1, drawing)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await press.print(artwork(), "png", _materials)
        drawing.fail = False
        assert await press.print(artwork(), "png", _materials)
        await press.close()

    asyncio.run(ask())
    assert len(drawing.drawn) == 3


def test_too_many_at_once_are_sent_away(folder):
    drawing = Drawing()

    async def ask():
        press = Press(DiskCache(folder, 1_000_000), 1, drawing)
        waiting = [
            asyncio.create_task(press.print(artwork(recipient_name=str(n)), "png", _materials))
            for n in range(256)
        ]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await press.print(artwork(recipient_name="one more"), "png", _materials)
        drawing.free.set()
        await asyncio.gather(*waiting)
        await press.close()

    asyncio.run(ask())


def test_the_folder_stays_in_its_bound_and_keeps_what_was_used_last(folder):
    cache, now = DiskCache(folder, 100_000), time.time()
    for n in range(60):
        cache.keep(f"{n:03}.png", bytes(5_000))
        if n:
            os.utime(folder / f"{n:03}.png", (n, now - 1_000 + n))
        os.utime(folder / "000.png", (0, now + 1_000))  # used again and again
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 100_000
    assert cache.find("000.png") == bytes(5_000)
    assert cache.find("059.png") == bytes(5_000)
    assert cache.find("001.png") is None


def test_what_nobody_asked_for_in_a_month_goes(folder):
    cache = DiskCache(folder, 100_000)
    cache.keep("old.png", b"x")
    os.utime(folder / "old.png", (0, 0))
    cache.keep("new.png", bytes(10_000))
    assert [path.name for path in folder.iterdir()] == ["new.png"]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = DiskCache(tmp_path / "file" / "cache", 100_000)
    cache.keep("a.png", b"x")
    assert cache.find("a.png") is None


def test_a_proof_is_drawn_each_time_and_kept_nowhere(folder):
    drawing = Drawing()
    drawing.free.set()

    async def ask():
        press = Press(DiskCache(folder, 1_000_000), 2, drawing)
        for _ in range(2):
            assert await press.proof(artwork(), "png", await _materials()) == "Robin Ñandú.png".encode()
        await press.close()

    asyncio.run(ask())
    assert len(drawing.drawn) == 2
    assert not folder.exists()


def test_proofs_are_bounded(folder):
    drawing = Drawing()

    async def ask():
        press = Press(DiskCache(folder, 1_000_000), 1, drawing)
        materials = await _materials()
        asked = [asyncio.create_task(press.proof(artwork(), "png", materials)) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await press.proof(artwork(), "png", materials)
        drawing.free.set()
        await asyncio.gather(*asked)
        assert await press.proof(artwork(), "png", materials)
        await press.close()

    asyncio.run(ask())
