"""Forms of the dashboard follow what is typed, also what was typed before the scripts were there, what the browser puts
back, and what is typed while an answer is on its way."""

import re

import pytest
from playwright.sync_api import expect

from browser.test_dashboard_credentials import signed_in

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]


@pytest.fixture
def page(person, site, ada_id):
    """Ada's browser."""
    with signed_in(person, site) as page:
        yield page


class Gate:
    """Holds back what a page asks for, until it is opened."""

    def __init__(self, page, pattern):
        self._page = page
        self._is_open = False
        self._held = []
        page.route(pattern, lambda route: self._take(route))

    def _take(self, route):
        if self._is_open:
            route.continue_()
        else:
            self._held.append(route)

    def wait(self, count=1):
        """Until so many are held."""
        while len(self._held) < count:
            self._page.wait_for_timeout(10)  # lets Playwright tell of them

    def open(self):
        """Let go what was held, and all that comes."""
        self._is_open = True
        for route in self._held:
            route.continue_()


@pytest.fixture
def scripts(page):
    """The scripts of the next page, which are late."""
    return Gate(page, re.compile(r"/htmx\.min[^/]*$"))


def open_early(page, address, scripts):
    """The page as it is before its scripts."""
    page.goto(address, wait_until="commit")
    scripts.wait()


def test_the_list_follows_what_was_typed_before_the_scripts(page, home, site, scripts):
    site.add_credential("Typed Early")
    open_early(page, f"{home}/credentials", scripts)
    page.get_by_label("Name or e-mail").press_sequentially("typed early")
    page.get_by_label("State").select_option("issued")
    scripts.open()
    expect(page.locator("#found")).to_have_text("1 credential")
    expect(page).to_have_url(re.compile(r"\?text=typed\+early&status=issued$"))
    expect(page.get_by_label("Name or e-mail")).to_have_value("typed early")


def test_insights_follow_what_was_chosen_before_the_scripts(page, home, scripts):
    open_early(page, f"{home}/insights/series", scripts)
    page.get_by_label("Period").select_option("7")
    page.get_by_label("By", exact=True).select_option("guest")
    scripts.open()
    expect(page).to_have_url(re.compile("(?=.*period=7)(?=.*actor=guest)"))
    expect(page.get_by_label("Period")).to_have_value("7")


def test_a_day_set_before_the_scripts_is_asked_for_with_show(page, home, scripts):
    open_early(page, f"{home}/insights", scripts)
    page.get_by_label("From").fill("2024-03-01")
    asked = []
    page.on("request", lambda request: "hx-request" in request.headers and asked.append(request.url))
    scripts.open()
    expect(page.get_by_label("Period")).to_have_value("own")
    page.wait_for_load_state()
    page.wait_for_timeout(500)  # longer than the form waits
    assert asked == []
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("(?=.*period=own)(?=.*from=2024-03-01)"))


def test_a_sheets_check_follows_what_was_chosen_before_the_scripts(page, home, scripts):
    upload(page, home, scripts)
    page.get_by_label("What happens to them").select_option(label="issue them")
    page.get_by_label("Course becomes").select_option("")
    page.get_by_label("Person becomes").select_option(label="Recipient’s name")
    scripts.open()
    expect(page.get_by_role("button", name="Create and issue 1 credential")).to_be_visible()
    expect(page.locator("#check")).to_contain_text("none would be refused")


def upload(page, home, scripts):
    """Upload a sheet whose columns nobody could guess."""
    page.goto(f"{home}/imports", wait_until="commit")
    page.get_by_label("Group").select_option(label="Botany")
    sheet = b"Person,Course\nRobin,Botany\n"
    page.get_by_label("Sheet").set_input_files({"name": "early.csv", "mimeType": "text/csv", "buffer": sheet})
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label("What happens to them")).to_be_visible()


def test_what_the_browser_puts_back_is_followed(page, home, site):
    """As when somebody changes a filter and is gone before the list has followed."""
    site.add_credential("Put Back")
    page.goto(f"{home}/credentials?text=put+back")
    expect(page.locator("#found")).to_have_text("1 credential")
    answers = Gate(page, re.compile(r"/credentials\?.*status=draft"))
    page.get_by_label("State").select_option("draft")
    answers.wait()
    page.goto(f"{home}/groups")
    answers.open()
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("draft")
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    expect(page).to_have_url(re.compile(r"text=put\+back&status=draft$"))


def test_nothing_is_asked_where_nobody_typed(page, home):
    """Also not where a field can't hold what came for it."""
    asked = []
    page.on("request", lambda request: "hx-request" in request.headers and asked.append(request.url))
    for path in (
        "credentials?views=x&issued_from=y&group=z",
        "insights?from=z&group=z",
        "email-templates/new",
    ):
        page.goto(f"{home}/{path}")
        page.wait_for_timeout(500)  # longer than any form waits
    assert asked == []


def test_the_preview_shows_what_the_browser_puts_back(page, home):
    page.goto(f"{home}/email-templates/new")
    page.get_by_label("Subject").fill("Put back, too")
    page.goto(f"{home}/groups")
    page.go_back()
    expect(page.get_by_label("Subject")).to_have_value("Put back, too")
    frame = page.frame_locator(".preview iframe:not(.loading)")
    expect(frame.get_by_text("Put back, too")).to_be_visible()


def test_the_last_letters_are_followed_however_late_the_answers_are(page, home, site):
    for name in ("Late One", "Late Two"):
        site.add_credential(name)
    page.goto(f"{home}/credentials")
    field = page.get_by_label("Name or e-mail")
    answers = Gate(page, re.compile(r"/credentials\?text="))
    for count, part in enumerate(("late", " ", "two"), 1):
        field.press_sequentially(part)
        answers.wait(count)
    answers.open()
    expect(page.locator("#found")).to_have_text("1 credential")
    expect(page.get_by_role("link", name="Late Two")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?text=late\+two$"))


def test_a_choice_isnt_undone_by_the_answer_to_the_one_before(page, home):
    """The form of insights comes anew with each answer, as of what was asked for."""
    page.goto(f"{home}/insights/series")
    page.clock.install()
    answers = Gate(page, re.compile(r"/insights/series\?.*period=7"))
    page.get_by_label("Period").select_option("7")
    page.clock.run_for(200)
    answers.wait()
    page.get_by_label("By", exact=True).select_option("guest")
    answers.open()
    page.wait_for_timeout(500)
    page.clock.run_for(200)
    expect(page).to_have_url(re.compile("(?=.*period=7)(?=.*actor=guest)"))
    expect(page.get_by_label("By", exact=True)).to_have_value("guest")
