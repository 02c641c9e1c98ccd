"""What people do on a credential's page: copy its link, share it, verify it."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

VIEWED = ("credential_viewed", "guest")
COPIED = ("credential_link_copied", "guest")
SHARED = ("credential_shared_to_linkedin", "guest")
VERIFIED = ("credential_verified", "guest")


@pytest.fixture
def shown(site):
    """A credential of this test alone."""
    return site.add_credential("Robin Ñandú", expiryDate="2099-12-31")


@pytest.fixture
def page(site, shown, visit):
    """Its page, viewed."""
    page = visit(f"{shown.address}?utm_source=mail")
    site.expect(shown, VIEWED)
    return page


def test_copying_the_link_counts_and_copies_the_bare_address(site, shown, page, person):
    person.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_have_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == shown.address
    site.expect(shown, VIEWED, COPIED)


def test_without_a_clipboard_object_the_link_is_copied_all_the_same(site, shown, page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate("document.addEventListener('copy', () => { window.copied = String(getSelection()); })")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_have_text("Link copied.")
    assert page.evaluate("window.copied") == shown.address
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()
    site.expect(shown, VIEWED, COPIED)


def test_a_copy_that_fails_counts_nothing_and_shows_the_link(site, shown, page):
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'));"
        "document.execCommand = () => false; }"
    )
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_contain_text(shown.address)
    page.get_by_role("link", name="Verify", exact=True).click()
    site.expect(shown, VIEWED, VERIFIED)


def test_sharing_opens_linkedin_with_the_bare_address_and_counts(site, shown, page, person):
    with person.expect_page() as opened:
        page.get_by_role("link", name="Share on LinkedIn").click()
    site.expect(shown, VIEWED, SHARED)
    encoded = shown.address.replace(":", "%3A").replace("/", "%2F")
    assert opened.value.url == f"https://www.linkedin.com/sharing/share-offsite/?url={encoded}"


def test_a_click_that_leaves_the_page_at_once_still_counts(site, shown, page):
    link = page.get_by_role("link", name="Share on LinkedIn")
    link.evaluate("link => link.removeAttribute('target')")
    link.click()
    page.wait_for_url("https://www.linkedin.com/**")
    site.expect(shown, VIEWED, SHARED)


def test_the_middle_button_counts_like_a_click(site, shown, page, person):
    with person.expect_page():
        page.get_by_role("link", name="Share on LinkedIn").click(button="middle")
    site.expect(shown, VIEWED, SHARED)


def test_verifying_shows_the_result_item_by_item_and_counts_once_for_each_click(site, shown, page):
    region = page.locator("#verification")
    assert region.get_attribute("aria-live") == "polite"
    page.get_by_role("link", name="Verify", exact=True).click()
    expect(region.get_by_role("heading", name="Verification")).to_be_visible()
    site.expect(shown, VIEWED, VERIFIED)
    said = region.inner_text()
    for words in (
        "Issued by Open Meadow Academy on this server",
        "Issued to Robin Ñandú for Botany",
        "Valid up to and including 31 December 2099",
        "Issued, and in force",
        "nothing in it has changed since the issuer’s key signed it",
        "rely on nobody’s word",
    ):
        assert words in said
    assert re.search(r"Checked on \d{1,2} \w+ 20\d\d(,| at) \d\d:\d\d:\d\d UTC", said)
    assert page.url.startswith(shown.address)
    page.get_by_role("link", name="Verify", exact=True).click()
    site.expect(shown, VIEWED, VERIFIED, VERIFIED)


def test_a_second_click_while_a_check_is_under_way_is_the_same_check(site, shown, page):
    held = []
    page.route("**/verification", lambda route: held.append(route))
    page.get_by_role("link", name="Verify", exact=True).click()
    page.get_by_role("link", name="Verify", exact=True).click()
    held[0].continue_()
    expect(page.locator("#verification").get_by_role("heading")).not_to_have_count(0)
    page.unroute("**/verification")
    page.get_by_role("link", name="Verify", exact=True).click()
    site.expect(shown, VIEWED, VERIFIED, VERIFIED)


def test_a_check_that_fails_says_so(page):
    page.route("**/verification", lambda route: route.abort())
    page.get_by_role("link", name="Verify", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("did not work")


def test_everything_can_be_reached_and_done_by_keyboard(site, shown, page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Verify", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#verification").get_by_role("heading", name="Verification")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Add to LinkedIn profile")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_have_text("Link copied.")
    site.expect(shown, VIEWED, VERIFIED, COPIED)
