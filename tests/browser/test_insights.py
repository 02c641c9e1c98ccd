"""Insights in a real browser: charts are drawn, filters change a part, everything by keyboard, pictures are saved."""

import re

import pytest
from playwright.sync_api import expect

from browser.conftest import aside
from browser.test_accessible import assert_fits_everybody
from browser.test_dashboard_credentials import signed_in
from conftest import headers, in_transaction
from credtrail.interactions.counts import add_page_counts
from credtrail.interactions.model import PageActed
from credtrail.interactions.visits import SetAside

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]

PAGES = ("", "/funnel", "/series", "/channels", "/best", "/set-aside")


@pytest.fixture(scope="module")
def happened(site, ada_id):
    """A credential that was opened, shared and viewed in March 2024, and what pages tell beside."""
    import httpx2 as httpx

    for event_type, by, at in (
        ("credential_viewed", "recipient", "2024-03-12T08:00:00Z"),
        ("credential_shared_to_linkedin", "recipient", "2024-03-12T09:00:00Z"),
        ("credential_viewed", "guest", "2024-03-20T08:00:00Z"),
    ):
        item = {
            "credentialId": site.cast.credential_id,
            "eventType": event_type,
            "triggeredBy": by,
            "triggeredAt": at,
        }
        url = f"{site.url}/v1/credential-interactions"
        httpx.post(url, json=item, headers=headers(site.cast.ada), trust_env=False).raise_for_status()

    quiet = {"name": "Quiet meadow", "designIds": [site.cast.design_id]}
    url = f"{site.url}/v1/groups"
    httpx.post(url, json=quiet, headers=headers(site.cast.ada), trust_env=False).raise_for_status()

    def act(transaction):
        here, group_id = site.cast.workspace_id, site.cast.group_id
        acted = [(PageActed(here, group_id, "printed", "guest"), "2024-03-12")]
        set_aside = SetAside("", here, "", "credential_viewed", "guest", 0, "robot")
        for statement, rows in add_page_counts(acted, [(set_aside, group_id, "2024-03-12")]):
            transaction.run(statement, rows)

    aside(in_transaction, site.settings, act)
    return f"{site.url}/dashboard/w/{site.cast.workspace_id}"


@pytest.fixture
def page(person, site, happened):
    """Ada's browser."""
    with signed_in(person, site) as page:
        yield page


def test_every_page_fits_everybody(page, happened):
    for path in (
        "",
        *(f"/insights{name}?from=2024-03-01&to=2024-03-31" for name in PAGES),
        "/insights/definitions",
    ):
        page.goto(f"{happened}{path}")
        assert_fits_everybody(page)
    page.goto(f"{happened}/insights?from=2001-01-01&to=2001-01-02")
    expect(page.get_by_role("heading", name="Nothing was issued or done in these days")).to_be_visible()
    assert_fits_everybody(page)


def test_a_legend_has_numbers_once_the_chart_is_pointed_at(page, happened):
    page.goto(f"{happened}/insights/series?from=2024-03-01&to=2024-03-31")
    legend = page.locator("#series .u-legend")
    expect(legend.get_by_text("Point at the chart to read its numbers.")).to_be_visible()
    expect(legend.get_by_text("--").first).to_be_hidden()
    page.locator("#series .u-over").hover(position={"x": 100, "y": 50})
    expect(legend.get_by_text("Point at the chart")).to_be_hidden()
    expect(legend.get_by_text("Begins")).to_be_visible()
    expect(legend.locator(".u-value").last).to_have_text(re.compile(r"^\d+$"))
    page.get_by_role("heading", level=1).hover()
    expect(legend.get_by_text("Point at the chart")).to_be_visible()


def test_a_filter_changes_a_part_by_keyboard_and_its_chart_is_drawn_anew(page, happened):
    page.goto(f"{happened}/insights/series?from=2024-03-01&to=2024-03-31")
    legend = page.locator("#series .u-legend")
    expect(page.locator("#series canvas")).to_be_visible()
    expect(legend).to_contain_text("Viewed by recipients")
    page.evaluate("window.isSame = true")
    page.get_by_label("By", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(legend).not_to_contain_text("Viewed by recipients")
    expect(legend).to_contain_text("Viewed by guests")
    expect(page).to_have_url(re.compile("(?=.*actor=guest)(?=.*from=2024-03-01)"))
    expect(page.get_by_label("By", exact=True)).to_be_focused()
    page.get_by_label("Columns").select_option("week")
    expect(page.locator("#series figcaption")).to_have_text("Interactions by week")
    page.get_by_label("Period").select_option("7")
    expect(page).to_have_url(re.compile("period=7"))
    page.get_by_label("Group").select_option(label="Quiet meadow")
    expect(page.get_by_role("heading", name="Nothing was done in these days")).to_be_visible()
    page.get_by_label("Group").select_option("")
    expect(page).to_have_url(re.compile("period=7&group=&"))
    page.get_by_label("From").fill("2024-03-01")
    expect(page.get_by_label("Period")).to_have_value("own")
    page.get_by_label("From").press("Enter")
    page.get_by_text("Column by column, as a table").click()
    expect(page.get_by_role("rowheader", name="from 18 Mar 2024")).to_be_visible()
    page.get_by_label("By", exact=True).select_option("recipient")
    expect(legend).to_contain_text("Viewed by recipients")
    expect(page.get_by_role("rowheader", name="from 18 Mar 2024")).to_be_visible()
    page.go_back()
    assert page.evaluate("window.isSame"), "the page itself was never loaded again"


def test_charts_are_saved_as_pictures(page, happened, tmp_path):
    for path, id_ in (("series", "series"), ("funnel", "funnel")):
        page.goto(f"{happened}/insights/{path}?from=2024-03-01&to=2024-03-31")
        button = page.locator(f"#{id_}").get_by_role("button", name="Save as PNG")
        with page.expect_download() as saved:
            button.press("Enter")
        assert saved.value.suggested_filename == f"{id_}.png"
        saved.value.save_as(tmp_path / f"{id_}.png")
        assert shades(tmp_path / f"{id_}.png") > 20, "something is drawn, with its words"


def shades(path):
    """How many colours a picture has."""
    from PIL import Image

    with Image.open(path) as picture:
        assert picture.width > 500
        return len(picture.convert("RGB").getcolors(1_000_000))


def test_without_scripts_there_is_everything_but_the_drawing(chromium, site, happened, page):
    context = page.context
    with chromium.new_context(java_script_enabled=False) as bare:
        bare.add_cookies(context.cookies())
        plain = bare.new_page()
        plain.goto(f"{happened}/insights/series?from=2024-03-01&to=2024-03-31")
        plain.get_by_label("By", exact=True).select_option("guest")
        plain.get_by_role("button", name="Show").click()
        expect(plain.get_by_role("cell", name="Viewed by guests").first).to_be_visible()
        plain.get_by_text("Column by column, as a table").click()
        expect(plain.get_by_role("rowheader", name="20 Mar 2024")).to_be_visible()
        expect(plain.get_by_role("button", name="Save as PNG")).to_be_hidden()
