"""Secrets that have to be read again (not only compared), kept sealed in the database.

The key is made from the installation's secret key and a purpose, so that what was sealed for one purpose can't be
opened for another. A copy of the database without the secret key tells nothing of them. Source: AES-256-GCM with a
random nonce (NIST SP 800-38D), HKDF-SHA256 (RFC 5869).
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class Seal:
    """Seals and opens texts for one purpose."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        key = HKDF(SHA256(), 32, None, b"credtrail:" + purpose.encode()).derive(secret_key.encode())
        self._cipher = AESGCM(key)

    def close(self, text: str, bound_to: str = "") -> str:
        """The text sealed; it opens only with the same `bound_to`, such as the id of the row that keeps it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), bound_to.encode())
        return urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, bound_to: str = "") -> str | None:
        """The text; None when it wasn't sealed with this key for this purpose and place, or was changed."""
        try:
            raw = urlsafe_b64decode(sealed)
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode())
        except (ValueError, InvalidTag):
            return None
        return plain.decode()
