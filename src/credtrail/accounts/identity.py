"""What goes to and comes from an OpenID provider, for those who needn't know how. Pure."""

from typing import NamedTuple


class OpenIdError(Exception):
    """The provider can't be asked, or its answer isn't one; the text may be shown to whoever signs in."""


class Request(NamedTuple):
    """A sign-in that was begun: where to send the browser, and what must come back unchanged."""

    address: str
    state: str
    nonce: str
    verifier: str


class Identity(NamedTuple):
    """Whom the provider vouches for. `email` only where the provider says that it was verified."""

    issuer: str
    subject: str
    email: str | None
