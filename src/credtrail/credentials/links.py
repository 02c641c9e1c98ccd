"""The signed part of links that are mailed to recipients. Pure. Made by `deliver` and the pages' face, checked by pages.

It says: who holds this got it in the mail to the recipient of this credential.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import quote, urlsplit

_BYTES = 18


class RecipientLinks:
    """Makes and checks the token of a mailed link, one for each credential; it doesn't expire.

    It proves that somebody had the recipient's mail before them, or was handed its link: more than the bare flag
    does, less than a typed code. Nothing of it is stored, so it holds for as long as the secret key.
    """

    def __init__(self, secret_key: str) -> None:
        self._key = sha256(b"recipient-link:" + secret_key.encode()).digest()

    def make(self, public_id: str) -> str:
        """24 characters for the address of a mailed link."""
        return urlsafe_b64encode(hmac.digest(self._key, public_id.encode(), "sha256")[:_BYTES]).decode()

    def check(self, token: str, public_id: str) -> bool:
        """Whether this token was made for this credential."""
        return hmac.compare_digest(token.encode(), self.make(public_id).encode())


def home_of(public_url: str, domain: str | None) -> str:
    """Where a workspace's pages are: under its own domain, if any, reached in the way the installation is.

    Scheme and port are the installation's: what stands before it (a proxy, for TLS) stands before the domain too.
    """
    if domain is None:
        return public_url
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{domain}" + (f":{parts.port}" if parts.port else "")


def page_address(public_url: str, public_id: str) -> str:
    """The public page of a credential."""
    return f"{public_url}/credentials/{quote(public_id, safe='')}"


def recipient_address(public_url: str, public_id: str, links: RecipientLinks) -> str:
    """The page's address as it is mailed to the recipient: with the flag, and the token that proves the mail."""
    return f"{page_address(public_url, public_id)}?recipient=true&key={links.make(public_id)}"
