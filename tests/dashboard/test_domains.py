"""A workspace's own domain: from the settings over a visit that proves it to every link that leads there."""

import re

import pytest

from chromium import PERSON
from conftest import SECRET_KEY, headers, in_transaction
from credtrail.accounts.store import find_workspace
from credtrail.credentials.links import home_of
from credtrail.pages.token import PageTokens
from credtrail.values import now

DOMAIN = "credentials.meadow.example"
FIELDS = {
    "name": "Open Meadow Academy",
    "brand_color": "#14594b",
    "language": "en",
    "privacy_mode": "storage",
}


def save(person, status=200, **fields):
    person.see(f"{person.home}/settings")
    return person.post(f"{person.home}/settings", status=status, **{**FIELDS, **fields})


@pytest.fixture
def client(browser):
    """Somebody who isn't signed in."""
    return browser().client


@pytest.fixture
def confirmed(ada_in):
    """Ada, whose workspace has its domain."""
    page = save(ada_in, domain=f"https://{DOMAIN.upper()}/")
    assert "not confirmed" in page
    address = re.search(rf'href="http://{DOMAIN}(/domains/confirm/[^"]+)"', page)[1]
    answer = ada_in.client.get(address, headers={"host": DOMAIN}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://testserver{ada_in.home}/settings#domain"
    assert "since" in ada_in.see(f"{ada_in.home}/settings")
    return ada_in


def test_every_link_leads_to_the_domain(confirmed, cast, client, settings, letters):
    page = f"http://{DOMAIN}/credentials/{cast.public_id}"
    for host in (DOMAIN, "testserver"):
        text = client.get(f"/credentials/{cast.public_id}", headers={"host": host}).text
        assert f'<link rel="canonical" href="{page}">' in text
        assert f'property="og:image" content="http://{DOMAIN}/credentials/' in text
    assert DOMAIN in client.get(f"/credentials/{cast.public_id}/verification").text
    links = client.get(f"/v1/credentials/{cast.credential_id}/links", headers=headers(cast.ada)).json()
    assert {link.split("/credentials/")[0] for link in links.values() if "linkedin" not in link} == {
        f"http://{DOMAIN}"
    }
    for base in (f"http://{DOMAIN}", "http://testserver"):
        found = client.get("/oembed", params={"url": f"{base}/credentials/{cast.public_id}?utm=x"})
        assert f'src="{page}/embed"' in found.json()["html"]
    assert page in confirmed.see(f"{confirmed.home}/credentials/{cast.credential_id}")
    confirmed.post(f"{confirmed.home}/credentials/{cast.credential_id}/send")
    assert f"{page}?recipient=true" in letters()[0][1]


def test_a_page_there_reports_as_any_other(confirmed, cast, client):
    report = {
        "token": PageTokens(SECRET_KEY).make(cast.public_id, now() - 5_000),
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "visibleMs": 2_000,
        "input": True,
    }
    answer = client.post(
        f"/credentials/{cast.public_id}/interactions",
        json=report,
        headers={
            "host": DOMAIN,
            "origin": f"http://{DOMAIN}",
            "user-agent": PERSON,
            "sec-fetch-site": "same-origin",
        },
    )
    assert (answer.status_code, answer.headers.get("credtrail-set-aside")) == (204, None)


def test_no_other_workspace_is_shown_there(confirmed, cast, client, settings):
    def public_id(transaction):
        from credtrail.credentials.store import find_view

        cleos = find_workspace(transaction, name="Cleo's Institute").id
        return find_view(transaction, cleos, cast.cleos_credential_id).credential.public_id

    path = f"/credentials/{in_transaction(settings, public_id)}"
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"host": "whatever.example"}).status_code == 200
    for part in ("", "/verification", "/embed"):
        assert client.get(path + part, headers={"host": f"{DOMAIN}:8443"}).status_code == 404


def test_only_a_visit_by_that_host_confirms(ada_in, client, settings, cast):
    page = save(ada_in, domain=DOMAIN)
    path = re.search(r'"http://[^/]+(/domains/confirm/[^"]+)"', page)[1]
    assert client.get(path).status_code == 404, "by the installation's own host"
    assert client.get(path[:-4] + "AAAA", headers={"host": DOMAIN}).status_code == 404
    save(ada_in, domain="other.meadow.example")
    assert client.get(path, headers={"host": DOMAIN}).status_code == 404, "it isn't wanted any more"
    assert (
        in_transaction(settings, lambda tx: find_workspace(tx, id=cast.workspace_id)).domain_confirmed_at
        is None
    )
    assert "http://testserver/credentials/" in client.get(f"/credentials/{cast.public_id}").text


def test_proxies_may_ask_which_domains_are_known(confirmed, client):
    assert client.get("/domains/known", params={"domain": DOMAIN}).status_code == 200
    for unknown in ("elsewhere.example", "", "\x00"):
        assert client.get("/domains/known", params={"domain": unknown}).status_code == 404


def test_given_up_all_links_are_as_before(confirmed, cast, client):
    save(confirmed, domain="")
    assert DOMAIN not in client.get(f"/credentials/{cast.public_id}").text
    assert "none" in confirmed.see(f"{confirmed.home}/audit-log").split(DOMAIN)[1]


@pytest.mark.parametrize(
    ("domain", "problem"),
    [
        ("meadow", "host name"),
        ("10.0.0.1", "host name"),
        ("meadow.example/credentials", "host name"),
        ("a b.example", "host name"),
        ("-x.example", "host name"),
        ("testserver.", "host name"),
        ("x" * 64 + ".example", "host name"),
        ("cleo.example", "another workspace"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_refused(ada_in, settings, domain, problem):
    from credtrail.accounts.store import change_workspace

    def taken(transaction):
        change_workspace(
            transaction, find_workspace(transaction, name="Cleo's Institute").id, domain="cleo.example"
        )

    in_transaction(settings, taken)
    assert problem in save(ada_in, status=400, domain=domain)


def test_scheme_and_port_are_the_installations():
    assert home_of("https://a.example", "b.example") == "https://b.example"
    assert home_of("http://127.0.0.1:8000", "b.localhost") == "http://b.localhost:8000"
    assert home_of("https://a.example", None) == "https://a.example"
