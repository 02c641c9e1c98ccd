"""A credential that was just mailed: scanners open its link and run its script; a person has hands."""

import pytest
from sqlalchemy import update

from browser.conftest import aside
from conftest import SECRET_KEY, in_transaction
from credtrail.credentials.links import RecipientLinks
from credtrail.credentials.store import credentials
from credtrail.interactions.log_sql import interactions
from credtrail.values import now

pytestmark = pytest.mark.browser

VIEWED = ("credential_viewed", "recipient")


@pytest.fixture
def mailed(site):
    """A credential that was mailed a minute ago, and the address in that mail."""
    shown = site.add_credential()

    def send(transaction):
        transaction.connection.execute(
            update(credentials).where(credentials.c.id == shown.id).values(sent_at=now() - 60_000)
        )

    aside(in_transaction, site.settings, send)
    key = RecipientLinks(SECRET_KEY).make(shown.public_id)
    return shown, f"{shown.address}?recipient=true&key={key}"


def test_a_scanner_that_runs_the_page_makes_no_recipient_view(site, mailed, person):
    shown, address = mailed
    page = person.new_page()
    page.goto(address)
    page.evaluate("window.scrollTo(0, 400); document.querySelector('[data-verify]').focus()")
    site.expect_set_aside(shown, ("credential_viewed", "unconfirmed"))


def test_a_person_who_scrolls_makes_one(site, mailed, person):
    shown, address = mailed
    page = person.new_page()
    with page.expect_response("**/interactions"):
        page.goto(address)
    assert page.url == shown.address
    page.mouse.wheel(0, 300)
    site.expect(shown, VIEWED)


def test_the_mailed_key_is_kept_and_makes_it_surer(site, mailed, person):
    shown, address = mailed
    page = person.new_page()
    with page.expect_response("**/interactions"):
        page.goto(address)
    page.mouse.wheel(0, 300)
    site.expect(shown, VIEWED)
    key = address.split("key=")[1]
    assert page.evaluate("({...localStorage})") == {f"credtrail:recipient:{shown.public_id}": key}

    def ask(transaction):
        query = interactions.select().where(interactions.c.credential_id == shown.id)
        return transaction.connection.execute(query).one().certainty

    assert aside(in_transaction, site.settings, ask) == "link"
