"""Pictures of the pages about credentials, groups, attributes, e-mail templates and imports, into ./pictures/.

For people to look at, in the way of `tests/pictures.py`: with data (also very long, Arabic, Chinese), empty, wrong; on
a phone, a tablet and a desktop, light and dark. Run as `python tests/dashboard/credential_pictures.py [folder]`.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Browser, sync_playwright

from chromium import launch, lend_fonts
from conftest import SECRET_KEY, Server
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people_store import add_user, set_member
from credtrail.accounts.store import add_workspace
from credtrail.attributes.store import add_attribute
from credtrail.credentials.import_store import (
    add_import,
    claim_import,
    end_import,
    map_import,
    note_progress,
)
from credtrail.credentials.spreadsheet import Refused, Tally
from credtrail.credentials.store import add_credential, note_sent, revoke_credential
from credtrail.database import Transaction, run_all
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.designs.fonts import font_folders
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.interactions.counts import add_counts
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.model import Interaction
from credtrail.interactions.visits import SetAside, Shelf
from credtrail.mail.letter import Letter, write_preview
from credtrail.mail.store import add_mails, add_template, mails
from credtrail.settings import Settings
from credtrail.values import day_of, hour_of

PASSWORD = "four meadow words together"
NAMES = (
    "Amélie Østergård",
    "Li",
    "فاطمة الزهراء بنت عبد الرحمن",
    "歐陽美玲",
    "अनन्या श्रीवास्तव",
    "Maximiliane Alexandra Theodora von und zu Hohenberg-Wittelsbach-Schwarzenfels, Freifrau von der Lüdenscheidt",
    "x" * 120,
    "Chidi Okonkwo",
    "Olena Shevchenko",
    "Zoë Müller",
)


class World:
    """Ids of what the pictures show."""

    def __init__(self, transaction: Transaction) -> None:
        self.workspace_id = add_workspace(transaction, "Open Meadow Academy", "Europe/Berlin").id
        self.empty_id = add_workspace(transaction, "Empty Room").id
        user = add_user(transaction, "ada@meadow.example", "Ada Ñandú", hash_password(PASSWORD))
        for id_ in (self.workspace_id, self.empty_id):
            set_member(transaction, id_, user.id, "owner")
        for tag, name, kind in (
            ("grade", "Final grade", "text"),
            ("passed_on", "Passed on", "date"),
            ("hours", "Hours", "number"),
            ("photo", "Photo", "image"),
        ):
            self.attribute_id = add_attribute(transaction, self.workspace_id, tag, name, kind).id  # type: ignore[arg-type]
        self.template_id = add_template(
            transaction,
            self.workspace_id,
            "Warm welcome",
            "Well done, [recipient.name]!",
            "Dear [recipient.name],\n\nyou have finished [group.name].\n\n[credential.link]\n\nYours, [issuer.name]",
        ).id
        self.group_id = self._add_group(transaction, "Introduction to Botany", 0)
        long = self._add_group(
            transaction,
            "Advanced Professional Certificate in Sustainable Agricultural Engineering, Rural Water Management",
            1,
        )
        self._add_group(transaction, "مقدمة في علم النبات", 2)
        self.ids = [
            self._add_credential(transaction, n, name, long if n % 3 == 2 else self.group_id)
            for n, name in enumerate(NAMES * 6)
        ]
        self._let_things_happen(transaction)
        self.import_ids = self._add_imports(transaction)

    def _add_group(self, transaction: Transaction, name: str, design: int) -> str:
        return add_group(
            transaction,
            self.workspace_id,
            name,
            [BUILT_IN[design].id, BUILT_IN[3].id],
            "https://learning.example/botany",
            description="Thirty hours of field work and laboratory, and a written examination.",
            skills=("Plant identification", "Herbarium techniques"),
            expires_after="P2Y6M",
            email_template_id=self.template_id,
        ).id

    def _add_credential(self, transaction: Transaction, n: int, name: str, group_id: str) -> str:
        email = None if n % 7 == 6 else f"person-{n}@learner.example"
        dates = ("2026-03-12", ("2099-01-01", None, "2026-04-01")[n % 3])
        status = "draft" if n % 5 == 4 else "issued"
        one = add_credential(
            transaction,
            self.workspace_id,
            group_id,
            (None, name, email),
            dates,
            status=status,  # type: ignore[arg-type]
            custom_attributes={"custom.grade": "With distinction", "custom.passed_on": "2026-03-01"},
        )
        if n % 11 == 3:
            revoke_credential(transaction, self.workspace_id, one.id, "Issued by mistake.")
        return one.id

    def _add_imports(self, transaction: Transaction) -> list[str]:
        """One being mapped, one under way, one done."""
        lines = [f"{name},person{n}@learner.example,2026-03-{n:02},A" for n, name in enumerate(NAMES[:5], 1)]
        sheet = "\n".join(["name,email,issueDate,Remarks of the teacher", *lines, "Nobody,no-address,,", ""])
        fields: list[str | None] = ["name", "email", "issueDate", None]
        ids = [
            add_import(transaction, self.workspace_id, self.group_id, name, sheet.encode(), fields, count).id
            for name, count in (("people.csv", 6), ("قائمة المشاركين.xlsx", 12_000), ("people.csv", 6_000))
        ]
        for id_ in ids[1:]:
            map_import(transaction, id_, self.group_id, fields, None, "issue_and_send", start=True)
            one = claim_import(transaction)
            assert one is not None
            refused = tuple(Refused(line, "recipient.email", "must be an e-mail address") for line in (7, 19))
            note_progress(transaction, one, 5_002, Tally(4_900, 100, refused))
        end_import(transaction, ids[2], "done")
        return ids

    def _let_things_happen(self, transaction: Transaction) -> None:
        """To the newest but one: it has everything."""
        self.busy_id = self.ids[-2]
        here, at = self.workspace_id, transaction.at
        add_mails(
            transaction, here, [(id_, f"person-{n}@learner.example") for n, id_ in enumerate(self.ids[::3])]
        )
        run = transaction.connection.execute
        states = ("sent", "sent", "bounced", "uncertain")
        for n, id_ in enumerate(self.ids[::3]):
            state = states[n % 4]
            reason = "550 No such box here" if state == "bounced" else None
            run(mails.update().where(mails.c.credential_id == id_).values(status=state, reason=reason))
            if state == "sent":
                note_sent(transaction, here, id_)
        types = (
            "credential_viewed",
            "credential_shared_to_linkedin",
            "credential_downloaded",
            "credential_verified",
        )
        happened = []
        for n, id_ in enumerate([self.busy_id] * 40 + self.ids[::2]):
            by = ("guest", "recipient")[n % 2]
            certainty = ("page", "link")[n % 2]
            then = at - n * 3_600_000
            happened.append(
                Interaction(transaction.new_id(), here, self.group_id, id_, types[n % 4], by, then, certainty)
            )
        run_all(transaction, SqlLog().append(happened))
        counted = [
            (one, day_of(one.triggered_at, "UTC"), hour_of(one.triggered_at, "UTC")) for one in happened
        ]
        run_all(transaction, add_counts(counted))
        shelf = Shelf(transaction, [self.busy_id])
        for reason in ("robot", "prefetch", "repeat", "not_visible"):
            shelf.put(
                SetAside(transaction.new_id(), here, self.busy_id, "credential_viewed", "guest", at, reason)  # type: ignore[arg-type]
            )
        run_all(transaction, shelf.writes())


def pages_of(world: World) -> dict[str, str]:
    """Address by name."""
    here, empty = f"/dashboard/w/{world.workspace_id}", f"/dashboard/w/{world.empty_id}"
    return {
        "credentials": f"{here}/credentials",
        "credentials-filter": f"{here}/credentials?engagement=opened&sort=name",
        "credentials-wrong": f"{here}/credentials?views=x",
        "credentials-nothing": f"{here}/credentials?text=nobody-like-that",
        "credentials-empty": f"{empty}/credentials",
        "credential-new": f"{here}/credentials/new",
        "credential-new-empty": f"{empty}/credentials/new",
        "credential": f"{here}/credentials/{world.busy_id}",
        "credential-long": f"{here}/credentials/{world.ids[5]}",
        "credential-arabic": f"{here}/credentials/{world.ids[2]}",
        "credential-draft": f"{here}/credentials/{world.ids[4]}",
        "credential-revoked": f"{here}/credentials/{world.ids[3]}",
        "credential-edit": f"{here}/credentials/{world.busy_id}/edit",
        "credential-aside": f"{here}/credentials/{world.busy_id}/set-aside",
        "groups": f"{here}/groups",
        "groups-empty": f"{empty}/groups",
        "group": f"{here}/groups/{world.group_id}",
        "group-new": f"{here}/groups/new",
        "attributes": f"{here}/attributes",
        "attributes-empty": f"{empty}/attributes",
        "attribute": f"{here}/attributes/{world.attribute_id}",
        "templates": f"{here}/email-templates",
        "templates-empty": f"{empty}/email-templates",
        "template": f"{here}/email-templates/{world.template_id}",
        "template-new": f"{here}/email-templates/new",
        "imports": f"{here}/imports",
        "imports-empty": f"{empty}/imports",
        "import-map": f"{here}/imports/{world.import_ids[0]}",
        "import-under-way": f"{here}/imports/{world.import_ids[1]}",
        "import-done": f"{here}/imports/{world.import_ids[2]}",
    }


def sign_in(page: Any, url: str) -> None:
    """As Ada."""
    page.goto(f"{url}/dashboard/sign-in")
    page.fill("[name=email]", "ada@meadow.example")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/dashboard**")


def take_pictures(browser: Browser, url: str, world: World, folder: Path, only: str = "") -> int:
    """Every page on a phone, a tablet and a desktop, light and dark; how many pictures were taken."""
    count = 0
    for width, scheme in ((1280, "light"), (768, "light"), (360, "light"), (1280, "dark"), (360, "dark")):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        sign_in(page, url)
        for name, path in pages_of(world).items():
            if only not in name:
                continue
            page.goto(url + path, wait_until="networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                print(f"{name} is {wide} pixels wide at {width}")
            if name == "credentials":
                page.locator("input[name=id]").first.check()
            for frame in page.locator("iframe").all():  # what is never in the window isn't drawn
                frame.scroll_into_view_if_needed()
                page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            count += 1
        if not only:
            count += take_pictures_of_acts(page, url, world, folder, f"{width}-{scheme}")
            count += take_pictures_of_letters(page, folder, f"{width}-{scheme}")
        context.close()
    return count


def take_pictures_of_acts(page: Any, url: str, world: World, folder: Path, tail: str) -> int:
    """What is refused, what asks before it is done, and what offers to undo it."""
    here = f"{url}/dashboard/w/{world.workspace_id}"
    count = 0

    def keep(name: str) -> None:
        nonlocal count
        page.screenshot(path=folder / f"{name}-{tail}.png", full_page=True)
        count += 1

    page.goto(f"{here}/credentials/new")
    page.get_by_label("Recipient’s name").fill("x")
    page.get_by_label("Issue date").fill("2026-03-12")
    page.get_by_label("Expiry date").fill("2020-01-01")
    page.get_by_role("button", name="Make the credential").click()
    keep("credential-new-wrong")
    for act in ("Revoke", "Delete"):
        page.goto(f"{here}/credentials")
        for box in page.locator("input[name=id]").all()[:12]:
            box.check()
        page.get_by_role("button", name=act).click()
        page.wait_for_load_state("networkidle")
        keep(f"credentials-{act.lower()}")
    page.goto(f"{here}/groups/new")
    page.get_by_label("Name").fill("Without a design")
    page.get_by_role("button", name="Make the group").click()
    keep("group-new-wrong")
    page.goto(f"{here}/email-templates/new")
    page.get_by_label("Name").fill("植物學 ترحيب")
    page.get_by_label("Text").fill("Dear [recipient.nmae]")
    page.wait_for_timeout(1_000)
    page.locator("iframe").last.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    keep("template-wrong")
    page.get_by_label("Text").fill("Dear [recipient.name]")
    page.get_by_role("button", name="Make the template").click()
    page.get_by_role("link", name="植物學 ترحيب").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    keep("template-delete")
    page.get_by_role("button", name="Delete it").click()
    keep("template-deleted")
    page.get_by_role("button", name="Undo").click()
    keep("template-back")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it").click()
    return count


def take_pictures_of_letters(page: Any, folder: Path, tail: str) -> int:
    """The mail that brings a credential, by the built-in template, as a mail program shows its HTML."""
    letters = (
        ("en", NAMES[5], "#14594b", "#fff"),
        ("ar", NAMES[2], "#f2c94c", "#000"),
        ("zh", NAMES[3], "#1d4e89", "#fff"),
    )
    for language, name, color, text in letters:
        values = {"recipient.name": name, "group.name": "مقدمة في علم النبات", "issuer.name": "開放草原學院"}
        letter = Letter(
            id="pictures",
            to_name=name,
            to_address="robin@learner.example",
            from_name="開放草原學院",
            from_address="office@meadow.example",
            reply_to=None,
            template=None,
            values=values,
            link="https://credentials.meadow.example/credentials/0f5c8a8e-4a36-4c8c-9b0d-0f60a5a2c3de?recipient=true",
            brand_color=color,
            text_on_brand=text,
            logo=None,
            language=language,
        )
        page.goto("about:blank")
        page.set_content(write_preview(letter))
        page.screenshot(path=folder / f"letter-{language}-{tail}.png", full_page=True)
    return len(letters)


def serve_and_take(make_world: Callable[[Transaction], Any], take: Callable[..., int]) -> None:
    """Serve the world, take the pictures; folder and names as the command line says."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
    folder.mkdir(exist_ok=True, parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        lend_fonts(Path(temporary), font_folders())
        settings = Settings(database_url=f"sqlite:///{temporary}/pictures.db", secret_key=SECRET_KEY)
        migrate(settings)
        world = write_once(settings, make_world)
        server = Server(settings).start()
        try:
            with sync_playwright() as playwright, launch(playwright) as browser:
                count = take(browser, server.url, world, folder, "".join(sys.argv[2:]))
        finally:
            server.stop()
    print(f"{count} pictures in {folder}")


if __name__ == "__main__":
    serve_and_take(World, take_pictures)
