"""What is signed for credential pages: page tokens. Pure but for the randomness of new ones.

A page token says: this page, of this credential, was handed out at this time; here is the number of the visit.
It is signed, so it can't be made up, and it names one credential, so it can't be used on another. It says
nothing about the visitor and is kept nowhere in the browser.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

from credtrail.interactions.model import Reason
from credtrail.values import Moment

LIFETIME_SECONDS = 6 * 3_600
"""Long enough for a tab left open over a working day's half, short enough to be worthless tomorrow."""

_VISIT_BYTES = 12
_TIME_BYTES = 6
_CREDENTIAL_BYTES = 8
_MAC_BYTES = 16
_LENGTH = _VISIT_BYTES + _TIME_BYTES + _CREDENTIAL_BYTES + _MAC_BYTES


class Visit(NamedTuple):
    """One handing-out of a page."""

    id: str
    began_at: Moment


class PageTokens:
    """Makes and reads page tokens with the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        self._key = sha256(b"page-token:" + secret_key.encode()).digest()

    def make(self, public_id: str, at: Moment) -> str:
        """A token for one more visit to this credential's page."""
        return self.bind(Visit(secrets.token_hex(_VISIT_BYTES), at), public_id)

    def bind(self, visit: Visit, public_id: str) -> str:
        """A token for the same visit, good for this credential: what was handed out before it was known for which."""
        payload = (
            bytes.fromhex(visit.id) + visit.began_at.to_bytes(_TIME_BYTES, "big") + self._name(public_id)
        )
        return urlsafe_b64encode(payload + self._mac(payload)).decode().rstrip("=")

    def read(self, token: str, public_id: str, at: Moment) -> Visit | Reason:
        """The visit, or the reason why what comes with this token is set aside."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return "invalid_token"
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(raw) != _LENGTH or not hmac.compare_digest(mac, self._mac(payload)):
            return "invalid_token"
        if not hmac.compare_digest(payload[-_CREDENTIAL_BYTES:], self._name(public_id)):
            return "foreign_token"
        began_at = int.from_bytes(payload[_VISIT_BYTES:-_CREDENTIAL_BYTES], "big")
        if at - began_at > LIFETIME_SECONDS * 1_000:
            return "expired_token"
        return Visit(payload[:_VISIT_BYTES].hex(), began_at)

    def _name(self, public_id: str) -> bytes:
        """The credential, in as many bytes as nobody finds a second one for without the key."""
        return hmac.digest(self._key, b"credential:" + public_id.encode(), "sha256")[:_CREDENTIAL_BYTES]

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, b"token:" + payload, "sha256")[:_MAC_BYTES]
