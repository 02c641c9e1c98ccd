"""What the pages never do, and what they do without JavaScript; machines that say what they are."""

from io import BytesIO

import pikepdf
import pypdfium2
import pytest
from playwright.sync_api import expect

from chromium import PERSON, launch

pytestmark = pytest.mark.browser


def test_nothing_leaves_the_server_and_no_cookie_is_set(site, person):
    shown = site.add_credential()
    asked, complaints = [], []
    person.on("request", lambda request: asked.append(request.url))
    person.on("console", lambda message: complaints.append(message.text))
    page = person.new_page()
    for path in (f"{shown.address}?recipient=true", f"{site.url}/", f"{site.url}/docs"):
        page.goto(path, wait_until="networkidle")
    page.goto(shown.address)
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_role("heading", name="Verification")).to_be_visible()
    assert {url for url in asked if not url.startswith((f"{site.url}/", "data:"))} == set()
    assert person.cookies() == []
    assert complaints == []  # the content security policy is kept to


def test_the_browser_keeps_one_word_and_only_the_recipients(site, person):
    shown = site.add_credential()
    page = person.new_page()
    page.goto(shown.address)
    assert page.evaluate("({...localStorage})") == {}
    page.goto(f"{shown.address}?recipient=true")
    assert page.evaluate("({...localStorage})") == {f"credtrail:recipient:{shown.public_id}": "true"}
    assert page.evaluate("sessionStorage.length") == 0


def test_without_javascript_the_page_reads_shares_and_verifies(site, chromium):
    shown = site.add_credential("فاطمة الزهراء")
    with chromium.new_context(java_script_enabled=False, user_agent=PERSON) as context:
        read_without_javascript(context.new_page(), shown)


def read_without_javascript(page, shown):
    page.goto(shown.address)
    expect(page.get_by_role("heading", name="Botany")).to_be_visible()
    expect(page.get_by_text("فاطمة الزهراء")).to_be_visible()
    expect(page.get_by_text("Valid, without an expiry date")).to_be_visible()
    expect(page.get_by_role("link", name="Share on LinkedIn")).to_be_visible()
    expect(page.get_by_role("button", name="Copy link")).to_be_hidden()
    page.get_by_role("link", name="Verify").click()
    assert page.url == f"{shown.address}/verification"
    expect(page.get_by_text("On record and valid")).to_be_visible()
    page.get_by_role("link", name="Back to the credential").click()
    assert page.url == shown.address


def test_a_headless_browser_is_set_aside_as_a_robot(site, playwright):
    shown = site.add_credential()
    with launch(playwright, as_person=False) as browser:
        browser.new_page().goto(shown.address)
        site.expect_set_aside(shown, ("credential_viewed", "robot"))


def test_a_driven_browser_is_set_aside_as_automation(site, playwright):
    shown = site.add_credential()
    with launch(playwright, as_person=False) as browser:
        browser.new_page(user_agent=PERSON).goto(shown.address)
        site.expect_set_aside(shown, ("credential_viewed", "automation"))


def test_every_page_fits_the_smallest_screen(site, chromium):
    names = ("Robin Ñandú", "x" * 255, "فاطمة الزهراء بنت عبد الرحمن", "歐陽美玲" * 20)
    addresses = [site.add_credential(name).address for name in names]
    addresses += [f"{address}/verification" for address in addresses]
    with chromium.new_context(viewport={"width": 320, "height": 640}) as context:
        page = context.new_page()
        for address in (*addresses, site.url, f"{site.url}/nothing"):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_the_reference_draws_the_api(site, person):
    page = person.new_page()
    page.goto(f"{site.url}/docs")
    expect(page.get_by_role("heading", name="Credtrail API")).to_be_visible()
    expect(page.locator(".opblock-summary", has_text="/credential-interactions").first).to_be_visible()


def test_the_reference_is_dark_where_the_reader_is_and_fits_a_phone(site, person):
    page = person.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{site.url}/docs")
    page.locator(".opblock-summary").first.click()
    expect(page.locator(".opblock-body .responses-table").first).to_be_visible()
    page.wait_for_function("document.documentElement.scrollWidth === innerWidth")
    drawn = page.locator(".swagger-ui").first
    expect(drawn).to_have_css("background-color", "rgb(28, 32, 34)")
    page.emulate_media(color_scheme="light")
    expect(drawn).not_to_have_css("background-color", "rgb(28, 32, 34)")


def test_it_prints_on_one_page_with_its_address_and_qr_code(site, visit):
    names = ("Robin Ñandú", "Maximiliane Alexandra von und zu Hohenberg-Wittelsbach " * 4)
    for shown in [site.add_credential(name, expiryDate="2099-12-31") for name in names]:
        page = visit(shown.address)
        for paper in ("A4", "Letter"):
            printed = BytesIO(page.pdf(format=paper, print_background=False))
            with pikepdf.open(printed) as document:
                assert len(document.pages) == 1
            text = pypdfium2.PdfDocument(printed)[0].get_textpage().get_text_bounded()
            assert shown.address.split("://")[1] in text.replace("\r\n", "").replace("\n", "")
