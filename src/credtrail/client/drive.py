"""Has conversations with the server, waiting or awaiting, and lends each described call to both kinds of client.

A method of the API is described once, in `parts`, as a function that makes a `Call`; the decorators here turn it
into a method that answers at once in a `Client` and is awaited in an `AsyncClient`, typed either way.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing, closing
from functools import wraps
from types import MethodType
from typing import Any, ClassVar, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

from credtrail.client.call import Call, next_page
from credtrail.client.conversation import Manner, Outcome, Pause, Request, converse
from credtrail.client.model import Page, Results

P = ParamSpec("P")
T = TypeVar("T")

Exchange = Callable[[Request], Outcome]
AsyncExchange = Callable[[Request], Awaitable[Outcome]]


class Blocking:
    """Has conversations one step after the other; `exchange` sends one request and brings its outcome."""

    def __init__(self, exchange: Exchange, manner: Manner) -> None:
        self._exchange = exchange
        self._manner = manner

    def ask(self, call: Call[T]) -> T:
        """One call's answer."""
        conversation, outcome = converse(call, self._manner), None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                answer: T = end.value
                return answer
            outcome = self._take(step)

    def turn(self, call: Call[Page[T]]) -> Iterator[T]:
        """The items of all pages; a page is asked for when it is come to."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = self.ask(following)
            yield from page.data
            following = next_page(following, page)

    def ask_all(self, calls: Iterable[Call[Results[T]]]) -> list[T]:
        """The results of many calls, one after the other, in one list."""
        return [result for call in calls for result in self.ask(call).data]

    def stream(self, call: Call[bytes]) -> Iterator[bytes]:
        """The answer's bytes as they come; the request is sent when the first is asked for."""
        chunks: Any = self.ask(call)
        with closing(chunks):
            yield from chunks

    def _take(self, step: Request | Pause) -> Outcome:
        if isinstance(step, Request):
            return self._exchange(step)
        time.sleep(step.seconds)  # whoever called waits for the answer in this thread
        return None


class Awaiting:
    """The same for asyncio."""

    def __init__(self, exchange: AsyncExchange, manner: Manner) -> None:
        self._exchange = exchange
        self._manner = manner

    async def ask(self, call: Call[T]) -> T:
        """One call's answer."""
        conversation, outcome = converse(call, self._manner), None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                answer: T = end.value
                return answer
            outcome = await self._take(step)

    async def turn(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """The items of all pages; a page is asked for when it is come to."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = await self.ask(following)
            for item in page.data:
                yield item
            following = next_page(following, page)

    async def ask_all(self, calls: Iterable[Call[Results[T]]]) -> list[T]:
        """The results of many calls, one after the other, in one list."""
        return [result for call in calls for result in (await self.ask(call)).data]

    async def stream(self, call: Call[bytes]) -> AsyncIterator[bytes]:
        """The answer's bytes as they come; the request is sent when the first is asked for."""
        chunks: Any = await self.ask(call)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def _take(self, step: Request | Pause) -> Outcome:
        if isinstance(step, Request):
            return await self._exchange(step)
        await asyncio.sleep(step.seconds)
        return None


Driver = TypeVar("Driver", bound=Blocking | Awaiting)


class Part(Generic[Driver]):
    """A set of described methods, with what has their conversations."""

    def __init__(self, driver: Driver) -> None:
        self._driver: Any = driver


class _Described(Generic[P, T]):
    """A description, lent to whoever asks: on a part it is a method, and `verb` is how its driver has it out."""

    verb: ClassVar[Literal["ask", "turn", "ask_all", "stream"]]

    def __init__(self, describe: Callable[Concatenate[Any, P], T]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    def _lend(self, part: Part[Any] | None) -> Any:
        if part is None:  # looked up on the class, as documentation tools do
            return self._describe
        describe = MethodType(self._describe, part)
        converse = getattr(part._driver, self.verb)

        @wraps(describe)
        def method(*args: Any, **kwargs: Any) -> Any:
            return converse(describe(*args, **kwargs))

        return method


class asks(_Described[P, Call[T]]):  # noqa: N801 - a decorator
    """One call, one answer."""

    verb = "ask"

    @overload
    def __get__(self, part: Part[Blocking], owner: Any) -> Callable[P, T]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: Any) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, part: Any, owner: Any) -> Any:
        return self._lend(part)


class turns(_Described[P, Call[Page[T]]]):  # noqa: N801 - a decorator
    """A list, turned page by page: its items."""

    verb = "turn"

    @overload
    def __get__(self, part: Part[Blocking], owner: Any) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: Any) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, part: Any, owner: Any) -> Any:
        return self._lend(part)


class asks_all(_Described[P, Iterable[Call[Results[T]]]]):  # noqa: N801 - a decorator
    """Many items, in as many calls as they need: their results."""

    verb = "ask_all"

    @overload
    def __get__(self, part: Part[Blocking], owner: Any) -> Callable[P, list[T]]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: Any) -> Callable[P, Coroutine[Any, Any, list[T]]]: ...
    def __get__(self, part: Any, owner: Any) -> Any:
        return self._lend(part)


class streams(_Described[P, Call[bytes]]):  # noqa: N801 - a decorator
    """A file, as it comes."""

    verb = "stream"

    @overload
    def __get__(self, part: Part[Blocking], owner: Any) -> Callable[P, Iterator[bytes]]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: Any) -> Callable[P, AsyncIterator[bytes]]: ...
    def __get__(self, part: Any, owner: Any) -> Any:
        return self._lend(part)
