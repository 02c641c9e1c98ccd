"""The two clients, and the one door to the HTTP library: how one request goes out and what comes back.

Called by whoever uses the API from outside: `credtrail.client` gives both classes. Knows no endpoint.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Self
from urllib.parse import urlsplit

import httpx2 as httpx

from credtrail import __version__
from credtrail.accounts.model import is_well_formed
from credtrail.client.conversation import Failure, Manner, Outcome, Reply, Request, Retries
from credtrail.client.drive import Awaiting, Blocking
from credtrail.client.errors import ConnectionFailed
from credtrail.client.parts import Everything

VERSION = "2022-10-26"
_PREFIX = "/v1"
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Client(Everything[Blocking]):
    """The API, each method waiting for its answer. Safe to share between threads. Use it in a `with` block, or close it.

    `base_url` is the server's address, with or without `/v1`. `timeout_seconds` is how long to wait for a connection,
    and for each piece of an answer. `server_keeps_keys` says whether the server keeps idempotency keys, which makes
    it safe to send every POST again; None tells it by the token, since one of Credtrail's own (`ctr_…`) opens no
    other server.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        *,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        timeout_seconds: float = 30.0,
        server_keeps_keys: bool | None = None,
    ) -> None:
        self.base_url = read_base_url(base_url)
        self._http = httpx.Client(headers=_headers(token), follow_redirects=False)
        manner = _manner(token, retries, timeout_seconds, server_keeps_keys)
        super().__init__(Blocking(self._exchange, manner))

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"  # never the token

    def _exchange(self, request: Request) -> Outcome:
        try:
            answer = self._http.send(_build(self._http, self.base_url, request), stream=request.streamed)
            if request.streamed and answer.is_success:
                return Reply(answer.status_code, _lower(answer), b"", _pieces(answer))
            return Reply(answer.status_code, _lower(answer), answer.read())
        except httpx.RequestError as error:
            return _failure(error)


class AsyncClient(Everything[Awaiting]):
    """The API for asyncio: the same methods, each awaited; lists and exports are gone through by `async for`.

    For use in an `async with` block; the arguments are those of `Client`.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        *,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        timeout_seconds: float = 30.0,
        server_keeps_keys: bool | None = None,
    ) -> None:
        self.base_url = read_base_url(base_url)
        self._http = httpx.AsyncClient(headers=_headers(token), follow_redirects=False)
        manner = _manner(token, retries, timeout_seconds, server_keeps_keys)
        super().__init__(Awaiting(self._exchange, manner))

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.base_url!r})"  # never the token

    async def _exchange(self, request: Request) -> Outcome:
        try:
            answer = await self._http.send(
                _build(self._http, self.base_url, request), stream=request.streamed
            )
            if request.streamed and answer.is_success:
                return Reply(answer.status_code, _lower(answer), b"", _async_pieces(answer))
            return Reply(answer.status_code, _lower(answer), await answer.aread())
        except httpx.RequestError as error:
            return _failure(error)


def read_base_url(text: str) -> str:
    """An address with `/v1` at its end and no slash after it. Raises ValueError for what is no address of a server."""
    address = urlsplit(text)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(f"the base URL must begin with http:// or https:// and name a server, not {text!r}")
    if address.query or address.fragment or address.username is not None:
        raise ValueError("the base URL must be without ?query, #fragment and user name")
    path = address.path.rstrip("/").removesuffix(_PREFIX).rstrip("/")
    return f"{address.scheme}://{address.netloc}{path}{_PREFIX}"


def _headers(token: str) -> dict[str, str]:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token must be of printable ASCII characters without spaces")  # it is not shown
    return {
        "Authorization": f"Bearer {token}",
        "Certifier-Version": VERSION,
        "User-Agent": f"credtrail-python/{__version__}",
    }


def _manner(token: str, retries: Retries, timeout_seconds: float, keeps_keys: bool | None) -> Manner:
    return Manner(retries, timeout_seconds, is_well_formed(token) if keeps_keys is None else keeps_keys)


def _build(http: httpx.Client | httpx.AsyncClient, base_url: str, request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        base_url + request.target,
        headers=request.headers,
        content=request.content,
        timeout=request.timeout_seconds,
    )


def _lower(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _failure(error: httpx.RequestError) -> Failure:
    """Whether a request was sent decides whether it may be sent again."""
    kind = type(error).__name__
    return Failure(f"No answer from the server: {str(error) or kind}", not isinstance(error, _NEVER_SENT))


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes()
    except httpx.RequestError as error:
        raise ConnectionFailed(f"The file broke off: {error}") from error
    finally:
        answer.close()


async def _async_pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except httpx.RequestError as error:
        raise ConnectionFailed(f"The file broke off: {error}") from error
    finally:
        await answer.aclose()
