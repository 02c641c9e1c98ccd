"""When a page counts as viewed: once, after a second in front of somebody's eyes."""

import pytest

from browser.conftest import make_older

pytestmark = pytest.mark.browser

VIEWED = ("credential_viewed", "guest")
HIDDEN = """let visible = false;
Object.defineProperty(document, "visibilityState", { get: () => (visible ? "visible" : "hidden") });
window.show = (now) => { visible = now; document.dispatchEvent(new Event("visibilitychange")); };"""
PRERENDERED = """let ahead = true;
Object.defineProperty(document, "prerendering", { get: () => ahead });
window.activate = () => { ahead = false; document.dispatchEvent(new Event("prerenderingchange")); };"""


@pytest.fixture
def page(person):
    """A page whose clock only moves when it is told to, and the list of what it reports."""
    page = person.new_page()
    page.clock.install(time=1_000)
    page.clock.pause_at(2_000)
    page.reports = []
    page.on("request", lambda request: request.method == "POST" and page.reports.append(request))
    return page


def test_a_view_counts_after_a_second_and_only_once(site, page):
    shown = site.add_credential()
    page.goto(shown.address)
    make_older(page)
    page.clock.run_for(999)
    assert page.reports == []
    page.clock.run_for(1)
    site.expect(shown, VIEWED)
    page.clock.run_for(600_000)
    assert len(page.reports) == 1


def test_a_page_that_is_never_visible_counts_nothing(site, page):
    shown = site.add_credential()
    page.add_init_script(HIDDEN)
    page.goto(shown.address)
    page.clock.run_for(600_000)
    assert page.reports == []
    assert site.interactions(shown) == []


def test_only_the_visible_time_adds_up(site, page):
    shown = site.add_credential()
    page.add_init_script(HIDDEN)
    page.goto(shown.address)
    make_older(page)
    for visible, ms in ((True, 600), (False, 60_000), (True, 300), (False, 60_000), (True, 99)):
        page.evaluate("show", visible)
        page.clock.run_for(ms)
        assert page.reports == []
    page.clock.run_for(1)
    site.expect(shown, VIEWED)


def test_a_page_rendered_in_advance_begins_when_somebody_comes(site, page):
    shown = site.add_credential()
    page.add_init_script(PRERENDERED)
    page.goto(f"{shown.address}?recipient=true")
    page.clock.run_for(600_000)
    assert page.reports == []
    assert page.evaluate("localStorage.length") == 0
    make_older(page)
    page.evaluate("activate()")
    page.clock.run_for(1_000)
    site.expect(shown, ("credential_viewed", "recipient"))


def test_reading_the_page_without_its_script_counts_nothing(site, person, page):
    shown = site.add_credential()
    person.request.get(shown.address)
    person.request.head(shown.address)
    page.route("**/tracker.js", lambda route: route.abort())
    page.goto(shown.address)
    page.clock.run_for(600_000)
    assert site.interactions(shown) == []
    assert site.set_aside(shown) == []


def test_each_visit_is_a_view_of_its_own(site, page):
    shown = site.add_credential()
    for _ in range(2):
        page.goto(shown.address)
        make_older(page)
        page.clock.run_for(1_000)
    page.reload()
    make_older(page)
    page.clock.run_for(1_000)
    site.expect(shown, VIEWED, VIEWED, VIEWED)


def test_a_tab_that_comes_back_after_hours_has_a_fresh_token_and_no_second_view(site, page):
    shown = site.add_credential()
    page.goto(shown.address)
    make_older(page)
    page.clock.run_for(1_000)
    site.expect(shown, VIEWED)
    first = page.evaluate("document.documentElement.dataset.token")
    page.clock.fast_forward("05:30:00")
    with page.expect_response(shown.address):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(1_000)
    page.wait_for_function("first => document.documentElement.dataset.token !== first", arg=first)
    make_older(page)
    page.get_by_role("link", name="Verify").click()
    site.expect(shown, VIEWED, ("credential_verified", "guest"))


def test_a_page_restored_by_going_back_is_the_same_visit(site, visit):
    shown = site.add_credential()
    page = visit(shown.address)
    site.expect(shown, VIEWED)
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    page.get_by_role("link", name="Verify").click()
    site.expect(shown, VIEWED, ("credential_verified", "guest"))
    assert site.set_aside(shown) == []
