"""Signing in at an OpenID provider. The only file that knows the library for it, loaded where the settings name a
provider; it calls the provider's network addresses. Sources: OpenID Connect Core 1.0 (authorization code flow, ID
token validation, section 3.1.3.7), Discovery 1.0, RFC 7636 (PKCE, S256).
"""

import secrets
import time
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from credtrail.accounts.identity import Identity, OpenIdError, Request
from credtrail.settings import Settings

_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_TIMEOUT_SECONDS = 10
_REMEMBERED_SECONDS = 3_600
_CLOCK_SECONDS = 60


class OpenIdProvider:
    """The provider that the settings name. What it publishes of itself is asked for once an hour."""

    def __init__(self, settings: Settings, callback: str) -> None:
        self._issuer = settings.openid_issuer.rstrip("/")
        self._client_id = settings.openid_client_id
        self._client_secret = settings.openid_client_secret
        self._callback = callback
        self._found: tuple[float, dict[str, Any], KeySet] | None = None

    async def begin(self) -> Request:
        """What the browser takes to the provider. Raises OpenIdError."""
        described, _ = await self._describe()
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        async with self._client() as client:
            address, state = client.create_authorization_url(
                described["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        return Request(address, state, nonce, verifier)

    async def finish(self, begun: Request, code: str) -> Identity:
        """Exchange the code that came back for who it is. Raises OpenIdError."""
        described, keys = await self._describe()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    described["token_endpoint"], code=code, code_verifier=begun.verifier
                )
            claims = self._read(str(token["id_token"]), keys, begun.nonce)
        except KeyError:
            raise OpenIdError("The provider sent no ID token") from None
        except (AuthlibBaseError, JoseError, HTTPError, ValueError) as problem:
            raise OpenIdError(f"The provider's answer can't be taken: {_words(problem)}") from None
        verified = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(self._issuer, str(claims["sub"]), str(verified).lower() if verified else None)

    def _read(self, id_token: str, keys: KeySet, nonce: str) -> CodeIDToken:
        decoded = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
        options = {
            "iss": {"essential": True, "values": [self._issuer, f"{self._issuer}/"]},
            "aud": {"essential": True, "value": self._client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": self._client_id}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now=int(time.time()), leeway=_CLOCK_SECONDS)
        return claims

    async def _describe(self) -> tuple[dict[str, Any], KeySet]:
        if self._found and time.monotonic() - self._found[0] < _REMEMBERED_SECONDS:
            return self._found[1:]
        try:
            async with self._client() as client:
                described = (
                    await self._get(client, f"{self._issuer}/.well-known/openid-configuration")
                ).json()
                if str(described["issuer"]).rstrip("/") != self._issuer:
                    raise OpenIdError("The provider calls itself by another name than the settings do")
                keys = KeySet.import_key_set((await self._get(client, described["jwks_uri"])).json())
        except (HTTPError, ValueError, KeyError, TypeError, JoseError) as problem:
            raise OpenIdError(f"The provider can't be asked: {_words(problem)}") from None
        self._found = (time.monotonic(), described, keys)
        return described, keys

    async def _get(self, client: AsyncOAuth2Client, address: str) -> Any:
        answer = await client.request("GET", address, withhold_token=True)
        answer.raise_for_status()
        return answer

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid email profile",
            redirect_uri=self._callback,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
        )


def _words(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__)[:200]
