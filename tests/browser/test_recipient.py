"""The verified owner: a code that is typed, what the device keeps of it, and what its holder alone sees and decides."""

import re
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from browser.conftest import aside
from browser.test_accessible import assert_accessible, assert_fits_everybody
from browser.test_actor import FULL_STORAGE, NO_STORAGE
from browser.test_privacy import REFUSALS
from chromium import PERSON
from conftest import in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import save_profile
from credtrail.interactions.log_sql import interactions
from credtrail.mail.notice_store import notices
from credtrail.recipients.store import recipient_codes
from credtrail.values import now

# What is seen here doesn't depend on the database; tests/recipients holds the rules on both.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]

ROBIN = "robin@learner.example"
NOTHING = "There is nothing at this address"


@pytest.fixture
def set_profile(site):
    """Sets the workspace's profile for one test."""

    def set_to(**changes):
        profile = IssuerProfile(**changes)
        aside(
            in_transaction,
            site.settings,
            lambda transaction: save_profile(transaction, site.cast.workspace_id, profile),
        )

    yield set_to
    set_to()


@pytest.fixture
def robins(site):
    """A credential whose recipient has an address."""
    return site.add_credential(recipient={"name": "Robin Ñandú", "email": ROBIN})


def latest_code(site):
    """The digits in the latest mail that waits; it waits no more."""

    def act(transaction):
        run = transaction.connection.execute
        body = run(select(notices.c.body).where(notices.c.address == ROBIN).order_by(notices.c.id.desc()))
        code = re.search(r"^\d{6}$", body.scalars().first(), re.M)[0]
        run(notices.delete())
        return code

    return aside(in_transaction, site.settings, act)


def certainties(site, shown):
    """How sure we are of who did what, in order."""
    table = interactions
    query = select(table.c.event_type, table.c.certainty).where(table.c.credential_id == shown.id)

    def ask(transaction):
        return [tuple(row) for row in transaction.connection.execute(query.order_by(table.c.id))]

    return aside(in_transaction, site.settings, ask)


def ask_for_code(page, email=ROBIN):
    """On any page of the credential, from offer to code field."""
    page.get_by_role("button", name=re.compile("This is my( own)? credential")).click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_label("Six-digit code")).to_be_focused()


def prove(site, page, *, remember=True):
    """The whole way."""
    ask_for_code(page)
    page.get_by_label("Six-digit code").fill(latest_code(site))
    box = page.get_by_label("Remember me on this device for 30 days")
    if remember and box.is_visible():
        box.check()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your credential")).to_be_focused()


@contextmanager
def another(chromium, **options):
    """Another device, or a private window."""
    with chromium.new_context(user_agent=PERSON, **options) as context:
        yield context.new_page()


def choose(page, name):
    """Another privacy, by the page."""
    fold = page.locator("details[data-keep=privacy]")
    if fold.get_attribute("open") is None:
        fold.locator("summary").click()
    page.get_by_role("radio", name=name).check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#own-message")).to_have_text("Saved.")


def test_a_typed_code_makes_this_device_the_recipients(site, visit, robins):
    page = visit(robins.address)
    prove(site, page)
    page.get_by_role("link", name="Verify").click()
    page.get_by_role("heading", name="Verification").wait_for()
    site.expect(robins, ("credential_viewed", "guest"), ("credential_verified", "recipient"))
    visit(robins.address, page)
    expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
    site.expect(
        robins,
        ("credential_viewed", "guest"),
        ("credential_verified", "recipient"),
        ("credential_viewed", "recipient"),
    )
    assert [certainty for _, certainty in certainties(site, robins)] == ["page", "verified", "verified"]
    assert page.context.cookies() == []
    assert page.evaluate("Object.keys(localStorage)") == [f"credtrail:proof:{robins.public_id}"]


def test_wrong_codes_then_too_many_then_a_new_one(site, person, robins):
    page = person.new_page()
    page.goto(robins.address)
    ask_for_code(page)
    code = latest_code(site)
    wrong = "000000" if code != "000000" else "111111"
    for left in (4, 3, 2, 1, 0):
        page.get_by_label("Six-digit code").fill(wrong)
        page.get_by_role("button", name="Confirm").click()
        told = "That is not the code" if left else "Too many tries"
        expect(page.get_by_role("alert")).to_contain_text(told)
        if left:
            expect(page.get_by_label("Six-digit code")).to_be_focused()
    page.get_by_role("button", name="Send me a code").click()
    field = page.get_by_label("Six-digit code")
    expect(field).to_be_focused()
    code = latest_code(site)
    page.evaluate(  # as it is pasted from a mail, with what stands around it
        "code => { const data = new DataTransfer(); data.setData('text/plain', code);"
        "document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));"
        "document.execCommand('insertText', false, code); }",
        f" {code[:3]} {code[3:]}\n",
    )
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
    assert field.count() == 0


def test_an_expired_code_says_so(site, person, robins):
    page = person.new_page()
    page.goto(robins.address)
    ask_for_code(page)
    code = latest_code(site)
    older = update(recipient_codes).values(expires_at=now() - 1)
    aside(in_transaction, site.settings, lambda transaction: transaction.connection.execute(older))
    page.get_by_label("Six-digit code").fill(code)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("This code is no longer good")
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_another_address_is_answered_alike_and_gets_nothing(site, person, robins):
    page = person.new_page()
    page.goto(robins.address)
    ask_for_code(page, "ben@elsewhere.example")
    page.get_by_label("Six-digit code").fill("123456")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not the code")


def test_a_private_page_is_for_its_recipient_on_each_device(site, person, chromium, robins):
    page = person.new_page()
    page.goto(robins.address)
    prove(site, page)
    choose(page, "Only me")
    expect(page.get_by_text("This page is private: nobody but you can see it.")).to_be_visible()
    picture = page.locator(".picture img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    assert download.value.path().read_bytes()[:5] == b"%PDF-"
    page.reload()
    expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
    with page.expect_response("**/interactions") as reported:
        page.get_by_role("link", name="Verify").click()
    assert reported.value.status == 204
    page.get_by_role("heading", name="Verification").wait_for()
    page.goto(f"{robins.address}/verification")
    expect(page.get_by_role("heading", name="Verification", exact=True)).to_be_visible()
    with another(chromium) as second:
        second.goto(robins.address)
        expect(second.get_by_role("heading", name=NOTHING)).to_be_visible()
        prove(site, second)
        expect(second.get_by_text("2 devices are known as yours.")).to_have_count(1)
        second.get_by_text("This device", exact=True).click()
        second.get_by_role("button", name="Sign out on all devices").click()
        expect(second.get_by_role("heading", name=NOTHING)).to_be_visible()
        assert second.evaluate("localStorage.length + sessionStorage.length") == 0
    page.goto(robins.address)
    expect(page.get_by_role("heading", name=NOTHING)).to_be_visible()
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("script", [NO_STORAGE, FULL_STORAGE, *REFUSALS.values()])
def test_where_nothing_may_be_kept_it_holds_as_long_as_the_page_is_open(
    site, chromium, set_profile, robins, script
):
    with another(chromium) as page:
        page.add_init_script(script)
        page.goto(robins.address)
        prove(site, page)
        page.get_by_role("link", name="Verify").click()
        page.get_by_role("heading", name="Verification").wait_for()
        assert ("credential_verified", "verified") in certainties(site, robins)
        if script in REFUSALS.values():
            assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        page.reload()
        expect(page.get_by_role("button", name="This is my own credential")).to_be_visible()


def test_unremembered_it_ends_with_the_tab(site, chromium, set_profile, robins):
    with another(chromium) as page:
        page.goto(robins.address)
        prove(site, page, remember=False)
        assert page.evaluate("localStorage.length") == 0
        page.reload()
        expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
        other = page.context.new_page()
        other.goto(robins.address)
        expect(other.get_by_role("button", name="This is my own credential")).to_be_visible()


def test_cookieless_keeps_nothing_and_says_so(site, chromium, set_profile, robins):
    set_profile(privacy_mode="cookieless")
    with another(chromium) as page:
        page.goto(robins.address)
        ask_for_code(page)
        expect(page.get_by_text("Nothing is kept on this device")).to_be_visible()
        page.get_by_label("Six-digit code").fill(latest_code(site))
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_what_is_for_the_recipient_alone_is_shown_to_nobody_else(site, person, chromium, set_profile, robins):
    set_profile(sharing="recipient", downloading="recipient")
    page = person.new_page()
    page.goto(robins.address)
    for hidden in ("PDF", "LinkedIn"):
        expect(page.get_by_role("link", name=hidden)).to_have_count(0)
    expect(page.get_by_role("heading", name="Share")).to_have_count(0)
    expect(page.get_by_text("Sharing or downloading it is for its recipient alone.")).to_be_visible()
    prove(site, page)
    expect(page.get_by_role("link", name="LinkedIn").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    assert download.value.path().read_bytes()[:5] == b"%PDF-"


def test_a_limited_link_shows_the_page_until_privacy_is_switched(site, person, chromium, robins):
    page = person.new_page()
    page.goto(robins.address)
    prove(site, page)
    choose(page, "Whoever has a link that ends")
    link = page.locator("main").get_attribute("data-address")
    assert link.startswith(f"{robins.address}?access=")
    with another(chromium) as guest:
        guest.goto(robins.address)
        expect(guest.get_by_role("heading", name=NOTHING)).to_be_visible()
        guest.goto(link)
        expect(guest.get_by_text("You see this page by a link that ends on")).to_be_visible()
        assert guest.locator(".picture img").evaluate("image => image.decode().then(() => true)")
        with guest.expect_response("**/interactions") as reported:
            guest.get_by_role("link", name="Verify").click()
        assert reported.value.status == 204
        guest.get_by_role("heading", name="Verification").wait_for()
        choose(page, "Whoever has a link that ends")
        assert page.locator("main").get_attribute("data-address") != link
        guest.goto(link)
        expect(guest.get_by_role("heading", name=NOTHING)).to_be_visible()
        choose(page, "Whoever has its address")
        guest.goto(link)  # the key is good for nothing, but now none is needed
        expect(guest.get_by_role("heading", name="Botany")).to_be_visible()


def test_offline_and_back(site, person, chromium, robins):
    page = person.new_page()
    page.goto(robins.address)
    prove(site, page)
    page.get_by_text("Take this page offline").click()
    page.get_by_role("button", name="Take it offline").click()
    expect(page.get_by_role("heading", name="Your page is offline")).to_be_visible()
    with another(chromium) as guest:
        guest.goto(robins.address)
        expect(guest.get_by_role("heading", name=NOTHING)).to_be_visible()
        page.reload()
        page.get_by_role("button", name="Put it back online").click()
        expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
        with page.expect_response("**/interactions") as reported:
            page.get_by_role("link", name="Verify").click()
        assert reported.value.status == 204
        guest.goto(robins.address)
        expect(guest.get_by_role("heading", name="Botany")).to_be_visible()


def test_a_name_is_asked_for_withdrawn_and_corrected_at_once_where_allowed(
    site, person, chromium, set_profile, robins
):
    page = person.new_page()
    page.goto(robins.address)
    prove(site, page)

    def correct(name, button):
        if page.locator("details[data-keep=name]").get_attribute("open") is None:
            page.get_by_text("Correct my name").click()
        page.get_by_label("My name should read").fill(name)
        page.get_by_role("button", name=button).click()

    correct("Robin Müller", "Ask the issuer")
    expect(page.locator("#own-message")).to_have_text("The issuer was asked to correct your name.")
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_role("button", name="Withdraw it")).to_have_count(0)
    set_profile(name_changes="at_once")
    page.reload()
    before = page.locator(".picture img").get_attribute("src")
    correct("Robin Müller", "Correct it")
    expect(page.locator(".recipient")).to_contain_text("Robin Müller")
    expect(page.locator("#own-message")).to_have_text("Your name is corrected.")
    assert page.locator(".picture img").get_attribute("src") != before


def test_what_the_recipient_sees_is_accessible(site, chromium, robins):
    with another(chromium) as page:
        page.goto(f"{robins.address}?lang=ar")
        page.locator("[data-prove-open]").last.click()
        page.get_by_label("عنوان البريد الإلكتروني").fill(ROBIN)
        assert_accessible(page)
        page.locator("[data-ask] button").click()
        expect(page.locator("#prove-code")).to_be_focused()
        assert_fits_everybody(page)
        page.locator("#prove-code").fill(latest_code(site))
        page.locator("[data-type] button.first").click()
        expect(page.locator("#own-title")).to_be_focused()
        page.goto(robins.address)
        choose(page, "Whoever has a link that ends")
        page.get_by_text("Correct my name").click()
        page.get_by_label("My name should read").fill("Robin Müller " * 18)
        page.get_by_role("button", name="Ask the issuer").click()
        expect(page.get_by_role("button", name="Withdraw it")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Your credential")).to_be_visible()
        assert_fits_everybody(page)
        page.locator("[data-own-offline]").click()
        expect(page.get_by_role("heading", name="Your page is offline")).to_be_visible()
        assert_fits_everybody(page)
        page.context.clear_cookies()
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.reload()
        page.get_by_role("button", name="This is my own credential").click()
        assert_fits_everybody(page)
