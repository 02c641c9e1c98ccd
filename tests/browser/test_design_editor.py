"""The design editor with a real Chromium: by keyboard alone, by mouse, and what happens when things go wrong."""

import re
from base64 import b64decode
from io import BytesIO

import httpx2 as httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from browser.conftest import PASSWORD, aside, let_in
from browser.test_accessible import AXE, RULES
from chromium import PERSON
from conftest import headers, in_transaction
from credtrail.accounts.model import IssuerImage
from credtrail.accounts.session_store import end_sessions
from credtrail.accounts.store import add_image
from credtrail.designs.acts import change_design, document_of, make_design
from credtrail.designs.model import BUILT_IN
from credtrail.designs.store import find_designs

# What is seen here doesn't depend on the database; tests/dashboard/test_designs.py runs on both.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("site", ["sqlite"], indirect=True)]

MILLIMETRE = 72 / 25.4


def sign_in(page, site):
    page.get_by_label("E-mail address").fill("ada@meadow.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def page(site, ada_id, person):
    """Ada's browser, signed in; what goes wrong in its scripts fails the test."""
    page = person.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    let_in(person, site)
    yield page
    assert problems == []


def add_design(site, built_in=0, name="Own"):
    """An own design that looks like a built-in one; its id."""

    def act(transaction):
        document = document_of(BUILT_IN[built_in])
        return make_design(transaction, site.cast.workspace_id, name, document).id

    return aside(in_transaction, site.settings, act)


def kept(site, id_):
    """The boxes as the database has them."""

    def ask(transaction):
        return document_of(find_designs(transaction, site.cast.workspace_id, [id_])[id_])

    return aside(in_transaction, site.settings, ask).boxes


def box(page, name):
    return page.locator(".sheet").get_by_role("group", name=name)


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#state")).to_have_text("Saved")


def value(page, label):
    return page.get_by_label(label, exact=True).input_value()


def proof(page):
    """The true picture, once it is of the present state."""
    page.locator(".proof img").scroll_into_view_if_needed()
    page.wait_for_timeout(250)
    expect(page.locator(".proof")).not_to_have_attribute("aria-busy", "true")
    source = page.locator(".proof img").get_attribute("src")
    return Image.open(BytesIO(b64decode(source.partition(",")[2]))).convert("RGB")


def test_a_design_from_a_built_in_one_to_a_credential_by_keyboard_alone(page, site, home):
    page.goto(f"{home}/designs")
    item = page.get_by_role("listitem").filter(
        has=page.get_by_role("link", name="Classic certificate", exact=True)
    )
    item.get_by_role("button", name="Start from this").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Botanists’ own")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Botanists’ own")).to_be_visible()
    expect(box(page, "Text: [recipient.name]")).to_be_visible()

    page.get_by_role("button", name="Text", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("given to ")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert value(page, "Text") == "given to [recipient.name]"
    page.keyboard.type("!")
    page.keyboard.press("Escape")
    added = box(page, "Text: given to [recipient.name]!")
    expect(added).to_be_focused()
    expect(added).to_contain_text("given to Robin Ñandú!")

    left, top = float(value(page, "From left (mm)")), float(value(page, "From top (mm)"))
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp", "Alt+ArrowRight"):
        page.keyboard.press(key)
    assert float(value(page, "From left (mm)")) == pytest.approx(left - 2, abs=0.11)
    assert float(value(page, "From top (mm)")) == pytest.approx(top - 10, abs=0.11)
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_have_text("Saved")

    id_ = re.search(r"designs/(\w+)$", page.url)[1]
    text = kept(site, id_)[-1]
    assert text.content == "given to [recipient.name]!"
    assert text.width == pytest.approx(421 + MILLIMETRE, abs=0.1)
    page.reload()
    expect(box(page, "Text: given to [recipient.name]!")).to_be_visible()

    with httpx.Client(base_url=f"{site.url}/v1", headers=headers(site.cast.ada)) as api:
        body = {"name": "Botany of the editor", "certificateDesignId": id_}
        group = api.post("/groups", json=body).raise_for_status().json()["id"]
    shown = site.add_credential("Zoë Müller", groupId=group)
    page.goto(shown.address)
    picture = page.locator("img[src*='/documents/']").first
    expect(picture).to_be_visible()
    assert id_ in picture.get_attribute("src")
    page.goto(f"{home}/designs")
    item = page.get_by_role("listitem").filter(
        has=page.get_by_role("link", name="Botanists’ own", exact=True)
    )
    expect(item).to_contain_text("Used by Botany of the editor")
    item.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("can’t be deleted while groups use it")


def middle(locator):
    found = locator.bounding_box()
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def drag(page, start, by, steps=6):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=steps)
    page.mouse.up()


def test_mouse_history_and_alignment(page, site, home):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    qr = box(page, "QR code")
    before = kept(site, id_)[12]
    scale = page.locator(".paper").bounding_box()["width"] / 842

    page.keyboard.down("Alt")  # without snapping
    drag(page, middle(qr), (-100 * scale, -60 * scale))
    page.keyboard.up("Alt")
    save(page)
    moved = kept(site, id_)[12]
    assert (moved.x, moved.y) == pytest.approx((before.x - 100, before.y - 60), abs=1.5)

    handle = page.locator(".handle[data-handle='[1,1]']")
    drag(page, middle(handle), (30 * scale, 40 * scale))
    save(page)
    resized = kept(site, id_)[12]
    assert (resized.width, resized.height) == pytest.approx((96, 106), abs=1.5)
    assert (resized.x, resized.y) == (moved.x, moved.y)

    undo, redo = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Redo")
    undo.click()
    undo.click()
    expect(undo).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#state")).to_have_text("Not saved yet")
    save(page)
    assert kept(site, id_)[12] == before
    page.keyboard.press("Control+z")  # nothing before the first state
    page.keyboard.press("Control+Shift+Z")
    redo.click()
    save(page)
    assert kept(site, id_)[12] == resized

    page.get_by_label("Select Text: Certificate").check()
    page.get_by_label("Select QR code").check()
    expect(page.locator(".frame-of-box")).to_have_count(2)
    page.get_by_role("button", name="Align left").click()
    page.get_by_role("button", name="Align top").click()
    save(page)
    boxes = kept(site, id_)
    assert (boxes[4].x, boxes[4].y) == (boxes[12].x, boxes[12].y) == (66, 128)


def test_a_double_click_opens_the_properties_and_handles_leave_the_focus(page, site, home):
    page.goto(f"{home}/designs/{add_design(site)}")
    box(page, "Text: for").dblclick()
    expect(page.get_by_label("Text", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    box(page, "QR code").focus()
    drag(page, middle(page.locator(".handle[data-handle='[1,1]']")), (20, 20))
    expect(box(page, "QR code")).to_be_focused()
    page.get_by_label("Turned by").fill("30")
    width = float(value(page, "Width (mm)"))
    drag(page, middle(page.locator(".handle[data-handle='[1,1]']")), (10, 20))
    assert float(value(page, "Width (mm)")) > width
    page.keyboard.press("Escape")
    page.locator(".stage").click(position={"x": 4, "y": 4})
    page.get_by_label("Page", exact=True).select_option("a4-portrait")
    page.get_by_role("button", name="Bring all onto the page").click()
    save(page)
    assert page.evaluate(
        "document.querySelector('.stage').scrollHeight <= document.querySelector('.stage').clientHeight"
    )


def test_several_boxes_are_dragged_together(page, site, home):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    before = kept(site, id_)
    box(page, "Text: for").click()
    page.keyboard.down("Shift")
    box(page, "QR code").click()
    page.keyboard.up("Shift")
    expect(page.locator("#panel h3")).to_have_text("2 boxes")
    page.keyboard.down("Alt")
    drag(page, middle(box(page, "QR code")), (-40, -20))
    page.keyboard.up("Alt")
    save(page)
    after = kept(site, id_)
    moves = [(one.x - other.x, one.y - other.y) for one, other in zip(after, before, strict=True)]
    assert moves[8] == pytest.approx(moves[12], abs=0.02)
    assert moves[8][0] < -40
    assert all(move == (0, 0) for at, move in enumerate(moves) if at not in (8, 12))
    box(page, "QR code").click()
    expect(page.locator("#panel h3")).to_have_text("QR code")


def test_a_drag_snaps_to_what_is_there(page, site, home):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    name = box(page, "Text: [recipient.name]")
    scale = page.locator(".paper").bounding_box()["width"] / 842
    page.mouse.move(*middle(name))
    page.mouse.down()
    page.mouse.move(middle(name)[0] + 3 * scale, middle(name)[1] + 30 * scale, steps=5)
    expect(page.locator(".guide.x")).to_have_count(1)
    page.keyboard.press("Escape")  # the drag never was
    page.mouse.up()
    expect(page.locator("#state")).to_have_text("Saved")
    drag(page, middle(name), (3 * scale, 30 * scale))
    save(page)
    moved = kept(site, id_)[6]
    assert moved.x == 78
    assert moved.y > 216


def test_shapes_order_copies_and_pictures(page, site, home):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    for kind in ("Ellipse", "Polygon", "Line", "Logo", "Signature"):
        page.get_by_role("group", name="Add").get_by_role("button", name=kind, exact=True).click()
    page.get_by_role("group", name="Add").get_by_role("button", name="Rectangle", exact=True).click()
    expect(page.locator("#panel h3")).to_have_text("Rectangle")
    page.get_by_label("Filling", exact=True).select_option("own")
    page.get_by_label("Filling: own color").fill("#ff0000")
    page.get_by_label("Filling: opacity in percent").fill("50")
    page.get_by_label("From left (mm)").fill("0")
    page.get_by_label("From top (mm)").fill("0")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+d")
    page.keyboard.press("PageDown")
    count = page.locator(".sheet .box").count()
    page.keyboard.press("Delete")
    expect(page.locator(".sheet .box")).to_have_count(count - 1)

    page.get_by_role("button", name="Picture", exact=True).click()
    drawn = BytesIO()
    Image.new("RGB", (300, 200), "#0000ff").save(drawn, "PNG")
    upload = {"name": "blue.png", "mimeType": "image/png", "buffer": drawn.getvalue()}
    page.get_by_label("Upload one").set_input_files(upload)
    expect(box(page, "Picture")).to_be_focused()
    page.get_by_label("What it shows").fill("A blue field")
    save(page)
    boxes = kept(site, id_)
    assert [one.alt for one in boxes[-1:]] == ["A blue field"]
    assert next(one for one in boxes if getattr(one, "fill", None) == "#ff000080").x == 0
    picture = proof(page)
    assert picture.getpixel((10, 10)) == pytest.approx((255, 127, 126), abs=6)
    middle_of = boxes[-1].x + boxes[-1].width / 2, boxes[-1].y + boxes[-1].height / 2
    assert picture.getpixel((int(2 * middle_of[0]), int(2 * middle_of[1]))) == (0, 0, 255)


def test_older_pictures_are_found_too(page, site, home):
    def act(transaction):
        for number in range(61):
            image = IssuerImage(f"{number:064x}", "image/png", b"no picture")
            add_image(transaction, site.cast.workspace_id, image, (300, 200))

    aside(in_transaction, site.settings, act)
    page.goto(f"{home}/designs/{add_design(site)}")
    page.get_by_role("button", name="Picture", exact=True).click()
    choices = page.locator("#pictures li")
    expect(choices).to_have_count(60)
    page.get_by_role("button", name="Older ones").click()
    expect(choices.nth(60)).to_be_visible()
    expect(page.get_by_role("button", name="Older ones")).to_be_hidden()
    choices.nth(60).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(box(page, "Picture")).to_be_focused()


def test_what_is_wrong_is_said_where_it_is(page, site, home):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    box(page, "Text: for").focus()
    page.get_by_label("Text", exact=True).fill("by [recipient.shoe_size]")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("look at the boxes that are marked")
    expect(page.locator("#panel .problem").first).to_contain_text("there are [recipient.name]")
    expect(page.locator("#layers li", has_text="to mend")).to_contain_text("by [recipient.shoe_size]")
    page.get_by_label("Text", exact=True).fill("by ourselves")
    save(page)
    expect(page.locator("#layers .tag")).to_have_count(0)

    box(page, "Text: [recipient.name]").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("the design must hold [recipient.name]")
    assert proof(page).size == (1684, 1190)  # what isn't whole yet is drawn all the same
    page.keyboard.press("Control+z")
    save(page)


def test_names_of_every_script_in_the_true_picture(page, site, home):
    site.add_credential("Maximiliane Alexandra Theodora von und zu Hohenberg-Wittelsbach-Schwarzenfels")
    page.goto(f"{home}/designs/{add_design(site)}")
    pictures = set()
    for name in ("Sample", "The longest name here", "Arabic", "Chinese", "Devanagari"):
        page.get_by_label("Try with").select_option(label=name)
        pictures.add(proof(page).tobytes())
    assert len(pictures) == 5
    page.get_by_label("Recipient’s name", exact=True).fill("Li")
    expect(box(page, "Text: [recipient.name]")).to_contain_text("Li")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open as PDF").click()
    assert opened.value.url.endswith("/proof.pdf")


def test_an_ended_session_loses_nothing(page, site, home, ada_id):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    box(page, "Text: for").focus()
    page.get_by_label("Text", exact=True).fill("for the love of")
    aside(in_transaction, site.settings, lambda tx: end_sessions(tx, ada_id))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("Nothing is lost")
    page.locator("#notice").get_by_role("button", name="Sign in").click()
    sign_in(page, site)
    expect(page.locator("#notice")).to_contain_text("What you hadn’t saved is back")
    expect(box(page, "Text: for the love of")).to_be_visible()
    save(page)
    assert kept(site, id_)[8].content == "for the love of"
    page.reload()
    expect(page.locator("#notice")).to_be_hidden()


def test_signed_in_again_in_another_tab(page, site, home, ada_id):
    id_ = add_design(site)
    page.goto(f"{home}/designs/{id_}")
    box(page, "Text: for").focus()
    page.keyboard.press("Shift+ArrowUp")
    aside(in_transaction, site.settings, lambda tx: end_sessions(tx, ada_id))
    other = page.context.new_page()
    other.goto(home)
    sign_in(other, site)
    other.wait_for_url("**/dashboard/w/**")
    save(page)
    assert kept(site, id_)[8].y < 318


def test_without_the_server_the_work_stays(page, site, home):
    page.goto(f"{home}/designs/{add_design(site)}")
    box(page, "Text: for").focus()
    page.keyboard.press("Shift+ArrowUp")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("can’t be reached")
    page.context.set_offline(False)
    save(page)
    expect(page.locator("#notice")).to_be_hidden()


def test_the_latest_picture_wins(page, site, home):
    page.goto(f"{home}/designs/{add_design(site)}")
    before = proof(page)
    held, failed = [], []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.route("**/proof.png", lambda route: route.continue_() if held else held.append(route))
    name = page.get_by_label("Recipient’s name", exact=True)
    name.fill("Somebody")
    expect(page.locator(".proof")).to_have_attribute("aria-busy", "true")
    name.fill("Somebody else")
    expect(page.locator(".proof")).not_to_have_attribute("aria-busy", "true")
    assert proof(page) != before
    assert [url.endswith("/proof.png") for url in failed] == [True]


def test_leaving_without_saving_is_asked_about(page, site, home):
    page.goto(f"{home}/designs/{add_design(site)}")
    box(page, "Text: for").focus()
    page.keyboard.press("ArrowUp")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"{home}/designs")
    assert asked == ["beforeunload"]


def test_somebody_else_was_faster(page, site, home):
    id_ = add_design(site, name="Shared")
    page.goto(f"{home}/designs/{id_}")

    def change(transaction):
        here = site.cast.workspace_id
        design = find_designs(transaction, here, [id_])[id_]
        document = document_of(BUILT_IN[1])
        change_design(transaction, here, design, document=document)

    aside(in_transaction, site.settings, change)
    box(page, "Text: for").focus()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_contain_text("changed by somebody else")
    page.get_by_role("button", name="Decide later").click()
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Theirs; mine").click()
    expect(box(page, "Text: CERTIFICATE")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Saved")
    page.get_by_role("button", name="Undo").click()
    aside(in_transaction, site.settings, lambda tx: change_back(tx, site, id_))
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Mine as a design of its own").click()
    expect(page.get_by_role("heading", name="Shared (my version)")).to_be_visible()


def change_back(transaction, site, id_):
    design = find_designs(transaction, site.cast.workspace_id, [id_])[id_]
    change_design(transaction, site.cast.workspace_id, design, document=document_of(BUILT_IN[0]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation(site, ada_id, home, chromium, scheme):
    id_ = add_design(site)
    with chromium.new_context(user_agent=PERSON, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{site.url}/dashboard/sign-in?next=/dashboard/w/{site.cast.workspace_id}/designs")
        sign_in(page, site)
        expect(page.get_by_role("heading", name="Designs")).to_be_visible()
        assert_accessible(page)
        page.goto(f"{home}/designs/{id_}")
        expect(page.locator(".proof img")).to_be_visible()
        assert_accessible(page)
        page.locator("summary", has_text="Keys").click()
        for name in ("Text: [recipient.name]", "Line", "Signature"):
            box(page, name).focus()
            assert_accessible(page)
        page.get_by_role("button", name="Picture", exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_accessible(page)
        page.keyboard.press("Escape")
        box(page, "Text: for").focus()
        page.get_by_label("Text", exact=True).fill("[recipient.shoe_size]")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#notice")).to_be_visible()
        assert_accessible(page)
        page.set_viewport_size({"width": 360, "height": 780})
        assert_accessible(page)
        page.evaluate("designEditor.bench.undo()")
        page.goto(f"{home}/designs/{BUILT_IN[2].id}")
        expect(page.locator(".proof img")).to_be_visible()
        assert_accessible(page)


def assert_accessible(page):
    found = AXE.run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def test_a_finger_drags_what_it_has_selected(site, ada_id, home, chromium):
    id_ = add_design(site)
    with chromium.new_context(has_touch=True, viewport={"width": 360, "height": 780}) as context:
        page = context.new_page()
        page.goto(f"{site.url}/dashboard/sign-in?next=/dashboard/w/{site.cast.workspace_id}/designs/{id_}")
        sign_in(page, site)
        name = box(page, "Text: [recipient.name]")
        name.scroll_into_view_if_needed()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        name.tap()
        expect(page.locator(".frame-of-box")).to_have_count(1)
        x, y = middle(name)
        client = context.new_cdp_session(page)
        for kind, points in (
            ("touchStart", [{"x": x, "y": y}]),
            ("touchMove", [{"x": x, "y": y + 15}]),
            ("touchMove", [{"x": x, "y": y + 30}]),
            ("touchEnd", []),
        ):
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        save(page)
        assert kept(site, id_)[6].y > 250
