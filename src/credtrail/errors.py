"""Every refusal the wire can carry, as a table, and the one exception that carries it.

Raised by models, stores and faces; turned into JSON by `web/gate.py` and into pages by `web/html.py`.
Sources: contract section 1 and the four published sentences of the public page. Order of refusals
on /v1: token, version, rate limit, route, right to write, body size, content type, JSON, schema,
look-ups, state.
"""

from typing import Any, Literal, NamedTuple, get_args

Kind = Literal[
    "missing_version",
    "invalid_version",
    "invalid_json",
    "validation_error",
    "unauthorized",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "conflict",
    "body_too_large",
    "unsupported_media_type",
    "rate_limited",
    "internal_server_error",
    "service_unavailable",
]


class WireError(NamedTuple):
    """What a refusal looks like outside: HTTP status, the envelope's code, a sentence safe to show anyone."""

    status: int
    code: str
    message: str


ERRORS: dict[Kind, WireError] = {
    "missing_version": WireError(
        400, "missing_version", "The request is missing the required Certifier-Version header"
    ),
    "invalid_version": WireError(
        400, "invalid_version", "The Certifier-Version header must be 2022-10-26, the only version there is"
    ),
    "invalid_json": WireError(400, "invalid_json", "The request body could not be read as JSON"),
    "validation_error": WireError(400, "validation_error", "The request is not valid"),
    "unauthorized": WireError(
        401, "unauthorized", "A valid authentication token was not provided with the request"
    ),
    "forbidden": WireError(403, "forbidden", "This access token may read, but not change anything"),
    "not_found": WireError(404, "not_found", "There is nothing at this address"),
    # Assumed: 405 keeps the code not_found and names the allowed methods in Allow.
    "method_not_allowed": WireError(405, "not_found", "This address does not answer to that method"),
    "conflict": WireError(409, "conflict", "The request conflicts with the present state"),
    # Assumed: 413 and 415 carry the code validation_error.
    "body_too_large": WireError(413, "validation_error", "The request body must be at most 1 MB"),
    "unsupported_media_type": WireError(
        415, "validation_error", "The request body must be sent with Content-Type: application/json"
    ),
    "rate_limited": WireError(429, "rate_limited", "You have exceeded the rate limit"),
    "internal_server_error": WireError(
        500, "internal_server_error", "There was a problem on Credtrail's end"
    ),
    # Assumed: storage that is down is told as 503 with Retry-After; nothing of the request was kept.
    "service_unavailable": WireError(
        503, "service_unavailable", "The service can't store or read anything right now; please try again"
    ),
}

if set(ERRORS) != set(get_args(Kind)):  # pragma: no cover - a slip in this file, caught at import
    raise AssertionError("every Kind needs its row in ERRORS")


class Refusal(Exception):  # noqa: N818 - not an error of ours: the caller is told what to mend
    """A request that can't be served as it stands.

    `message` replaces the table's sentence; `details` are (field, sentence) pairs for validation_error;
    `headers` go out with the answer.
    """

    def __init__(
        self,
        kind: Kind,
        message: str | None = None,
        *,
        details: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        error = ERRORS[kind]
        super().__init__(message or error.message)
        self.kind = kind
        self.status = error.status
        self.code = error.code
        self.message = message or error.message
        self.details = details
        self.headers = headers

    def envelope(self) -> dict[str, Any]:
        """The JSON body of the refusal; `details` only where there are any (an extension of the contract)."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [{"field": field, "message": message} for field, message in self.details]
        return {"error": error}


def invalid(field: str, sentence: str) -> Refusal:
    """A validation_error on one field; `sentence` completes "<field> …", e.g. "must be one of …"."""
    return invalid_fields(((field, sentence),))


def invalid_fields(details: tuple[tuple[str, str], ...]) -> Refusal:
    """A validation_error on several fields at once; the message joins their sentences."""
    message = "; ".join(f"{field} {sentence}" for field, sentence in details[:5])
    return Refusal("validation_error", message, details=details)


def unavailable(retry_after_seconds: int = 5) -> Refusal:
    """Storage is down or full: 503 with Retry-After. The transaction was rolled back whole."""
    return Refusal("service_unavailable", headers=(("retry-after", str(retry_after_seconds)),))


class UnwritableError(Refusal):
    """The same where storage takes no writes, being full or read-only, and may answer questions."""

    def __init__(self) -> None:
        super().__init__("service_unavailable", headers=unavailable().headers)
