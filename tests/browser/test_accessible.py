"""WCAG 2.2 AA by axe-core: every page in every state, language and theme; and what a page may weigh."""

import pytest
from axe_playwright_python.base import AxeBase, AxeResults
from playwright.sync_api import expect

from browser.conftest import aside
from chromium import PERSON
from conftest import THOROUGH, in_transaction
from credtrail.accounts.store import save_profile
from credtrail.credentials.store import revoke_credential

# What is seen here doesn't depend on the database.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]

LANGUAGES = ("en", "de", "fr", "es", "pt", "pl", "ar", "zh", "ja")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # the others are not told in full: many times faster
}
SEEN = {
    **RULES,
    "runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]},
}


class Axe(AxeBase):
    """The library's, brought to each page once, and telling no more than what is wrong: twice as fast."""

    def run(self, page, options):
        """What violates the rules."""
        if not page.evaluate("'axe' in window"):
            page.evaluate(self.axe_script)
        violations = page.evaluate("wanted => axe.run(wanted).then((found) => found.violations)", options)
        return AxeResults({"violations": violations})


AXE = Axe()


def assert_accessible(page, rules=RULES):
    found = AXE.run(page, options=rules)
    assert found.violations_count == 0, found.generate_report()


def assert_fits_everybody(page):
    """By every rule on a phone in light; on a desktop in dark, by the rules that ask for sizes and colours (in
    `make fuzz` also the other way about)."""
    for summary in page.locator("main summary").all():
        summary.click()
    others = ((360, "dark"), (1280, "light")) if THOROUGH else ()
    for width, scheme in ((360, "light"), (1280, "dark"), *others):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, width)
        rules = RULES if (width, scheme) == (360, "light") else SEEN
        found = AXE.run(page, options=rules)
        assert found.violations_count == 0, (page.url, width, scheme, found.generate_report())


@pytest.fixture(scope="module")
def states(site):
    """The address of a page in each state."""
    valid = site.add_credential("Amélie Østergård", expiryDate="2099-12-31")
    expired = site.add_credential("Li", issueDate="2020-01-01", expiryDate="2020-06-30")
    revoked = site.add_credential("Søren Kjærgaard")
    long = site.add_credential("Maximiliane Alexandra von und zu Hohenberg-Wittelsbach " * 4)
    arabic = site.add_credential("فاطمة الزهراء بنت عبد الرحمن")

    def revoke(transaction):
        assert revoke_credential(transaction, site.cast.workspace_id, revoked.id, "Issued by mistake.")

    aside(in_transaction, site.settings, revoke)
    return {
        "valid": valid.address,
        "recipient": f"{valid.address}?recipient=true",
        "expired": expired.address,
        "revoked": revoked.address,
        "long": long.address,
        "arabic": arabic.address,
        "verification": f"{valid.address}/verification",
        "verification of an expired one": f"{expired.address}/verification",
        "verification of a revoked one": f"{revoked.address}/verification",
        "embed": f"{valid.address}/embed",
        "missing": f"{site.url}/credentials/nothing",
        "front": f"{site.url}/",
    }


def test_no_violation_in_any_state(states, chromium):
    with chromium.new_context(user_agent=PERSON) as context:
        page = context.new_page()
        for address in states.values():
            page.emulate_media(color_scheme="light")
            page.goto(address)
            if address == states["valid"]:
                page.get_by_role("link", name="Verify").click()
                expect(page.get_by_role("heading", name="Verification")).to_be_visible()
                for summary in page.locator("summary").all():
                    summary.click()
            assert_accessible(page)
            page.emulate_media(color_scheme="dark")
            assert_accessible(page, SEEN)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_violation_in_any_language(states, chromium, language):
    with chromium.new_context(user_agent=PERSON) as context:
        page = context.new_page()
        every = THOROUGH or language in ("de", "ar")
        for state in ("valid", "revoked", "verification", "missing") if every else ("valid",):
            page.goto(f"{states[state]}?lang={language}")
            assert page.locator("html").get_attribute("lang") == language
            assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert_accessible(page)


def test_the_question_for_consent_is_accessible(site, states, chromium):
    from credtrail.accounts.model import IssuerProfile

    def ask_first(transaction):
        save_profile(transaction, site.cast.workspace_id, IssuerProfile(privacy_mode="consent"))

    def as_before(transaction):
        save_profile(transaction, site.cast.workspace_id, IssuerProfile())

    aside(in_transaction, site.settings, ask_first)
    try:
        with chromium.new_context(user_agent=PERSON, viewport={"width": 360, "height": 740}) as context:
            page = context.new_page()
            page.goto(states["recipient"], wait_until="networkidle")
            expect(page.get_by_role("heading", name="Is this credential yours?")).to_be_visible()
            assert_accessible(page)
    finally:
        aside(in_transaction, site.settings, as_before)


def test_the_page_is_light_and_stands_still(states, chromium):
    with chromium.new_context(user_agent=PERSON, viewport={"width": 412, "height": 915}) as context:
        page = context.new_page()
        page.add_init_script(
            "window.shift = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries())"
            " window.shift += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
        )
        answers = []
        page.on("response", lambda answer: answers.append(answer))
        page.goto(states["recipient"], wait_until="networkidle")
        weights = {
            answer.url: int(answer.headers.get("content-length", 0)) or len(answer.body())
            for answer in answers
            if answer.status == 200 and "/documents/" not in answer.url
        }
        assert sum(weights.values()) < 100_000, weights
        assert len(answers) <= 15, [answer.url for answer in answers]
        assert page.evaluate("window.shift") < 0.05
