"""A folder of files that can be made again, with a bound. Called by `press`. Knows nothing of what the files are."""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

_UNUSED_SECONDS = 30 * 86_400
"""What nobody asked for so long goes: it may name people whose credentials were deleted."""


class DiskCache:
    """Files by name. What was used longest ago goes first once there are more than `limit_bytes`.

    Several processes may share the folder: a file appears whole or not at all. Each looks at the whole folder only
    after it has written a sixteenth of the limit, and then leaves three quarters; up to four processes together
    therefore stay under the limit.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._unlooked_bytes = limit_bytes  # so that the first write looks

    def find(self, name: str) -> bytes | None:
        """The file's content, which counts as a use."""
        path = self._folder / name
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def keep(self, name: str, content: bytes) -> None:
        """Keep a file; a full or read-only disk is not an error here, since the file can be made again."""
        made = self._folder / f".{name}.{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            made.write_bytes(content)
            made.replace(self._folder / name)
        except OSError:
            with suppress(OSError):
                made.unlink()
            return
        self._unlooked_bytes += len(content)
        if self._unlooked_bytes >= self._limit_bytes / 16:
            self._unlooked_bytes = 0
            self._make_room()

    def forget(self, beginning: str) -> None:
        """Delete the files whose names begin so."""
        for path in self._folder.glob(f"{beginning}*"):
            path.unlink(missing_ok=True)

    def _make_room(self) -> None:
        uses = sorted(self._list(), key=lambda use: use[0], reverse=True)
        oldest, kept_bytes = time.time() - _UNUSED_SECONDS, 0
        for used_at, size, path in uses:
            kept_bytes += size
            if kept_bytes > self._limit_bytes * 3 / 4 or used_at < oldest:
                path.unlink(missing_ok=True)

    def _list(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.iterdir():
            try:
                state = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            found.append((state.st_mtime, state.st_size, path))
        return found
