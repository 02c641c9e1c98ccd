"""A credential's page offers it to wallets, and hands it to those that come."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import in_transaction
from credtrail.badges.presented import read_presented
from credtrail.badges.verify import verify
from credtrail.credentials.store import find_public
from credtrail.recipients import acts
from credtrail.values import now
from wallets.conftest import ROBIN
from wallets.test_connect import known_of

PRESENTED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiablePresentation"],
    "holder": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    "proof": {"type": "DataIntegrityProof", "challenge": "…", "proofPurpose": "authentication"},
}


def link_in(page):
    """What a wallet's app is told by the link for it."""
    link = urlsplit(html.unescape(re.search(r'href="(dccrequest:[^"]+)"', page.text)[1]))
    assert (link.netloc, link.path) == ("request", "")
    return {name: value for name, [value] in parse_qs(link.query).items()}


@pytest.mark.parametrize("dialect", ["sqlite"])  # what is stored is the business of other tests
def test_a_wallets_app_gets_the_credential_by_its_link(settings, client, cast):
    page = client.get(f"/credentials/{cast.public_id}")
    told = link_in(page)
    assert (told["auth_type"], told["issuer"]) == ("bearer", "http://testserver")
    address = told["vc_request_url"].removeprefix("http://testserver")
    given = client.post(address, json={**PRESENTED, "challenge": told["challenge"]})
    presented = read_presented(given.content)
    assert given.headers["content-type"] == "application/json"
    verification = verify(presented, known_of(client, given.json()), now(), recipient=ROBIN)
    assert verification.verdict == "verified"
    assert client.get(f"/credentials/{cast.public_id}.json").json() == given.json()
    assert client.get(f"/credentials/{cast.public_id}/wallet.svg").headers["content-type"] == "image/svg+xml"
    assert client.post(address, content=b"x" * 70_000).status_code == 413
    assert client.get(address).status_code == 405

    def hide(transaction):
        acts.choose_privacy(transaction, find_public(transaction, cast.public_id), "limited", 7)
        return find_public(transaction, cast.public_id)

    view = in_transaction(settings, hide)
    for missing in (f"/credentials/{cast.public_id}/wallet.svg", "/credentials/none/wallet.svg"):
        assert client.get(missing).status_code == 404
    assert client.post(address, json=PRESENTED).status_code == 404
    key = acts_key(settings, view)
    seen = link_in(client.get(f"/credentials/{cast.public_id}?access={key}"))["vc_request_url"]
    assert client.post(seen.removeprefix("http://testserver"), json=PRESENTED).json() == given.json()


def acts_key(settings, view):
    """The key in the limited link."""
    from credtrail.recipients.access import Access

    return Access(settings.secret_key).make_link_key(view)
