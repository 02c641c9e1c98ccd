"""Pictures of the pages about designs, into ./pictures/: the list, the editor with every kind of box, on a phone, a
tablet and a desktop, light and dark.

For people to look at, in the way of `tests/pictures.py`. Run as `python tests/dashboard/design_pictures.py [folder]`.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Browser, Page, sync_playwright

from chromium import launch, lend_fonts
from conftest import SECRET_KEY, Server
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people_store import add_user, set_member
from credtrail.accounts.store import add_workspace, save_profile
from credtrail.attributes.store import add_attribute
from credtrail.credentials.store import add_credential
from credtrail.database import Transaction
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.designs.acts import document_of, make_design
from credtrail.designs.fonts import font_folders
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.settings import Settings

PASSWORD = "four meadow words together"
LONG = "Maximiliane Alexandra Theodora von und zu Hohenberg-Wittelsbach-Schwarzenfels, Freifrau von der Lüdenscheidt"
NAMES = (
    "Botany, first year",
    "شهادة الإنجاز في علم النبات",
    "植物學導論徽章",
    "A badge whose name is much longer than anybody would have thought, of the Joint Board of the United Academies",
)


class World:
    """Ids of what the pictures show."""

    def __init__(self, transaction: Transaction) -> None:
        self.workspace_id = here = add_workspace(transaction, "Open Meadow Academy").id
        self.empty_id = add_workspace(transaction, "Empty Room").id
        profile = IssuerProfile(
            brand_color="#2f6b4f", signatory_name="Dr. Ada Ñandú", signatory_title="Registrar"
        )
        save_profile(transaction, here, profile)
        user = add_user(transaction, "ada@meadow.example", "Ada Ñandú", hash_password(PASSWORD))
        for id_ in (here, self.empty_id):
            set_member(transaction, id_, user.id, "owner")
        add_attribute(transaction, here, "grade", "Final grade", "text")
        add_attribute(transaction, here, "photo", "Photo", "image")
        self.design_ids = [
            make_design(transaction, here, name, document_of(design)).id
            for name, design in zip(NAMES, BUILT_IN, strict=True)
        ]
        for name in ("Introduction to Botany", "مقدمة في علم النبات", "植物學導論", "Field Guide"):
            group = add_group(transaction, here, name, [self.design_ids[0]])
        add_credential(transaction, here, group.id, (None, LONG, None), ("2026-03-12", None))


def sign_in(page: Page, url: str) -> None:
    """As Ada."""
    page.goto(f"{url}/dashboard/sign-in")
    page.get_by_label("E-mail address").fill("ada@meadow.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda address: "sign-in" not in address)


def take_pictures(browser: Browser, url: str, world: World, folder: Path) -> int:
    """Every page at two widths in both schemes; how many pictures were taken."""
    home = f"{url}/dashboard/w/{world.workspace_id}"
    count = 0
    for width in (360, 768, 1280):
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            sign_in(page, url)

            def keep(name: str, page: Page = page, width: int = width, scheme: str = scheme) -> None:
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    print(f"{name} is {wide} pixels wide at {width}")
                page.evaluate("scrollTo(0, 0)")  # what sticks would stand where one had scrolled to
                page.wait_for_timeout(600)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                nonlocal count
                count += 1

            page.goto(f"{home}/designs", wait_until="networkidle")
            for picture in page.locator(".sight img").all():
                picture.scroll_into_view_if_needed()
            keep("designs")
            page.get_by_role("button", name="Begin with an empty page").click()
            keep("designs-begin")
            page.goto(f"{url}/dashboard/w/{world.empty_id}/designs", wait_until="networkidle")
            keep("designs-built-in")
            for number, name in enumerate(("classic", "arabic", "seal", "hexagon")):
                page.goto(f"{home}/designs/{world.design_ids[number]}", wait_until="networkidle")
                keep(f"design-{name}")
            take_pictures_of_work(page, f"{home}/designs/{world.design_ids[0]}", keep)
            context.close()
    return count


def take_pictures_of_work(page: Page, address: str, keep) -> None:
    """While somebody works: boxes of each kind, a problem, a long name, the dialogs."""
    page.goto(address, wait_until="networkidle")
    for kind in ("Attribute’s picture", "Polygon", "Line", "Text"):
        page.get_by_role("group", name="Add").get_by_role("button", name=kind, exact=True).click()
    page.get_by_label("Text", exact=True).fill("[recipient.shoe_size]")
    page.get_by_label("Try with").select_option(label="The longest name here")
    page.get_by_role("button", name="Save", exact=True).click()
    keep("design-problem")
    page.get_by_role("button", name="Picture", exact=True).click()
    keep("design-pictures")
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('#conflict').showModal()")
    keep("design-conflict")


def main() -> None:
    """Serve the world, take the pictures, say where they are."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent.parent / "pictures"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        lend_fonts(Path(temporary), font_folders())
        settings = Settings(database_url=f"sqlite:///{temporary}/pictures.db", secret_key=SECRET_KEY)
        migrate(settings)
        world = write_once(settings, World)
        server = Server(settings).start()
        try:
            with sync_playwright() as playwright, launch(playwright) as browser:
                count = take_pictures(browser, server.url, world, folder)
        finally:
            server.stop()
    print(f"{count} pictures in {folder}")


if __name__ == "__main__":
    main()
