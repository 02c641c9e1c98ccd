"""A wallet that knows nothing of the house but its address: it discovers, registers, is connected, asks.

Its OAuth client is written from the RFCs, without the library that the server has.
"""

import base64
import hashlib
import html
import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from conftest import in_transaction
from credtrail.mail.notice_store import notices
from mail.conftest import mailing as mailing
from mail.conftest import postbox as postbox

ROBIN = "robin@learner.example"
READ = "https://purl.imsglobal.org/spec/ob/v3p0/scope/credential.readonly"
PROFILE = "https://purl.imsglobal.org/spec/ob/v3p0/scope/profile.readonly"
BACK = "https://wallet.example/connected"


class Wallet:
    """Speaks by `client`, an HTTP client of the house; `public_url` is how the house calls itself."""

    def __init__(self, client, public_url="http://testserver"):
        self.client = client
        self.public_url = public_url
        described = client.get("/ims/ob/v3p0/discovery").json()
        scheme = described["components"]["securitySchemes"]["OAuth2ACG"]
        self.register_at = self._path(scheme["x-imssf-registrationUrl"])
        flow = scheme["flows"]["authorizationCode"]
        self.authorize_at = self._path(flow["authorizationUrl"])
        self.token_at = self._path(flow["tokenUrl"])
        self.api = self._path(described["servers"][0]["url"])
        told = client.get("/.well-known/oauth-authorization-server").json()
        self.revoke_at = self._path(told["revocation_endpoint"])
        self.issuer = told["issuer"]
        self.id = self.secret = None
        self.state = self.verifier = ""

    def _path(self, address):
        assert address.startswith(self.public_url)
        return address.removeprefix(self.public_url)

    def register(self, **changes):
        """As Open Badges wants it; the answer."""
        said = {
            "client_name": "Pocket of Robin",
            "client_uri": "https://wallet.example/",
            "logo_uri": "https://wallet.example/logo.png",
            "tos_uri": "https://wallet.example/terms",
            "policy_uri": "https://wallet.example/privacy",
            "software_id": "c88b6ed8-269e-448e-99be-7e2ff47167d1",
            "software_version": "4.0",
            "redirect_uris": [BACK],
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": f"{READ} {PROFILE} offline_access",
            **changes,
        }
        said = {name: value for name, value in said.items() if value is not None}
        answer = self.client.post(self.register_at, json=said)
        if answer.status_code == 201:
            self.id, self.secret = answer.json()["client_id"], answer.json().get("client_secret")
        return answer

    def request(self, **changes):
        """The query by which the browser is sent to the house."""
        self.state, self.verifier = secrets.token_urlsafe(12), secrets.token_urlsafe(40)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": BACK,
            "scope": f"{READ} {PROFILE} offline_access",
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def came_back(self, answer):
        """What the browser brought back."""
        assert answer.status_code == 303, answer.text
        address = urlsplit(answer.headers["location"])
        brought = {name: values[0] for name, values in parse_qs(address.query).items()}
        assert (brought.pop("state"), brought.pop("iss")) == (self.state, self.issuer)
        return brought

    def post(self, address, fields):
        """A form, with the wallet's secret."""
        if self.secret is None:
            return self.client.post(address, data={"client_id": self.id, **fields})
        pair = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        return self.client.post(address, data=fields, headers={"Authorization": f"Basic {pair}"})

    def fetch(self, code, **changes):
        """Tokens for a code."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.post(self.token_at, {name: value for name, value in fields.items() if value is not None})

    def refresh(self, refresh_token, **changes):
        """The next tokens."""
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
        return self.post(self.token_at, fields)

    def get(self, what, token, **query):
        """Something of the API."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.get(f"{self.api}/{what}", headers=headers, params=query)


class Person:
    """Somebody with a mailbox and a browser without script; `read_code` looks into the mailbox."""

    def __init__(self, client, read_code, public_url="http://testserver"):
        self.client = client
        self.read_code = read_code
        self._headers = {"Origin": public_url, "Sec-Fetch-Site": "same-origin"}

    def press(self, page, step, **fields):
        """A button of a page's form."""
        form = html.unescape(re.search(r'name="form" value="([^"]+)"', page.text)[1])
        action = html.unescape(re.search(r'action="([^"]+)"', page.text)[1])
        assert f'value="{step}"' in page.text
        return self.client.post(action, data={"form": form, "step": step, **fields}, headers=self._headers)

    def connect(self, wallet, email=ROBIN, **changes):
        """The whole way; what the browser is answered in the end."""
        page = self.client.get(wallet.authorize_at, params=wallet.request(**changes))
        assert page.status_code == 200, page.headers
        page = self.press(page, "ask", email=email)
        assert page.status_code == 200
        return self.press(page, "prove", code=self.read_code(email))


@pytest.fixture
def read_code(settings):
    """The digits in the mail that waits for an address; it waits no more."""

    def read(email=ROBIN):
        def act(transaction):
            run = transaction.connection.execute
            found = run(
                select(notices.c.body).where(notices.c.address == email.lower()).order_by(notices.c.id)
            )
            body = list(found.scalars())[-1]
            run(notices.delete())
            return re.search(r"^\d{6}$", body, re.M)[0]

        return in_transaction(settings, act)

    return read


@pytest.fixture
def wallet(client):
    """A registered wallet."""
    wallet = Wallet(client)
    assert wallet.register().status_code == 201
    return wallet


@pytest.fixture
def robin(client, read_code):
    """Robin, before a browser."""
    return Person(client, read_code)


@pytest.fixture
def tokens(wallet, robin):
    """What Robin's wallet has."""
    code = wallet.came_back(robin.connect(wallet))["code"]
    return wallet.fetch(code).json()
