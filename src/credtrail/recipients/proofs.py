"""Codes and proofs as values: how they are made, and what is kept of them. Pure but for the randomness of new ones.

A code is six digits, mailed to the address that a credential was issued to. Whoever types it on a page gets a proof:
a token that this device holds and sends along, by which it is the verified owner's until it ends. Of both only
digests are kept, by a key: a copy of the database alone opens nothing.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Literal, NamedTuple

from credtrail.values import Moment, fold

CODE_SECONDS = 600
CODE_TRIES = 5
CODES_PER_HOUR = 5
CODES_PER_DAY = 10
"""Of one credential for one address. With five tries each, who guesses has 50 in a day, of a million."""

MAILS_PER_HOUR = 10
MAILS_PER_DAY = 20
"""Of codes to one address, for all its credentials and wallets: who asks on one page after the other fills no mailbox."""

PROOF_DAYS = 30

_DAY_MS = 86_400_000
_RANDOM_BYTES = 24
_MAC_BYTES = 12


class NewCode(NamedTuple):
    """A code on its way: `challenge` is for the page that asked, `digits` for the mail."""

    challenge: str
    digits: str


class Proof(NamedTuple):
    """That a device is the recipient's, as it is listed; the token itself is told once, to the device."""

    digest: str
    credential_id: str
    address_digest: str
    created_at: Moment
    expires_at: Moment


Failure = Literal["wrong_code", "expired_code", "too_many_tries"]
"""Why a typed code proves nothing: it isn't the one; it is older than ten minutes, used up or replaced; it was the
sixth try. The same for a code that was never sent, since the address didn't fit."""


class Proofs:
    """Makes and reads them with the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        self._key = sha256(b"recipient-proof:" + secret_key.encode()).digest()

    def make_code(self) -> NewCode:
        """Six digits that nobody can foresee, and what the page shows to say which code it means."""
        return NewCode(secrets.token_urlsafe(18), f"{secrets.randbelow(1_000_000):06d}")

    def digest_challenge(self, challenge: str) -> str:
        """The code's id in the database."""
        return self._digest("challenge", challenge)

    def digest_code(self, challenge: str, public_id: str, digits: str) -> str:
        """What is kept of a code: it fits one challenge on one credential's page."""
        return self._digest("code", challenge, public_id, digits)

    def digest_address(self, email: str) -> str:
        """What is kept of an e-mail address, however it is written."""
        return self._digest("address", fold(email))

    def digest_asked(self, public_id: str, email: str) -> str:
        """What is kept of who asked for what: the page and the address that was typed there."""
        return self._digest("asked", public_id, fold(email))

    def make_proof(self, public_id: str) -> str:
        """A new token, for this credential."""
        random = secrets.token_bytes(_RANDOM_BYTES)
        return urlsafe_b64encode(random + self._mac(random, public_id)).decode()

    def is_signed(self, token: str, public_id: str) -> bool:
        """Whether it was made by this server for this credential; saves a look-up for what wasn't."""
        try:
            raw = urlsafe_b64decode(token)
        except ValueError:
            return False
        random, mac = raw[:_RANDOM_BYTES], raw[_RANDOM_BYTES:]
        return len(raw) == _RANDOM_BYTES + _MAC_BYTES and hmac.compare_digest(
            mac, self._mac(random, public_id)
        )

    def digest_proof(self, token: str) -> str:
        """What is kept of a proof."""
        return self._digest("proof", token)

    def _mac(self, random: bytes, public_id: str) -> bytes:
        return hmac.digest(self._key, b"sign:" + public_id.encode() + b":" + random, "sha256")[:_MAC_BYTES]

    def _digest(self, purpose: str, *parts: str) -> str:
        text = "\n".join((purpose, *(f"{len(part)}:{part}" for part in parts)))
        return hmac.digest(self._key, text.encode(), "sha256").hex()


def proof_expires_at(at: Moment) -> Moment:
    """When a proof made now ends."""
    return at + PROOF_DAYS * _DAY_MS
