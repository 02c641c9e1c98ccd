"""A real OpenID provider on loopback: discovery, keys, code with PKCE, token. It vouches for whom a test says."""

import secrets
import threading
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from conftest import free_port

CLIENT_ID, CLIENT_SECRET = "credtrail", "only good for tests"


class Provider:
    """`claims` are those of the next ID token, instead of the right ones; `key` signs, `published` is what others see."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.key = ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"})
        self.published = self.key
        self.claims: dict[str, Any] = {}
        self._asked: dict[str, dict[str, str]] = {}
        routes = [
            Route("/.well-known/openid-configuration", self.describe),
            Route("/keys", self.keys),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=self.port, log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> "Provider":
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)  # another thread: there is nothing else to wait on
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def describe(self, _: Request) -> JSONResponse:
        """What clients must know."""
        paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return JSONResponse(
            {"issuer": self.issuer, **{name: self.issuer + path for name, path in paths.items()}}
        )

    async def keys(self, _: Request) -> JSONResponse:
        """The public key."""
        return JSONResponse({"keys": [self.published.as_dict(private=False)]})

    async def authorize(self, request: Request) -> RedirectResponse:
        """Whoever comes is let in."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._asked[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    async def token(self, request: Request) -> JSONResponse:
        """A code, once, for an ID token."""
        form = await request.form()
        asked = self._asked.pop(str(form["code"]), None)
        digest = sha256(str(form["code_verifier"]).encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or "authorization" not in request.headers:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        right = {
            "iss": self.issuer,
            "sub": "person-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "ada@meadow.example",
            "email_verified": True,
        }
        token = jwt.encode({"alg": "ES256", "kid": self.key.kid}, {**right, **self.claims}, self.key)
        return JSONResponse(
            {"access_token": "x", "token_type": "Bearer", "id_token": token, "expires_in": 300}
        )
