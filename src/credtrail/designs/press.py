"""Prints documents off the event loop, each once. Called by `pages.documents`; built by `app`."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from credtrail.designs.artwork import Artwork, digest_of
from credtrail.designs.cache import DiskCache
from credtrail.designs.render import Format, Materials, draw

_AT_HAND_BYTES = 32 * 1_048_576
_MOST_WAITING = 256
_MOST_PROOFS = 32


class BusyError(Exception):
    """More documents wait to be printed than could be within some seconds."""


class Press:
    """Draws with as many threads as `threads` says; keeps what it drew on disk, and the latest of it at hand.

    Who asks for a document that is being drawn waits for that one. Belongs to one event loop.
    """

    def __init__(
        self, cache: DiskCache, threads: int, draw: Callable[[Artwork, Format, Materials], bytes] = draw
    ) -> None:
        self._cache = cache
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="press")
        self._draw = draw
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._at_hand: OrderedDict[str, bytes] = OrderedDict()
        self._at_hand_bytes = 0
        self._proofs = 0

    async def print(
        self,
        artwork: Artwork,
        format: Format,
        get_materials: Callable[[], Awaitable[Materials]],
        attached_digest: str = "",
    ) -> bytes:
        """The document in this format; `get_materials` is asked only when it has to be drawn. Raises BusyError.

        `attached_digest` is that of a file that goes with it.
        """
        attached = f"-{attached_digest}" if attached_digest else ""
        name = f"{_mark_of(artwork.url)}-{digest_of(artwork)}{attached}.{format}"
        found = self._at_hand.get(name)
        if found is not None:
            self._at_hand.move_to_end(name)
            return found
        task = self._under_way.get(name)
        if task is None:
            if len(self._under_way) >= _MOST_WAITING:
                raise BusyError
            task = asyncio.create_task(self._find_or_draw(name, artwork, format, get_materials))
            self._under_way[name] = task
            task.add_done_callback(lambda _: self._under_way.pop(name))
        # Shielded: others may wait for the same document when the first who asked has gone away.
        return await asyncio.shield(task)

    async def proof(self, artwork: Artwork, format: Format, materials: Materials) -> bytes:
        """A document that is still being worked on: drawn at once and kept nowhere. Raises BusyError."""
        if self._proofs >= _MOST_PROOFS:
            raise BusyError
        self._proofs += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._draw, artwork, format, materials)
        finally:
            self._proofs -= 1

    async def forget(self, url: str) -> None:
        """Delete every document, of any time, that bears the address of this credential's page."""
        mark = _mark_of(url)
        for name in [name for name in self._at_hand if name.startswith(mark)]:
            self._at_hand_bytes -= len(self._at_hand.pop(name))
        await asyncio.get_running_loop().run_in_executor(self._threads, self._cache.forget, mark)

    async def close(self) -> None:
        """Let what is being drawn end."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    async def _find_or_draw(
        self,
        name: str,
        artwork: Artwork,
        format: Format,
        get_materials: Callable[[], Awaitable[Materials]],
    ) -> bytes:
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(self._threads, self._cache.find, name)
        if content is None:
            materials = await get_materials()
            content = await loop.run_in_executor(self._threads, self._draw, artwork, format, materials)
            await loop.run_in_executor(self._threads, self._cache.keep, name, content)
        self._hold(name, content)
        return content

    def _hold(self, name: str, content: bytes) -> None:
        self._at_hand[name] = content
        self._at_hand_bytes += len(content)
        while self._at_hand_bytes > _AT_HAND_BYTES:
            _, dropped = self._at_hand.popitem(last=False)
            self._at_hand_bytes -= len(dropped)


def _mark_of(url: str) -> str:
    """What the names of all files of one credential begin with, under whichever domain its page was at the time."""
    return sha256(url.rpartition("/")[2].encode()).hexdigest()[:16]
