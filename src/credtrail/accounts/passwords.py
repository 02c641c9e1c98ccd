"""Password hashes. The only file that knows the library. Source: RFC 9106 (Argon2id), its second parameter choice."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """What is kept of a password. Takes some 50 ms and 64 MB: call it off the event loop."""
    return _hasher.hash(password)


def is_password(hash_: str | None, password: str) -> bool:
    """Whether it is the one. Without a hash (no such user, or none chosen) it takes as long and is False."""
    try:
        return _hasher.verify(hash_ or _nobodys(), password) and hash_ is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(hash_: str) -> bool:
    """Whether it was made with weaker parameters than today's and should be made anew at the next sign-in."""
    return _hasher.check_needs_rehash(hash_)


@cache
def _nobodys() -> str:
    return hash_password("nobody has this password")
