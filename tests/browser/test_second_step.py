"""An authenticator app in a real browser: added, lost, replaced by a recovery code, removed; each page fits everybody."""

import pyotp
import pytest
from playwright.sync_api import expect

from browser.conftest import PASSWORD, let_in
from browser.test_accessible import assert_fits_everybody
from chromium import PERSON

pytestmark = pytest.mark.browser


def test_an_authenticator_app_is_added_lost_and_removed(site, ada_id, chromium):
    account = f"{site.url}/dashboard/account"
    with chromium.new_context(user_agent=PERSON) as context:
        let_in(context, site)
        page = context.new_page()
        page.goto(f"{account}/authenticator")
        secret = page.locator("details code").text_content().replace(" ", "")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Add it").click()
        expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
        assert_fits_everybody(page)
        [code, *others] = page.locator("#codes").inner_text().split()
        assert len(others) == 9
        page.get_by_role("link", name="I have kept them").click()
        expect(page.get_by_text("10 recovery codes are left")).to_be_visible()
        assert_fits_everybody(page)

        context.clear_cookies()
        page.goto(account)
        page.get_by_label("E-mail address").fill("ada@meadow.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_text("The phone is lost?").click()
        page.get_by_label("Recovery code").fill("aaaa-aaaa-aaaa-aaaa")
        page.get_by_role("button", name="Sign in with it").click()
        expect(page.get_by_text("Is not one that is left")).to_be_visible()
        assert page.get_by_label("Recovery code").is_visible(), "still open"
        page.get_by_label("Recovery code").fill(code)
        page.get_by_role("button", name="Sign in with it").click()
        expect(page.get_by_text("9 recovery codes are left")).to_be_visible()

        page.get_by_role("button", name="Remove the app").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Your password").fill(PASSWORD)
        dialog.get_by_role("button", name="Remove it").click()
        expect(page.get_by_role("status").first).to_contain_text("Signing in takes no code any more")
