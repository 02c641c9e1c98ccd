"""A newcomer's whole way, as a person walks it: from the link that the server prints to signing out."""

import re
import threading
import time

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from browser.conftest import PASSWORD, PATIENCE_SECONDS
from conftest import Server, headers
from credtrail.settings import Settings
from mail.conftest import postbox  # noqa: F401 - a fixture
from webhooks.receiver import Receiver

pytestmark = pytest.mark.browser

SHEET = "Name,E-mail,Note\nRobin Ñandú,robin@learner.example,With distinction\n王小明,wang@learner.example,\n"


@pytest.fixture
def receiver():
    """The newcomer's own system."""
    with Receiver() as running:
        yield running


@pytest.fixture
def fresh(tmp_path, postbox, receiver):  # noqa: F811
    """An installation that nobody has touched, with a mail server, which does its own work."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/credtrail.db")
    server = Server(
        settings,
        "--with-work",
        CREDTRAIL_SMTP_HOST="127.0.0.1",
        CREDTRAIL_SMTP_PORT=str(postbox.port),
        CREDTRAIL_SMTP_SECURITY="none",
        CREDTRAIL_WEBHOOK_ALLOWED_HOSTS="127.0.0.1",
    ).start()
    yield server
    server.stop()


def go_to(page, place):
    """By the menu."""
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name=place, exact=True).click()


def wait_for_mails(postbox, count):  # noqa: F811
    """The mails that the server sent, by address."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(postbox.taken) < count and time.monotonic() < deadline:
        threading.Event().wait(0.05)  # the worker is another process: there is nothing else to wait on
    return {one.recipient: one.message for one in postbox.taken}


def test_from_the_set_up_link_to_signing_out(fresh, person, chromium, postbox, receiver):  # noqa: F811
    problems = []
    page = person.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))

    # The link, good once; the workspace.
    set_up = re.search(r"http://\S+/dashboard/set-up/\S+", fresh.read_printed())[0]
    page.goto(set_up)
    page.get_by_label("Your name").fill("Ada Ñandú")
    page.get_by_label("Your e-mail address").fill("ada@meadow.example")
    page.get_by_label("A password").fill(PASSWORD)
    page.get_by_label("Who issues").fill("Open Meadow Academy")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/dashboard/w/*")

    # A design, from a built-in one.
    go_to(page, "Designs")
    item = page.get_by_role("listitem").filter(
        has=page.get_by_role("link", name="Classic certificate", exact=True)
    )
    item.get_by_role("button", name="Start from this").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Meadow")
    page.get_by_role("dialog").get_by_role("button", name="Begin").click()
    expect(page.locator(".sheet").get_by_role("group", name="Text: [recipient.name]")).to_be_visible()
    page.get_by_role("button", name="Text", exact=True).click()
    page.get_by_label("Text", exact=True).fill("[custom.note]")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#state")).to_have_text("Saved")

    # A group that has it; an attribute.
    go_to(page, "Groups")
    page.get_by_role("link", name="Make the first group").click()
    page.get_by_label("Name").fill("Introduction to Botany")
    page.get_by_label("Meadow certificate").check()
    page.get_by_role("button", name="Make the group").click()
    expect(page.get_by_role("status").first).to_be_visible()
    go_to(page, "Attributes")
    page.get_by_label("Name").fill("Note")
    page.get_by_role("button", name="Make the attribute").click()
    expect(page.get_by_role("row", name="[custom.note]")).to_be_visible()

    # A spreadsheet, whose columns are known by their names; sent by the real mail server.
    go_to(page, "Credentials")
    page.get_by_role("link", name="From a spreadsheet").click()
    page.get_by_label("Sheet").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": SHEET.encode()}
    )
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label("Note becomes")).to_have_value("custom.note")
    page.get_by_label("What happens to them").select_option(label="issue and send them")
    page.get_by_role("button", name="Create, issue and send 2 credentials").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("2 created")
    mails = wait_for_mails(postbox, 2)
    assert mails.keys() == {"robin@learner.example", "wang@learner.example"}

    # The recipient opens the mailed link and shares; the issuer watches.
    go_to(page, "Live")
    letter = mails["robin@learner.example"].get_body(("plain",)).get_content()
    link = re.search(rf"{fresh.url}/credentials/\S+", letter)[0]
    share(person, link)
    live = page.locator("#live")
    expect(live).to_contain_text("Viewed recipient")
    expect(live).to_contain_text("Shared to LinkedIn recipient")
    go_to(page, "Credentials")
    page.get_by_role("link", name="Robin Ñandú").click()
    expect(page.locator(".timeline")).to_contain_text("Shared to LinkedIn by the recipient")
    expect(page.locator(".timeline")).to_contain_text("Mail to robin@learner.example sent")
    expect(page.get_by_role("definition").filter(has_text="With distinction")).to_be_visible()

    # The funnel knows it too.
    go_to(page, "Insights")
    page.get_by_role("link", name="Funnel", exact=True).click()
    counts = page.get_by_role("row").locator("td[data-label=Credentials]")
    expect(counts).to_have_text(["2", "1", "1", "0", "0"])

    # A webhook of the newcomer's own, and a token for the API: what comes in by one goes out by the other.
    go_to(page, "Webhooks")
    page.get_by_label("Address", exact=True).fill(receiver.url("/hook"))
    page.get_by_role("button", name="Create webhook").click()
    assert page.get_by_label("Secret of").input_value().startswith("whsec_")
    go_to(page, "Access tokens")
    page.get_by_label("Name").fill("Learning platform")
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    with httpx.Client(base_url=f"{fresh.url}/v1", headers=headers(token)) as api:
        found = api.get("/credential-interactions").raise_for_status().json()["data"]
        assert {(one["eventType"], one["triggeredBy"]) for one in found} == {
            ("credential_viewed", "recipient"),
            ("credential_shared_to_linkedin", "recipient"),
        }
        view = {
            "eventType": "credential_viewed",
            "triggeredBy": "guest",
            "triggeredAt": "2026-03-12T17:33:05Z",
        }
        api.post(
            "/credential-interactions", json={"credentialId": found[0]["credentialId"], **view}
        ).raise_for_status()
    receiver.wait_for(1)
    assert b"Robin" in receiver.of("/hook")[0].body
    assert "webhook-signature" in receiver.of("/hook")[0].headers

    # Out, and nothing more is shown.
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out")
    page.goto(f"{fresh.url}/dashboard")
    page.wait_for_url("**/dashboard/sign-in**")
    assert page.goto(set_up).status == 404, "good once"
    assert [one for one in problems if "404" not in one] == []


def share(person, link):
    """What the recipient does, in a window that the issuer's session isn't in: looks, and shares to LinkedIn."""
    context = person.browser.new_context(user_agent=person.new_page().evaluate("navigator.userAgent"))
    context.route(re.compile(r"https://.*"), lambda route: route.fulfill(body="another site"))
    page = context.new_page()
    with page.expect_response("**/interactions"):
        page.goto(link)
        page.mouse.wheel(0, 300)
    with page.expect_response("**/interactions"):
        page.get_by_role("link", name="Share on LinkedIn").click()
    context.close()
