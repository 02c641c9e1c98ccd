"""Pictures of every page in every state, at three widths, light and dark, into ./pictures/; run by `make pages`.

For people to look at: nothing is compared. With `--readme` it also renews docs/images/credential-page.png.
"""

import asyncio
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from chromium import launch
from conftest import SECRET_KEY, Server
from credtrail.accounts.store import add_workspace
from credtrail.credentials.store import add_credential
from credtrail.database import Transaction
from credtrail.database.migrate import migrate
from credtrail.database.open import open_database
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.settings import Settings

ROOT = Path(__file__).parent.parent
WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")


class Shown(NamedTuple):
    """A credential worth a picture."""

    picture: str
    issuer: str
    group: str
    recipient: str
    valid_days: int | None = None


WORLD = (
    Shown("valid", "Open Meadow Academy", "Introduction to Botany", "Amélie Østergård", 730),
    Shown("lasting", "Open Meadow Academy", "Conference on Open Education – Speaker", "Li"),
    Shown("expired", "Open Meadow Academy", "First Aid at Work", "Olena Shevchenko", -30),
    Shown(
        "long",
        "The Joint Examination Board of the United Academies of Applied Sciences and Liberal Arts",
        "Advanced Professional Certificate in Sustainable Agricultural Engineering, Rural Water Management and Soil "
        "Conservation for Extension Officers",
        "Maximiliane Alexandra Theodora von und zu Hohenberg-Wittelsbach-Schwarzenfels, Freifrau von der Lüdenscheidt",
        365,
    ),
    Shown("arabic", "أكاديمية المرج المفتوح", "مقدمة في علم النبات", "فاطمة الزهراء بنت عبد الرحمن"),
    Shown("chinese", "開放草原學院", "植物學導論", "歐陽美玲", 365),
    Shown("devanagari", "Open Meadow Academy", "वनस्पति विज्ञान का परिचय", "अनन्या श्रीवास्तव", 365),
    Shown("unbroken", "Open Meadow Academy", "W" * 120, "x" * 255),
)


def add_world(transaction: Transaction) -> dict[str, str]:
    """The credentials of WORLD, each in a workspace of its issuer; their public ids by picture."""
    workspaces: dict[str, str] = {}
    today = date.today()
    ids = {}
    for one in WORLD:
        if one.issuer not in workspaces:
            workspaces[one.issuer] = add_workspace(transaction, one.issuer).id
        workspace_id = workspaces[one.issuer]
        group = add_group(
            transaction, workspace_id, one.group, [BUILT_IN[0].id], "https://learning.example/botany"
        )
        expiry = None if one.valid_days is None else (today + timedelta(days=one.valid_days)).isoformat()
        dates = ((today - timedelta(days=256)).isoformat(), expiry)
        recipient = (None, one.recipient, None)
        credential = add_credential(transaction, workspace_id, group.id, recipient, dates, status="issued")
        ids[one.picture] = credential.public_id
    return ids


def prepare(settings: Settings) -> dict[str, str]:
    """A migrated database with the world in it."""
    migrate(settings)

    async def run() -> dict[str, str]:
        database = open_database(settings)
        try:
            return await database.write(add_world)
        finally:
            await database.close()

    return asyncio.run(run())


def take_pictures(browser: Browser, url: str, ids: dict[str, str], folder: Path) -> int:
    """Every page at every width in both schemes; how many pictures were taken."""
    pages = {f"credential-{name}": f"/credentials/{id_}" for name, id_ in ids.items()}
    for name in ("valid", "expired", "long", "arabic"):
        pages[f"verification-{name}"] = f"/credentials/{ids[name]}/verification"
    pages |= {"front": "/", "missing": "/credentials/there-is-none", "docs": "/docs"}
    count = 0
    for width in WIDTHS:
        for scheme in SCHEMES:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            for name, path in pages.items():
                page.goto(url + path, wait_until="networkidle")
                if name == "credential-valid":
                    page.get_by_role("link", name="Verify").click()
                    page.get_by_role("heading", name="Verification").wait_for()
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    print(f"{name} is {wide} pixels wide at {width}")
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=name != "docs")
                count += 1
            context.close()
    return count


def print_page(browser: Browser, address: str, path: Path) -> None:
    """The page as paper shows it."""
    page = browser.new_page(viewport={"width": 1046, "height": 740})
    page.emulate_media(media="print")
    page.goto(address)
    page.screenshot(path=path)
    page.close()


def picture_for_readme(browser: Browser, address: str) -> None:
    """One credential page, as the README shows it."""
    path = ROOT / "docs" / "images" / "credential-page.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": 900, "height": 800}, color_scheme="light")
    page.goto(address)
    page.screenshot(path=path)
    page.close()


def main() -> None:
    """Serve the world, take the pictures, say where they are."""
    folder = ROOT / "pictures"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(database_url=f"sqlite:///{temporary}/pictures.db", secret_key=SECRET_KEY)
        ids = prepare(settings)
        server = Server(settings).start()
        try:
            count = draw(server.url, ids, folder)
        finally:
            server.stop()
    print(f"{count} pictures in {folder}")


def draw(url: str, ids: dict[str, str], folder: Path) -> int:
    """All pictures, in one browser; how many."""
    with sync_playwright() as playwright, launch(playwright) as browser:
        count = take_pictures(browser, url, ids, folder)
        valid = f"{url}/credentials/{ids['valid']}"
        print_page(browser, valid, folder / "print.png")
        if "--readme" in sys.argv:
            picture_for_readme(browser, valid)
    return count + 1


if __name__ == "__main__":
    main()
