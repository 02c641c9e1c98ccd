"""Somebody verifies a credential: by its address, by a file dropped on the page, on a phone, without JavaScript."""

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from browser.test_accessible import assert_accessible, assert_fits_everybody
from chromium import PERSON
from conftest import SECRET_KEY
from credtrail.pages.token import PageTokens
from credtrail.pages.verify import PAGE
from credtrail.values import now

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]

DROP = """async ([content, name]) => {
  const given = new DataTransfer();
  given.items.add(new File([new Uint8Array(content)], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
}"""


def open_page(site, person, path="/verify"):
    """The page, as if it had been opened some seconds ago."""
    page = person.new_page()
    page.goto(site.url + path)
    token = PageTokens(SECRET_KEY).make(PAGE, now() - 5_000)
    page.evaluate("token => { document.querySelector('[name=token]').value = token; }", token)
    return page


def test_each_run_counts_for_whom_the_browser_knows(site, person):
    shown = site.add_credential("Robin Ñandú")
    page = open_page(site, person, f"/verify?credential={shown.public_id}")
    answer = page.locator("#answer")
    expect(page.get_by_label("Or text or address")).to_have_value(shown.public_id)
    expect(answer).to_be_empty()
    page.get_by_label("E-mail address or name").fill("robin ñandú")
    page.get_by_role("button", name="Verify").click()
    expect(answer.get_by_role("heading", name="Recipient: does not hold")).to_be_visible()
    expect(answer.locator(":focus")).to_have_text("Verification: Not this recipient’s")
    page.get_by_label("E-mail address or name").fill("Robin Ñandú")
    page.get_by_role("button", name="Verify").click()
    expect(answer).to_contain_text("Genuine and in force")
    site.expect(shown, ("credential_verified", "guest"))
    page.evaluate(f"localStorage.setItem('credtrail:recipient:{shown.public_id}', 'true')")
    content = httpx.get(f"{shown.address}.png").content
    page.evaluate(DROP, [list(content), "credential.png"])
    site.expect(shown, ("credential_verified", "guest"), ("credential_verified", "recipient"))
    expect(page.get_by_label("Or text or address")).to_have_value("")
    page.evaluate(DROP, [list(content.replace(b"Botany", b"Botanx")), "credential.png"])
    expect(answer).to_contain_text("Not genuine")
    assert site.interactions(shown)[2:] == []


def test_every_state_is_accessible_on_phones_and_screens(site, person):
    shown = site.add_credential(
        "فاطمة الزهراء بنت عبد الرحمن " * 4, issueDate="2020-01-01", expiryDate="2020-06-30"
    )
    page = open_page(site, person)
    assert_fits_everybody(page)
    for given, words in ((shown.address, "Genuine, but expired"), ("hello", "neither whole JSON")):
        page.get_by_label("Or text or address").fill(given)
        page.get_by_role("button", name="Verify").click()
        expect(page.locator("#answer")).to_contain_text(words)
        assert_fits_everybody(page)
    page.goto(f"{site.url}/verify?lang=ar&credential={shown.public_id}")
    page.locator("form.verify button").click()
    expect(page.locator("#answer h3")).not_to_have_count(0)
    assert_accessible(page)


def test_without_javascript_the_form_is_answered_by_a_page(site, chromium):
    shown = site.add_credential("Robin")
    with chromium.new_context(user_agent=PERSON, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site.url}/verify")
        content = httpx.get(f"{shown.address}.jwt").content
        page.get_by_label("File").set_input_files(
            {"name": "c.jwt", "mimeType": "text/plain", "buffer": content}
        )
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_role("heading", name="Verification: Genuine and in force")).to_be_attached()
        page.get_by_role("link", name=shown.address).click()
        assert page.url == shown.address
    assert site.interactions(shown) == []
