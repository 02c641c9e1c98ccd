"""What each privacy mode keeps on the device, and what a browser that refuses tracking makes of it."""

import pytest
from playwright.sync_api import expect

from browser.conftest import aside
from conftest import in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import save_profile

# What is seen here doesn't depend on the database.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]

VIEWED = ("credential_viewed", "recipient")
VIEWED_BY_GUEST = ("credential_viewed", "guest")
REFUSALS = {
    "Global Privacy Control": "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })",
    "Do Not Track": "Object.defineProperty(navigator, 'doNotTrack', { value: '1' })",
}


@pytest.fixture
def set_mode(site):
    """Sets the workspace's privacy mode for one test."""

    def set_to(mode):
        aside(
            in_transaction,
            site.settings,
            lambda transaction: save_profile(
                transaction, site.cast.workspace_id, IssuerProfile(privacy_mode=mode)
            ),
        )

    yield set_to
    set_to("storage")


def stored(page):
    return page.evaluate("localStorage.length")


def test_cookieless_keeps_nothing_and_knows_the_recipient_while_the_page_is_open(site, visit, set_mode):
    set_mode("cookieless")
    shown = site.add_credential()
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED)
    page.get_by_role("link", name="Verify").click()
    site.expect(shown, VIEWED, ("credential_verified", "recipient"))
    assert stored(page) == 0
    visit(shown.address, page)
    site.expect(shown, VIEWED, ("credential_verified", "recipient"), VIEWED_BY_GUEST)


def test_consent_keeps_nothing_before_it_is_given(site, visit, set_mode):
    set_mode("consent")
    shown = site.add_credential()
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED)
    assert stored(page) == 0
    page.get_by_role("button", name="Don’t allow").click()
    expect(page.get_by_role("heading", name="Is this credential yours?")).to_be_hidden()
    assert stored(page) == 0


def test_consent_once_given_is_remembered_and_not_asked_for_again(site, visit, set_mode):
    set_mode("consent")
    shown = site.add_credential()
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED)
    page.get_by_role("button", name="Allow", exact=True).click()
    assert stored(page) == 1
    visit(shown.address, page)
    site.expect(shown, VIEWED, VIEWED)
    expect(page.get_by_role("heading", name="Is this credential yours?")).to_be_hidden()


def test_a_guest_is_not_asked(site, visit, set_mode):
    set_mode("consent")
    shown = site.add_credential()
    page = visit(shown.address)
    site.expect(shown, VIEWED_BY_GUEST)
    expect(page.get_by_role("heading", name="Is this credential yours?")).to_be_hidden()


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("mode", ["storage", "consent"])
def test_a_browser_that_refuses_tracking_stores_nothing(site, person, visit, set_mode, refusal, mode):
    set_mode(mode)
    shown = site.add_credential()
    person.add_init_script(REFUSALS[refusal])
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED)
    assert stored(page) == 0
    expect(page.locator("#consent:visible")).to_have_count(0)
