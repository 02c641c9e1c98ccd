"""Recipient or guest: the flag in the address, what the browser keeps of it, and when it is forgotten."""

import pytest

from chromium import PERSON

pytestmark = pytest.mark.browser

VIEWED_BY_RECIPIENT = ("credential_viewed", "recipient")
VIEWED_BY_GUEST = ("credential_viewed", "guest")
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
});"""
FULL_STORAGE = """Storage.prototype.setItem = () => {
  throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
};"""


def test_a_visit_with_the_flag_is_the_recipients(site, person):
    shown = site.add_credential()
    page = person.new_page()
    page.goto(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED_BY_RECIPIENT)
    assert page.url == shown.address


def test_a_visit_without_the_flag_is_a_guests(site, person):
    shown = site.add_credential()
    person.new_page().goto(shown.address)
    site.expect(shown, VIEWED_BY_GUEST)


def test_the_older_flag_means_the_same(site, visit):
    shown = site.add_credential()
    page = visit(f"{shown.address}?isRecipient=true")
    site.expect(shown, VIEWED_BY_RECIPIENT)
    assert page.url == shown.address


def test_the_browser_remembers_until_its_storage_is_cleared(site, visit):
    shown = site.add_credential()
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED_BY_RECIPIENT)
    visit(shown.address, page)
    site.expect(shown, VIEWED_BY_RECIPIENT, VIEWED_BY_RECIPIENT)
    page.evaluate("localStorage.clear()")
    visit(shown.address, page)
    site.expect(shown, VIEWED_BY_RECIPIENT, VIEWED_BY_RECIPIENT, VIEWED_BY_GUEST)


def test_clearing_the_storage_ends_it_in_an_open_page_too(site, visit):
    shown = site.add_credential()
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED_BY_RECIPIENT)
    page.evaluate("localStorage.clear()")
    page.get_by_role("link", name="Verify").click()
    site.expect(shown, VIEWED_BY_RECIPIENT, ("credential_verified", "guest"))


def test_the_recipient_of_one_credential_is_a_guest_on_anothers_page(site, visit):
    mine, anothers = site.add_credential(), site.add_credential("Cleo Åkesson")
    visit(f"{mine.address}?recipient=true")
    site.expect(mine, VIEWED_BY_RECIPIENT)
    visit(anothers.address)
    site.expect(anothers, VIEWED_BY_GUEST)


def test_another_browser_is_a_guest(site, visit, chromium):
    shown = site.add_credential()
    visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED_BY_RECIPIENT)
    with chromium.new_context(user_agent=PERSON) as other:
        other.new_page().goto(shown.address)
        site.expect(shown, VIEWED_BY_RECIPIENT, VIEWED_BY_GUEST)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("?utm_source=mail&recipient=true#facts", "?utm_source=mail#facts"),
        ("?recipient=true&a=1%20%2B&b&c=#x?recipient=true", "?a=1%20%2B&b&c=#x?recipient=true"),
        ("?isRecipient=true&recipient=true", ""),
        ("?myrecipient=true&recipient=true&recipients=true", "?myrecipient=true&recipients=true"),
        ("#recipient=true", "#recipient=true"),
    ],
)
def test_only_the_flag_is_taken_out_of_the_address(site, visit, given, left):
    shown = site.add_credential()
    page = visit(shown.address + given)
    assert page.url == shown.address + left


@pytest.mark.parametrize("query", ["?recipient=false", "?recipient=", "?recipient", "?recipient=TRUE"])
def test_another_value_makes_nobody_the_recipient(site, visit, query):
    shown = site.add_credential()
    page = visit(shown.address + query)
    site.expect(shown, VIEWED_BY_GUEST)
    assert page.url == shown.address


@pytest.mark.parametrize("script", [NO_STORAGE, FULL_STORAGE])
def test_without_storage_the_flag_holds_as_long_as_the_page_is_open(site, person, visit, script):
    shown = site.add_credential()
    person.add_init_script(script)
    page = visit(f"{shown.address}?recipient=true")
    site.expect(shown, VIEWED_BY_RECIPIENT)
    assert page.url == shown.address
    page.get_by_role("link", name="Verify").click()
    site.expect(shown, VIEWED_BY_RECIPIENT, ("credential_verified", "recipient"))
    visit(shown.address, page)
    site.expect(shown, VIEWED_BY_RECIPIENT, ("credential_verified", "recipient"), VIEWED_BY_GUEST)
