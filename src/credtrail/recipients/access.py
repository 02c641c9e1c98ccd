"""Who may see a credential's public faces, and who may download from them. Pure.

Every public face of a credential asks `may_be_seen` here, whatever it shows: page, documents, embed page, oEmbed,
verification, the machine-readable forms. What may not be seen is answered like what doesn't exist.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Literal

from credtrail.credentials.store import PublicView
from credtrail.values import Moment

Holder = Literal["guest", "recipient", "issuer"]
"""Whom a key was made for: whoever holds the limited link, the verified owner, the workspace's own systems."""

KEY_SECONDS = {"recipient": 6 * 3_600, "issuer": 3_600}
"""How long keys in the addresses of documents hold: as long as a page's token; for a download by a program."""

_HOLDERS: dict[int, Holder] = {1: "guest", 2: "recipient", 3: "issuer"}
_NUMBERS = {holder: number for number, holder in _HOLDERS.items()}
_TIME_BYTES = 6
_MAC_BYTES = 16
_LENGTH = 1 + _TIME_BYTES + _MAC_BYTES


class Access:
    """Decides by what was chosen for the page, by signed keys in addresses (`?access=`), and by proofs.

    A key names its holder and its end, and is good for one credential and for what was chosen when it was made: any
    other choice ends it. Nothing of it is stored.
    """

    def __init__(self, secret_key: str) -> None:
        self._key = sha256(b"page-access:" + secret_key.encode()).digest()

    def may_be_seen(self, view: PublicView, at: Moment, key: str = "", *, verified: bool = False) -> bool:
        """Whether whoever asks may see this credential, by the key in the address, or being its verified owner.

        `verified` is for the caller to know: see `recipients/proofs.py`.
        """
        holder = self._find_holder(view, at, key, verified=verified)
        if holder == "issuer":
            return True
        if view.page.offline_at is not None:
            return False
        if holder == "recipient":
            return True
        if view.privacy == "limited":
            return holder == "guest" and at < (view.page.link_expires_at or 0)
        return view.privacy in ("public", "link")

    def may_download(self, view: PublicView, at: Moment, key: str = "", *, verified: bool = False) -> bool:
        """Whether whoever may see it may have it as a file, too, by the workspace's setting."""
        holder = self._find_holder(view, at, key, verified=verified)
        if holder == "issuer" or view.profile.downloading == "everybody":
            return True
        return view.profile.downloading == "recipient" and holder == "recipient"

    def make_key(self, view: PublicView, holder: Holder, expires_at: Moment) -> str:
        """The value of `access` in an address."""
        payload = bytes([_NUMBERS[holder]]) + expires_at.to_bytes(_TIME_BYTES, "big")
        return urlsafe_b64encode(payload + self._mac(view, payload)).decode().rstrip("=")

    def make_link_key(self, view: PublicView) -> str | None:
        """That of the limited link, the same each time; None where there is no such link."""
        if view.privacy != "limited" or view.page.link_expires_at is None:
            return None
        return self.make_key(view, "guest", view.page.link_expires_at)

    def _find_holder(self, view: PublicView, at: Moment, key: str, *, verified: bool) -> Holder | None:
        return "recipient" if verified else self._read_key(view, at, key)

    def _read_key(self, view: PublicView, at: Moment, key: str) -> Holder | None:
        try:
            raw = urlsafe_b64decode(key + "=" * (-len(key) % 4))
        except ValueError:
            return None
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(raw) != _LENGTH or not hmac.compare_digest(mac, self._mac(view, payload)):
            return None
        ends_at = int.from_bytes(payload[1:], "big")
        return _HOLDERS.get(payload[0]) if at < ends_at else None

    def _mac(self, view: PublicView, payload: bytes) -> bytes:
        bound_to = f"{view.credential.public_id}:{view.page.serial}:".encode()
        return hmac.digest(self._key, bound_to + payload, "sha256")[:_MAC_BYTES]
