"""A person connects a wallet, and adds a credential to one, with a real browser."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from browser.conftest import aside
from browser.test_recipient import ROBIN, another, latest_code
from conftest import in_transaction
from credtrail.interactions.counts import page_action_counts
from wallets.conftest import BACK, Wallet

# What is seen here doesn't depend on the database; tests/wallets holds the rules on both.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]


@pytest.fixture
def robins(site):
    """A credential whose recipient has an address."""
    return site.add_credential(recipient={"name": "Robin Ñandú", "email": ROBIN})


def test_a_wallet_is_connected_and_disconnected(site, person, robins):
    with httpx.Client(base_url=site.url) as client:
        wallet = Wallet(client, site.url)
        wallet.register()
        page = person.new_page()
        request = httpx.URL(site.url + wallet.authorize_at, params=wallet.request())
        page.goto(str(request))
        expect(page.get_by_text("Pocket of Robin")).to_be_visible()
        expect(page.get_by_text("wallet.example", exact=True)).to_be_visible()
        page.get_by_label("E-mail address").fill(ROBIN)
        page.get_by_role("button", name="Send me a code").click()
        field = page.get_by_label("Six-digit code")
        expect(field).to_be_focused()
        field.fill("12345")
        page.get_by_role("button", name="Connect", exact=True).click()
        expect(page.get_by_role("alert")).to_have_text("That is not the code. Look again, and type it anew.")
        page.get_by_label("Six-digit code").fill(latest_code(site))
        page.get_by_role("button", name="Connect", exact=True).click()
        page.wait_for_url(f"{BACK}?*")  # the content policy lets the form lead there
        code = parse_qs(urlsplit(page.url).query)["code"][0]
        access = wallet.fetch(code).json()["access_token"]
        ids = [one["id"] for one in wallet.get("credentials", access).json()["credential"]]
        assert robins.address in ids
        assert person.cookies() == []

        page.goto(f"{site.url}/wallets")
        page.get_by_label("E-mail address").fill(ROBIN)
        page.get_by_role("button", name="Send me a code").click()
        page.get_by_label("Six-digit code").fill(latest_code(site))
        page.get_by_role("button", name="Confirm").click()
        page.get_by_role("button", name="Disconnect Pocket of Robin").click()
        expect(page.get_by_text("No wallet is connected to this address.")).to_be_visible()
        assert wallet.get("credentials", access).status_code == 401


def test_the_page_offers_it_to_wallets(site, visit, chromium, robins):
    page = visit(robins.address)
    page.get_by_text("Add to a wallet").click()
    expect(page.get_by_alt_text("QR code for wallets")).to_be_visible()
    expect(page.get_by_role("link", name="Open in Learner Credential Wallet")).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert download.value.suggested_filename == "credential.json"
    site.expect(robins, ("credential_viewed", "guest"))
    with another(chromium, has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740}) as phone:
        phone.goto(robins.address)
        phone.get_by_text("Add to a wallet").click()
        link = phone.get_by_role("link", name="Open in Learner Credential Wallet")
        expect(link).to_be_visible()
        assert re.match("dccrequest://request[?]", link.get_attribute("href"))
        expect(phone.get_by_alt_text("QR code for wallets")).to_be_hidden()

    def ask(transaction):
        table = page_action_counts.c
        query = select(table.count).where(table.action == "added_to_wallet")
        query = query.where(table.group_id == site.cast.group_id)
        return list(transaction.connection.execute(query).scalars())

    assert aside(in_transaction, site.settings, ask) == [1]
