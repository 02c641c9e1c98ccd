"""Signing in at an OpenID provider, a real one on loopback."""

import re

import httpx2 as httpx
import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select
from starlette.testclient import TestClient

from conftest import ON_ONE, in_transaction
from credtrail.accounts.people_store import identities, users
from credtrail.accounts.session_store import sessions
from credtrail.app import build
from dashboard.conftest import Person, add_person
from dashboard.provider import CLIENT_ID, CLIENT_SECRET, Provider


@pytest.fixture
def provider():
    """The provider, running."""
    with Provider() as running:
        yield running


@pytest.fixture
def person(settings, cast, provider):
    """Somebody's browser at a Credtrail that knows the provider."""
    configured = settings.model_copy(
        update={
            "openid_issuer": provider.issuer,
            "openid_client_id": CLIENT_ID,
            "openid_client_secret": CLIENT_SECRET,
            "openid_name": "Meadow Staff",
        }
    )
    with TestClient(build(configured).application) as client:
        yield Person(client, cast.workspace_id)


def go_and_come(person, status):
    """To the provider and back; the page that one ends on."""
    answer = person.client.get("/dashboard/sign-in/openid", follow_redirects=False)
    assert answer.status_code == 303
    back = httpx.get(answer.headers["location"], follow_redirects=False).headers["location"]
    return person.see(back.removeprefix("http://testserver"), status)


def test_signing_in(person, settings, cast, provider):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    assert "Sign in with Meadow Staff" in person.see("/dashboard/sign-in")
    assert "Open Meadow Academy" in go_and_come(person, 200)
    assert "openid" not in "".join(person.client.cookies)

    # From now on the identity counts, whatever address it has.
    provider.claims = {"email": "else@meadow.example"}
    person.post("/dashboard/sign-out")
    assert "Open Meadow Academy" in go_and_come(person, 200)
    rows = in_transaction(settings, lambda tx: list(tx.connection.execute(select(identities))))
    assert [(row.issuer, row.subject) for row in rows] == [(provider.issuer, "person-1")]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "nobody@meadow.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
    ],
    ids=str,
)
def test_nobody_gets_in_by_an_address_that_is_not_verified(person, settings, cast, provider, claims):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    provider.claims = claims
    assert "ask a member for an invitation" in go_and_come(person, 403)
    assert in_transaction(settings, lambda tx: len(list(tx.connection.execute(select(users))))) == 1


@ON_ONE
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another client"},
        {"nonce": "another one"},
        {"exp": 1_000_000_000},
        {"sub": None},
    ],
    ids=str,
)
def test_an_answer_that_is_not_right_is_refused(person, settings, cast, provider, claims):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    provider.claims = claims
    go_and_come(person, 401)


def test_a_key_that_is_not_the_providers_is_refused(person, settings, cast, provider):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    provider.key = ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"})
    go_and_come(person, 401)


def test_an_answer_that_nobody_here_asked_for_is_refused(person, settings, cast, provider):
    answer = person.client.get("/dashboard/sign-in/openid", follow_redirects=False)
    back = httpx.get(answer.headers["location"], follow_redirects=False).headers["location"]
    person.client.cookies.clear()
    person.see(back.removeprefix("http://testserver"), 400)
    person.see("/dashboard/sign-in/openid/callback?error=access_denied&state=x", 400)


def test_a_provider_that_cannot_be_asked(settings, cast):
    configured = settings.model_copy(update={"openid_issuer": "http://127.0.0.1:1", "openid_client_id": "x"})
    with TestClient(build(configured).application) as client:
        person = Person(client, cast.workspace_id)
        assert "can&#39;t be asked" in person.see("/dashboard/sign-in/openid", 503)


def test_without_a_provider_there_is_no_button(browser):
    person = browser()
    assert "OpenID" not in person.see("/dashboard/sign-in")
    person.see("/dashboard/sign-in/openid", 404)


def test_what_was_typed_waits_while_one_signs_in_at_the_provider(person, settings, cast, provider):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    go_and_come(person, 200)
    tokens = f"{person.home}/access-tokens"
    person.see(tokens)
    in_transaction(settings, lambda tx: tx.connection.execute(sessions.delete()))
    page = person.post(tokens, status=401, name="Learning platform", access="read", lifetime="")
    assert "Sign in with Meadow Staff in another tab" in page
    form = {"pending": re.search(r'name="pending" value="([^"]+)"', page)[1], "csrf": person.csrf}
    assert "signed in there yet" in person.post("/dashboard/sign-in", status=401, **form)
    go_and_come(person, 200)
    answer = person.client.post("/dashboard/sign-in", data=form, headers={"origin": "http://testserver"})
    assert "You have signed in again" in answer.text
    assert f'action="{tokens}"' in answer.text
    assert 'value="Learning platform"' in answer.text
    other = {**form, "pending": form["pending"][:-6] + "AAAAAA"}
    answer = person.client.post("/dashboard/sign-in", data=other, headers={"origin": "http://testserver"})
    assert "Learning platform" not in answer.text, "what isn't sealed by us isn't believed"
