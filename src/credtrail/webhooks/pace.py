"""So many messages a second, evenly. Kept by a lane of `send`; knows neither database nor network."""

import asyncio
from time import monotonic


class Pace:
    """When the next may go. Without a rate: at once."""

    def __init__(self, per_second: float | None) -> None:
        self._next = 0.0
        self.set(per_second)

    def set(self, per_second: float | None) -> None:
        """From now on so many a second."""
        self._seconds = 1 / per_second if per_second else 0.0

    def seconds_left(self) -> float:
        """Until the next may go."""
        return max(0.0, self._next - monotonic())

    def room(self, seconds: float, most: int) -> int:
        """How many may go in so many seconds: at least one, at most `most`."""
        return max(1, min(most, int(seconds / self._seconds))) if self._seconds else most

    async def wait(self) -> None:
        """Until it is the caller's turn."""
        if self._seconds:
            at = max(self._next, monotonic())
            self._next = at + self._seconds
            await asyncio.sleep(at - monotonic())
