"""All thirteen interactions of the wire, from real clicks, as recipient and as guest; and what has no type there."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from browser.conftest import ON_BOTH, aside
from conftest import in_transaction
from credtrail.interactions.counts import WHOLE, page_action_counts
from credtrail.values import EVENT_TYPES

pytestmark = pytest.mark.browser

PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 412, "height": 915}}
SHARED = {
    "LinkedIn": ("credential_shared_to_linkedin", "www.linkedin.com", "url"),
    "Facebook": ("credential_shared_to_facebook", "www.facebook.com", "u"),
    "X (Twitter)": ("credential_shared_to_twitter", "twitter.com", "url"),
    "WhatsApp": ("credential_shared_to_whatsapp", "wa.me", "text"),
    "Pinterest": ("credential_shared_to_pinterest", "www.pinterest.com", "url"),
    "Telegram": ("credential_shared_to_telegram", "t.me", "url"),
    "Weibo": ("credential_shared_to_weibo", "service.weibo.com", "url"),
}
MORE = {"Bluesky": "shared_to_bluesky", "Threads": "shared_to_threads", "Reddit": "shared_to_reddit"}


@pytest.fixture
def phone(chromium, person):
    """Somebody with a telephone, where Messenger's app can be."""
    from browser.conftest import ANOTHER_SITE
    from chromium import PERSON

    with chromium.new_context(user_agent=PERSON, accept_downloads=True, **PHONE) as context:
        context.route(ANOTHER_SITE, lambda route: route.fulfill(body="another site"))
        yield context


@ON_BOTH
@pytest.mark.parametrize("actor", ["recipient", "guest"])
def test_each_of_the_thirteen_is_recorded_once_with_its_type_and_actor(site, phone, actor):
    shown = site.add_credential("Robin Ñandú", expiryDate="2099-12-31")
    phone.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page = phone.new_page()
    page.goto(shown.address + ("?recipient=true" if actor == "recipient" else ""))
    expected = ["credential_viewed"]
    site.expect(shown, *((one, actor) for one in expected))

    def done(event_type):
        expected.append(event_type)
        site.expect(shown, *((one, actor) for one in expected))

    for name, (event_type, host, parameter) in SHARED.items():
        with phone.expect_page() as opened:
            page.get_by_role("link", name=f"Share on {name} (opens").click()
        address = urlsplit(opened.value.url)
        assert address.netloc == host
        assert shown.address in parse_qs(address.query)[parameter][0]
        assert "recipient" not in opened.value.url
        opened.value.close()
        done(event_type)
    page.get_by_role("link", name="Share on Messenger").click()
    done("credential_shared_to_messenger")
    with phone.expect_page() as opened:
        page.get_by_role("link", name="Add to LinkedIn profile").click()
    form = parse_qs(urlsplit(opened.value.url).query)
    assert form == {
        "startTask": ["CERTIFICATION_NAME"],
        "name": ["Botany"],
        "organizationName": ["Open Meadow Academy"],
        "issueYear": form["issueYear"],
        "issueMonth": form["issueMonth"],
        "expirationYear": ["2099"],
        "expirationMonth": ["12"],
        "certUrl": [shown.address],
        "certId": [shown.public_id],
    }
    done("credential_added_to_linkedin_profile")
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    done("credential_downloaded")
    page.get_by_role("button", name="Copy link").click()
    done("credential_link_copied")
    assert page.evaluate("navigator.clipboard.readText()") == shown.address
    page.get_by_role("link", name="Verify").click()
    expect(page.locator("#verification").get_by_role("heading", name="Verification")).to_be_visible()
    done("credential_verified")
    assert set(expected) == set(EVENT_TYPES)
    assert len(expected) == 13


@pytest.mark.parametrize("name", SHARED)
def test_a_share_that_takes_the_page_away_at_once_still_counts(site, phone, name):
    shown = site.add_credential()
    page = phone.new_page()
    page.goto(shown.address)
    site.expect(shown, ("credential_viewed", "guest"))
    link = page.get_by_role("link", name=f"Share on {name} (opens")
    link.evaluate("link => link.removeAttribute('target')")
    link.click()
    page.wait_for_url(re.compile(r"https://(?!127)"))
    site.expect(shown, ("credential_viewed", "guest"), (SHARED[name][0], "guest"))


def test_what_the_wire_has_no_name_for_is_counted_and_never_listed(site, phone):
    shown = site.add_credential()
    before = actions_of(site)
    page = phone.new_page()
    page.goto(shown.address)
    site.expect(shown, ("credential_viewed", "guest"))
    for name in MORE:
        with phone.expect_page() as opened:
            page.get_by_role("link", name=f"Share on {name} (opens").click()
        opened.value.close()
    page.get_by_text("QR code").click()
    expect(page.get_by_alt_text("QR code of the address of this page")).to_be_visible()
    page.get_by_text("Embed in a website").click()
    page.get_by_role("button", name="Copy code").click()
    page.get_by_role(
        "link", name="Verify"
    ).click()  # the last, so that all before has arrived when it is listed
    site.expect(shown, ("credential_viewed", "guest"), ("credential_verified", "guest"))
    after = actions_of(site)
    found = {kind: count - before.get(kind, 0) for kind, count in after.items() if count != before.get(kind)}
    assert found == {**dict.fromkeys(MORE.values(), 1), "qr_code_shown": 1, "embed_code_copied": 1}


def actions_of(site):
    """How often each further action was counted, over all that the site has seen."""

    def ask(transaction):
        table = page_action_counts.c
        query = select(table.action, table.count).where(table.group_id != WHOLE)
        rows = transaction.connection.execute(query).all()
        return {action: sum(count for name, count in rows if name == action) for action, _ in rows}

    return aside(in_transaction, site.settings, ask)


def test_messenger_is_not_offered_where_it_cannot_work(site, visit):
    page = visit(site.add_credential().address)
    expect(page.get_by_role("link", name="Share on Messenger")).to_have_count(0)
    expect(page.get_by_role("link", name="Share on Facebook")).to_have_count(1)
