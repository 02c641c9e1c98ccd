"""Pictures of every page in every state, at three widths, light and dark, into ./pictures/; run by `make pages`.

For people to look at: nothing is compared. With `--readme` it also renews docs/images/credential-page.png.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select

from browser.conftest import aside
from chromium import launch, lend_fonts
from conftest import SECRET_KEY, Server
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import add_workspace, save_profile
from credtrail.credentials.model import Credential
from credtrail.credentials.privacy import PagePrivacy
from credtrail.credentials.privacy_store import save_privacy
from credtrail.credentials.store import add_credential, revoke_credential
from credtrail.database import Transaction
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.designs.fonts import font_folders
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.mail.notice_store import notices
from credtrail.recipients.acts import decline_name
from credtrail.recipients.model import NameRequest
from credtrail.recipients.proofs import Proof, Proofs
from credtrail.recipients.store import add_name_request, add_proof
from credtrail.settings import Settings
from credtrail.web.html import write_in
from wallets.pictures import open_fold, take_connection_pictures, take_wallet_pictures

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
    design: int = 0
    revoked: str | None = None


WORLD = (
    Shown("valid", "Open Meadow Academy", "Introduction to Botany", "Amélie Østergård", 730),
    Shown("lasting", "Open Meadow Academy", "Conference on Open Education – Speaker", "Li", None, 1),
    Shown("expired", "Open Meadow Academy", "First Aid at Work", "Olena Shevchenko", -30, 2),
    Shown("revoked", "Open Meadow Academy", "First Aid at Work", "Zoë Müller", 365, 2, "Issued by mistake."),
    Shown("badge", "Open Meadow Academy", "Field Guide", "Chidi Okonkwo", 365, 3),
    Shown("consent", "Harbour School of Navigation", "Coastal Navigation", "Keola Kalaniʻōpuʻu", 365, 1),
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
    Shown("verified", "Open Meadow Academy", "Introduction to Botany", "Robin Ñandú", 730),
    Shown("private", "Open Meadow Academy", "Introduction to Botany", "Robin Ñandú", 730),
    Shown("limited", "Open Meadow Academy", "مقدمة في علم النبات", "فاطمة الزهراء", 730),
    Shown("asked", "Open Meadow Academy", "Introduction to Botany", "Robin Nandu", 730),
    Shown("declined", "Open Meadow Academy", "Introduction to Botany", "Robin Nandu", 730),
    Shown("offline", "Open Meadow Academy", "Introduction to Botany", "Robin Ñandú", 730),
)

PROVED = ("verified", "private", "limited", "asked", "declined", "offline")
"""Pictures that show what the verified owner sees."""

ROBIN = "robin@learner.example"

PROFILES = {
    "Open Meadow Academy": IssuerProfile(
        website_url="https://meadow.example/",
        contact_email="credentials@meadow.example",
        brand_color="#2f6b4f",
    ),
    "Harbour School of Navigation": IssuerProfile(brand_color="#1d4e89", privacy_mode="consent"),
}


def add_world(transaction: Transaction) -> dict[str, str]:
    """The credentials of WORLD, each in a workspace of its issuer; their public ids by picture."""
    workspaces: dict[str, str] = {}
    today = date.today()
    ids = {}
    for one in WORLD:
        if one.issuer not in workspaces:
            workspaces[one.issuer] = add_workspace(transaction, one.issuer).id
            save_profile(transaction, workspaces[one.issuer], PROFILES.get(one.issuer, IssuerProfile()))
        workspace_id = workspaces[one.issuer]
        group = add_group(
            transaction,
            workspace_id,
            one.group,
            [BUILT_IN[one.design].id],
            "https://learning.example/botany",
            description="Thirty hours of field work and laboratory, and a written examination.",
            skills=("Plant identification", "Herbarium techniques", "Field notes"),
        )
        expiry = None if one.valid_days is None else (today + timedelta(days=one.valid_days)).isoformat()
        dates = ((today - timedelta(days=256)).isoformat(), expiry)
        recipient = (None, one.recipient, ROBIN if one.picture in PROVED else None)
        credential = add_credential(transaction, workspace_id, group.id, recipient, dates, status="issued")
        if one.revoked:
            revoke_credential(transaction, workspace_id, credential.id, one.revoked)
        ids[one.picture] = credential.public_id
        if one.picture in PROVED:
            ids[f"proof of {one.picture}"] = prove(transaction, credential)
            decide(transaction, one.picture, credential)
    return ids


def decide(transaction: Transaction, picture: str, credential: Credential) -> None:
    """What the verified owner of the picture has decided, and the issuer of that."""
    at, day_ms = transaction.at, 86_400_000
    chosen = {
        "private": PagePrivacy("private", "recipient"),
        "limited": PagePrivacy("limited", "recipient", at + 7 * day_ms),
        "offline": PagePrivacy(offline_at=at),
    }
    if picture in chosen:
        save_privacy(transaction, credential.id, chosen[picture])
    if picture in ("asked", "declined"):
        here = credential.workspace_id
        request = NameRequest(transaction.new_id(), here, credential.id, "Robin Ñandú y Ñuñez", "waiting", at)
        add_name_request(transaction, request)
        if picture == "declined":
            decline_name(
                transaction, here, request.id, "Your passport reads otherwise. Please send us a copy."
            )


def prove(transaction: Transaction, credential: Credential) -> str:
    """What a device of the recipient would hold."""
    proofs, at = Proofs(SECRET_KEY), transaction.at
    token = proofs.make_proof(credential.public_id)
    digests = (proofs.digest_proof(token), credential.id, proofs.digest_address(ROBIN))
    add_proof(transaction, Proof(*digests, at, at + 86_400_000))
    return token


def prepare(settings: Settings) -> dict[str, str]:
    """A migrated database with the world in it."""
    migrate(settings)
    return write_once(settings, add_world)


def take_pictures(
    browser: Browser, url: str, ids: dict[str, str], folder: Path, read_code: Callable[[], str]
) -> int:
    """Every page at every width in both schemes; how many pictures were taken."""
    shown = {name: id_ for name, id_ in ids.items() if not name.startswith("proof of ")}
    pages = {f"credential-{name}": f"/credentials/{id_}" for name, id_ in shown.items()}
    for name in ("valid", "expired", "revoked", "long", "arabic"):
        pages[f"verification-{name}"] = f"/credentials/{ids[name]}/verification"
        pages[f"verify-{name}"] = f"/verify?credential={ids[name]}" + ("&lang=ar" if name == "arabic" else "")
    pages["credential-owner"] = f"/credentials/{ids['valid']}?recipient=true"
    pages["credential-consent"] += "?recipient=true"
    for language in ("de", "ar", "ja"):
        pages[f"credential-in-{language}"] = f"/credentials/{ids['valid']}?lang={language}"
    pages |= {"verify": "/verify", "verify-nothing": "/verify?credential=hello"}
    pages["embed"] = f"/credentials/{ids['valid']}/embed"
    pages |= {"front": "/", "missing": "/credentials/there-is-none", "docs": "/docs"}
    count = 0
    # Each look asks for codes of another: only so many are given for one.
    unasked = iter(("valid", "lasting", "badge", "long", "arabic", "chinese"))
    for width in WIDTHS:
        for scheme in SCHEMES:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            keep_proofs(page, url, ids)
            for name, path in pages.items():
                page.goto(url + path, wait_until="networkidle")
                verify(page, name)
                if name.removeprefix("credential-") in PROVED:
                    page.locator("#own-title").wait_for()
                    for fold in page.locator(".own summary").all():
                        fold.click()
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    print(f"{name} is {wide} pixels wide at {width}")
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=name != "docs")
                count += 1
            page.goto(f"{url}/credentials/{ids['valid']}", wait_until="networkidle")
            open_fold(page)
            page.screenshot(path=folder / f"credential-wallet-{width}-{scheme}.png", full_page=True)
            count += 1 + take_wallet_pictures(page, url, f"{width}-{scheme}", folder)
            if (width, scheme) in ((360, "light"), (1280, "dark")):  # so many codes there are in an hour
                count += take_connection_pictures(page, url, f"{width}-{scheme}", folder, read_code)
            asked = next(unasked)
            count += take_proving_pictures(
                page, f"{url}/credentials/{ids[asked]}", f"{width}-{scheme}", folder
            )
            context.close()
    return count


def take_proving_pictures(page: Page, address: str, tail: str, folder: Path) -> int:
    """From the offer to a code that isn't the right one, in English and Arabic; and the page while nothing can be
    read."""
    for language in ("en", "ar"):
        page.goto(f"{address}?lang={language}", wait_until="networkidle")
        page.locator("[data-prove-open]:visible").first.click()
        page.screenshot(path=folder / f"prove-address-{language}-{tail}.png", full_page=True)
        page.locator("#prove-email").fill("somebody@learner.example")
        page.locator("[data-ask] button").click()
        page.locator("#prove-code").fill("123456")
        page.locator("[data-type] button").first.click()
        page.locator("[data-prove-message]").filter(has_text=re.compile(".")).wait_for()
        page.screenshot(path=folder / f"prove-wrong-{language}-{tail}.png", full_page=True)
    page.route(
        "**/unavailable",
        lambda route: route.fulfill(content_type="text/html", body=write_in("en", "pages/unavailable.html")),
    )
    page.goto(f"{address}/unavailable")
    page.screenshot(path=folder / f"unavailable-{tail}.png", full_page=True)
    return 5


def verify(page: Page, name: str) -> None:
    """Ask for the answer where the picture is of one."""
    if name == "credential-valid":
        page.get_by_role("link", name="Verify").click()
        page.get_by_role("heading", name="Verification").wait_for()
    if name.startswith("verify-"):
        page.locator("form.verify button").click()
        page.locator("#answer .panel").wait_for()


def keep_proofs(page: Page, url: str, ids: dict[str, str]) -> None:
    """From now on the device is the recipient's, on the pages that show that."""
    page.goto(f"{url}/robots.txt")
    for name in PROVED:
        kept = [f"credtrail:proof:{ids[name]}", ids[f"proof of {name}"]]
        page.evaluate("([key, proof]) => localStorage.setItem(key, proof)", kept)


def print_page(browser: Browser, address: str, path: Path) -> None:
    """The page as paper shows it."""
    page = browser.new_page(viewport={"width": 1046, "height": 740})
    page.emulate_media(media="print")
    page.goto(address)
    page.screenshot(path=path, full_page=True)
    page.close()


def picture_for_readme(browser: Browser, address: str) -> None:
    """One credential page, as the README shows it."""
    path = ROOT / "docs" / "images" / "credential-page.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": 1180, "height": 760}, color_scheme="light")
    page.goto(address)
    page.screenshot(path=path)
    page.close()


def main() -> None:
    """Serve the world, take the pictures, say where they are."""
    folder = ROOT / "pictures"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        lend_fonts(Path(temporary), font_folders())
        settings = Settings(database_url=f"sqlite:///{temporary}/pictures.db", secret_key=SECRET_KEY)
        ids = prepare(settings)
        server = Server(settings).start()
        try:
            count = draw(server.url, ids, folder, partial(read_code, settings))
        finally:
            server.stop()
    print(f"{count} pictures in {folder}")


def read_code(settings: Settings) -> str:
    """The digits in the latest mail to Robin, that is on its way."""

    def ask(transaction: Transaction) -> str:
        latest = select(notices.c.body).where(notices.c.address == ROBIN).order_by(notices.c.id.desc())
        body = transaction.connection.execute(latest).scalars().first()
        return re.findall(r"^\d{6}$", body or "", re.M)[0]

    return aside(write_once, settings, ask)


def draw(url: str, ids: dict[str, str], folder: Path, read_code: Callable[[], str]) -> int:
    """All pictures, in one browser; how many."""
    with sync_playwright() as playwright, launch(playwright) as browser:
        count = take_pictures(browser, url, ids, folder, read_code)
        valid = f"{url}/credentials/{ids['valid']}"
        print_page(browser, valid, folder / "print.png")
        if "--readme" in sys.argv:
            picture_for_readme(browser, valid)
    return count + 1


if __name__ == "__main__":
    main()
