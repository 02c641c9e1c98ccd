"""Credentials, imports, groups and e-mail templates of the dashboard in a real browser."""

import asyncio
import re
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from browser.conftest import aside, let_in
from browser.test_accessible import assert_fits_everybody
from chromium import PERSON
from conftest import in_transaction
from credtrail.attributes.store import add_attribute
from credtrail.database.open import open_database
from credtrail.work import make_jobs, run_once

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def ada(site, ada_id):
    """Where Ada's workspace begins, which has an attribute of its own."""

    def act(transaction):
        add_attribute(transaction, site.cast.workspace_id, "passed_on", "Passed on", "date")

    aside(in_transaction, site.settings, act)
    return f"{site.url}/dashboard/w/{site.cast.workspace_id}"


@contextmanager
def signed_in(context, site):
    """A page of Ada's, whose scripts may not fail. To raise while one is told of it would break the line to the
    browser, and hide why."""
    faults = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: is_fault(message) and faults.append(message.text))
    let_in(context, site)
    yield page
    assert not faults


def is_fault(message):
    """A form that is refused answers 400, which the browser tells of; htmx tells of answers it no longer waits for.
    Anything else, such as our policy, is a fault."""
    return message.type == "error" and not re.search(
        "status of 400|^htmx:(afterRequest|sendAbort), ", message.text
    )


@pytest.fixture
def page(person, site, ada):
    """Ada's browser."""
    with signed_in(person, site) as page:
        yield page


def work(settings):
    """What a worker does with imports and scheduled credentials, once."""

    async def run():
        database = open_database(settings)
        try:
            await run_once([job for job in make_jobs(database, settings) if job.name == "import_sheets"])
        finally:
            await database.close()

    asyncio.run(run())


def test_a_credential_from_the_form_to_its_end(page, ada, site):
    page.goto(f"{ada}/credentials/new")
    page.get_by_label("Group").select_option(label="Botany")
    page.get_by_label("Recipient’s name").fill("Amélie Østergård")
    page.get_by_label("E-mail address").fill("amelie@learner.example")
    page.get_by_label("Passed on").fill("2026-11-01")
    expect(page.get_by_label("Issue at")).to_be_hidden()
    page.get_by_label("Issue it later").check()
    expect(page.get_by_label("Issue at")).to_be_visible()
    page.get_by_label("Issue and send it").check()
    page.get_by_role("button", name="Make the credential").click()
    expect(page.get_by_role("status")).to_contain_text("is issued, and its mail is on the way")
    expect(page.get_by_role("heading", level=1)).to_contain_text("issued")
    picture = page.get_by_alt_text("The credential of Amélie Østergård")
    page.wait_for_function(
        "image => image.complete && image.naturalWidth > 400", arg=picture.element_handle()
    )
    link = page.get_by_label("Its page, for everybody").input_value()
    page.get_by_text("Revoke", exact=True).click()
    page.get_by_label("Reason").fill("Issued by mistake.")
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("revoked")
    expect(page.locator(".timeline")).to_contain_text("Issued by mistake.")
    public = page.context.new_page()
    public.goto(link)
    expect(public.get_by_text("Issued by mistake.")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 mail")
    dialog.get_by_role("button", name="Delete it for good").click()
    expect(page.get_by_role("status").first).to_contain_text("Deleted, with its page")
    assert public.reload().status == 404


def test_a_sheet_with_wrong_rows_is_imported_before_ones_eyes(page, ada, site):
    rows = [f"Learner {n:04},learner{n}@sheet.example" for n in range(4_500)]
    rows[2] = "Learner 0002,no-address"
    sheet = "\n".join(["Teilnehmer,E-Mail", *rows])
    page.goto(f"{ada}/imports")
    page.get_by_label("Group").select_option(label="Botany")
    page.get_by_label("Sheet").set_input_files(
        {"name": "kurs.csv", "mimeType": "text/csv", "buffer": sheet.encode()}
    )
    page.get_by_role("button", name="Look at it").click()
    check = page.locator("#check")
    expect(check).to_contain_text("200 would be refused")
    page.get_by_label("Teilnehmer becomes").select_option(label="Recipient’s name")
    expect(check).to_contain_text("1 would be refused")
    expect(check).to_contain_text("Line 4: the e-mail address must be")
    page.get_by_label("What happens to them").select_option(label="issue them")
    page.get_by_role("button", name="Create and issue up to 4,499 credentials").click()
    expect(page.get_by_role("heading", name="Waiting for its turn")).to_be_visible()
    aside(work, site.settings)
    expect(page.get_by_text("4,000 of 4,500 rows")).to_be_visible()
    assert page.get_by_role("progressbar").evaluate("bar => bar.value / bar.max") == pytest.approx(
        4_000 / 4_500
    )
    aside(work, site.settings)
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("4,499 created")
    expect(page.locator("#progress")).to_contain_text("1 refused")
    expect(page.get_by_role("button", name="Take it off the list")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download them as CSV").click()
    assert "4,recipient.email" in download.value.path().read_text()
    page.get_by_role("link", name="See the credentials").click()

    # The list follows what is typed; the address with it.
    expect(page.locator("#found")).to_have_text("More than 1,000 credentials")
    page.get_by_label("Name or e-mail").press_sequentially("learner 0007")
    expect(page.locator("#found")).to_have_text("1 credential")
    expect(page).to_have_url(re.compile(r"\?text=learner\+0007&group=\w+$"))
    expect(page.get_by_role("link", name="Learner 0007")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Name or e-mail")).to_have_value("learner 0007")
    page.get_by_label("Name or e-mail").fill("@sheet.example")
    expect(page.locator("#found")).to_have_text("More than 1,000 credentials")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newer")).to_be_visible()

    # Many at once, by keyboard.
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_label("Choose all on this page").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-chosen]")).to_have_text("50 chosen:")
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete 50 credentials?")
    expect(page.locator("main")).to_contain_text("50 public pages")
    page.get_by_role("button", name="Delete 50 credentials for good").click()
    expect(page.get_by_role("status").first).to_contain_text("50 credentials deleted")


def test_a_filter_that_is_refused_is_told_while_typing(page, ada):
    page.goto(f"{ada}/credentials")
    page.get_by_text("More filters").click()
    page.get_by_label("Guest views from").fill("-1")
    expect(page.get_by_role("alert")).to_contain_text("must be a whole number")
    page.get_by_label("Guest views from").fill("")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_group_and_its_mail(page, ada):
    page.goto(f"{ada}/email-templates/new")
    frame = page.frame_locator(".preview iframe:not(.loading)")
    expect(frame.get_by_text("Your credential: Introduction to Botany")).to_be_visible()
    page.get_by_label("Name").fill("Warm")
    entries = page.evaluate("history.length")
    page.get_by_label("Subject").fill("Well done, ")
    page.get_by_label("Subject").press("End")
    page.get_by_text("Placeholders").click()
    page.get_by_role("button", name="[recipient.name]").click()
    expect(page.get_by_label("Subject")).to_have_value("Well done, [recipient.name]")
    expect(frame.get_by_text("Well done, Robin Ñandú")).to_be_visible()
    expect(page.locator(".preview iframe")).to_have_count(1)
    assert page.evaluate("history.length") == entries, "Back leads back, not through previews"
    page.get_by_role("button", name="Send a test to me").click()
    expect(page.locator("#told")).to_contain_text("on the way to ada@meadow.example")
    page.get_by_role("button", name="Make the template").click()
    expect(page.get_by_role("link", name="Warm")).to_be_visible()

    page.goto(f"{ada}/groups/new")
    page.get_by_label("Name").fill("Field Guide")
    page.get_by_label("Classic certificate certificate").check()
    page.get_by_label("Seal badge badge").check()
    page.get_by_label("the main one: Seal badge").check()
    page.get_by_label("Years").fill("2")
    page.get_by_label("Its credentials are sent by").select_option(label="Warm")
    page.get_by_role("button", name="Make the group").click()
    expect(page.get_by_label("Group")).to_have_value(re.compile(r"\w{26}"))
    page.goto(f"{ada}/groups")
    expect(page.get_by_role("row", name="Field Guide")).to_contain_text("after 2 years")


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_filters_and_a_sheet_have_no_violation(site, ada, chromium):
    """What test_dashboard_pages.py doesn't see."""
    with chromium.new_context(user_agent=PERSON) as context, signed_in(context, site) as page:
        for query in ("?engagement=opened", "?views=x"):
            page.goto(f"{ada}/credentials{query}")
            assert_fits_everybody(page)
        page.goto(f"{ada}/imports")
        page.get_by_label("Sheet").set_input_files(
            {"name": "wrong.csv", "mimeType": "text/csv", "buffer": b"name,email,x\nRobin,nothing,1\nLi,,2\n"}
        )
        page.get_by_role("button", name="Look at it").click()
        page.get_by_role("button", name="Create 1 credential").click()
        page.wait_for_load_state("domcontentloaded")
        assert_fits_everybody(page)


def test_a_token_is_made_once_even_if_its_page_is_loaded_again(page, ada):
    page.goto(f"{ada}/access-tokens")
    page.get_by_label("Name").fill("Learning platform")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    page.wait_for_load_state()  # by then its scripts are there
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator("[data-copies=made-curl]").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("getSelection().toString()").startswith("curl "), (
        "without https it is selected and copied"
    )
    page.reload()
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()
    expect(page.get_by_role("heading", name="Your new token")).to_be_hidden()
    expect(page.get_by_role("row", name="Learning platform")).to_have_count(1)


def test_a_long_form_that_was_refused_begins_at_what_is_wrong(page, ada):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{ada}/settings")
    page.get_by_label("Domain").fill("no domain")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Must be a host name such as")).to_be_in_viewport()
    expect(page.get_by_label("Domain")).to_be_focused()
    page.goto(f"{ada}/groups/new")
    page.get_by_label("Name").fill("Without a design")
    page.get_by_role("button", name="Make the group").click()
    expect(page.get_by_text("Choose at least one design")).to_be_in_viewport()


def test_tools_and_numbers_stand_in_line_on_the_narrowest_phone(page, ada, site):
    site.add_credential()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{ada}/insights")
    page.locator(".tile .before").first.evaluate("words => words.textContent += ' more than anybody thought'")
    tops = page.locator(".tile .value").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().top)"
    )
    assert tops[::2] == tops[1::2]
    page.goto(f"{ada}/designs")
    page.get_by_role("button", name="Start from this").first.click()
    page.get_by_role("dialog").locator("button:not([type])").click()
    align = page.get_by_role("group", name="Align").locator(".tool")
    align.first.wait_for()
    assert len(set(align.evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)"))) == 1


def test_all_on_the_page_are_chosen_by_touch_on_a_phone(page, ada, site):
    site.add_credential()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{ada}/credentials")
    page.get_by_text("Choose all on this page").click()
    expect(page.locator("[data-chosen]")).to_contain_text("chosen:")
    assert page.locator("input[name=id]:not(:checked)").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_link_that_looks_like_a_button_stays_one_box(page, ada, site):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(ada)
    boxes = page.locator("main").evaluate(
        """main => {
            const words = "Sign in with an identity provider of a long name, in another tab";
            main.insertAdjacentHTML("beforeend", `<p><a class="button" href="#">${words}</a></p>`);
            return main.lastElementChild.firstElementChild.getClientRects().length;
        }"""
    )
    assert boxes == 1


def test_a_button_below_a_paragraph_keeps_its_distance(page, ada, site):
    page.goto(f"{site.add_credential().address}/verification")  # which takes a key
    page.goto(f"{ada}/issuer")
    button = page.get_by_role("button", name="Rotate the key").bounding_box()
    words = page.get_by_text("nothing tells them whose key it is").bounding_box()
    assert button["y"] - (words["y"] + words["height"]) >= 8
