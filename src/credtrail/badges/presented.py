"""What somebody presents to be verified, read: from JSON, a JWT, a picture or a document to a credential. Pure.

Nothing is believed here; `verify` judges. Called by `verify` and whoever takes something in.
"""

import json
from typing import Any, Literal, NamedTuple

from credtrail.badges.bake import Container, NothingBakedError, OversizeError, take_out
from credtrail.badges.keys import read_base64url

Format = Literal["json_ld", "vc_jwt"]
_DEEPEST = 40
_MOST_VALUES = 1_000
"""In all its depth. To read statements out of a document takes milliseconds for each; ours have two hundred at most."""
_MOST_BYTES = 262_144


class UnreadableError(ValueError):
    """There is nothing to verify. `reason`: `nothing_found`, `too_large`, `not_json`, `not_a_credential`."""

    def __init__(self, reason: Literal["nothing_found", "too_large", "not_json", "not_a_credential"]) -> None:
        super().__init__(reason)
        self.reason = reason


class Token(NamedTuple):
    """A JWT taken apart: header, what was signed, the signature."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


class Presented(NamedTuple):
    """A credential as somebody presents it. `container` is what it came in; of a VC-JWT, `token` is the whole."""

    container: Container
    format: Format
    credential: dict[str, Any]
    token: Token | None = None


def read_presented(content: bytes) -> Presented:
    """What is in it. Raises UnreadableError."""
    try:
        container, text = take_out(content)
    except OversizeError:
        raise UnreadableError("too_large") from None
    except NothingBakedError:
        raise UnreadableError("nothing_found") from None
    if len(text) > _MOST_BYTES:
        raise UnreadableError("too_large")
    if text.lstrip().startswith("{"):
        return Presented(container, "json_ld", _credential(read_json(text)))
    return _read_token(container, text)


def read_json(text: str | bytes) -> Any:
    """JSON in which each name stands once, since others may read another of two. Raises UnreadableError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        told = dict(pairs)
        if len(told) < len(pairs):
            raise UnreadableError("not_json")
        return told

    def refuse(_: str) -> Any:
        raise UnreadableError("not_json")

    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
        _check_bounds(value)
        json.dumps(
            value, ensure_ascii=False, allow_nan=False
        ).encode()  # no half pair of surrogates, no 1e999
    except UnreadableError:
        raise
    except (ValueError, RecursionError):
        raise UnreadableError("not_json") from None
    return value


def _check_bounds(value: Any) -> None:
    """Level by level, since what is nested too deep can't be walked otherwise."""
    level, depth, count = [value], 0, 1
    while level:
        level = [
            one
            for outer in level
            if isinstance(outer, dict | list)
            for one in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth, count = depth + 1, count + len(level)
        if depth > _DEEPEST or count > _MOST_VALUES:
            raise UnreadableError("too_large")


def _read_token(container: Container, text: str) -> Presented:
    try:
        header, payload, signature = text.split(".")
        token = Token(
            read_json(read_base64url(header)),
            read_json(read_base64url(payload)),
            f"{header}.{payload}".encode(),
            read_base64url(signature),
        )
    except UnreadableError:
        raise
    except ValueError:
        raise UnreadableError("not_json") from None
    if not isinstance(token.header, dict) or not isinstance(token.claims, dict):
        raise UnreadableError("not_a_credential")
    body = token.claims.get("vc", token.claims)
    if isinstance(body, dict) and body is token.claims:
        names = ("iss", "jti", "nbf", "sub", "exp", "iat", "aud", "nonce")
        body = {name: value for name, value in body.items() if name not in names}
    return Presented(container, "vc_jwt", _credential(body), token)


def _credential(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "credentialSubject" not in value:
        raise UnreadableError("not_a_credential")
    return value
