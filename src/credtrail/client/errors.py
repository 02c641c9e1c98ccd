"""What can go wrong with a call, as one tree of exceptions under `CredtrailError`.

Raised by `conversation`. Knows the wire's codes, no HTTP library.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Detail(NamedTuple):
    """One mistake in a request: the field's name as the wire writes it, and a sentence that completes it."""

    field: str
    message: str


class CredtrailError(Exception):
    """A call that did not succeed.

    `status`, `code`, `message` and `details` are the answer's (None and empty where there was none);
    `request_id` finds it in the server's log; `retry_after` is in seconds, where the server asked for a pause.
    `in_doubt`: a call that changes something may have had its effect all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        details: Sequence[Detail] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.details = tuple(details)
        self.request_id = request_id
        self.retry_after = retry_after
        self.in_doubt = False

    def __str__(self) -> str:
        told = " ".join(str(part) for part in (self.status, self.code) if part is not None)
        request = f"request {self.request_id}" if self.request_id else ""
        doubt = "it may have had its effect" if self.in_doubt else ""
        aside = ", ".join(part for part in (told, request, doubt) if part)
        return f"{self.message} ({aside})" if aside else self.message


class ConnectionFailed(CredtrailError):  # noqa: N818 - named for what happened
    """No answer: nobody there, too slow, or the connection broke off. Not `in_doubt`: it never reached the server."""


class UnexpectedAnswer(CredtrailError):  # noqa: N818 - named for what happened
    """An answer that is none of the API's: a redirect, a web page, JSON of another shape."""


class Refused(CredtrailError):  # noqa: N818 - named for what happened
    """The server said no."""


class BadRequest(Refused):
    """400 and its like: what was sent can't be read or is not understood."""


class ValidationError(BadRequest):
    """validation_error: `details` name the fields, where the server tells them."""


class Unauthorized(Refused):
    """401: the token is missing, wrong, revoked or expired."""


class PaymentRequired(Refused):
    """402: the plan does not include it; Credtrail itself never says so."""


class Forbidden(Refused):
    """403: the token may not do this, a read-only one for example."""


class NotFound(Refused):
    """404: no such thing, or not in this workspace."""


class Conflict(Refused):
    """409: it does not fit the present state, or its idempotency key came with another request."""


class RateLimited(Refused):
    """429, and the pause that `retry_after` asks for was longer than the client may wait."""


class ServerError(Refused):
    """5xx: the server, or a proxy before it, could not do it."""


_BY_CODE: dict[str, type[Refused]] = {
    "validation_error": ValidationError,
    "missing_version": BadRequest,
    "invalid_version": BadRequest,
    "invalid_json": BadRequest,
    "unauthorized": Unauthorized,
    "payment_required": PaymentRequired,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "conflict": Conflict,
    "rate_limited": RateLimited,
    "internal_server_error": ServerError,
    "service_unavailable": ServerError,
}
_BY_STATUS: dict[int, type[Refused]] = {
    401: Unauthorized,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def find_class(status: int, code: str | None) -> type[Refused]:
    """The class for a refusal: by its code, else by its status."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequest)
