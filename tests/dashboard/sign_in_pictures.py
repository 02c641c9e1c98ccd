"""Pictures of the way in and of what keeps one out: set-up, sign-in and its refusals, the second step, recovery codes, a
session that ended while somebody was typing, roles; into ./pictures/.

For people to look at, in the way of `tests/pictures.py`. Run as `python tests/dashboard/sign_in_pictures.py [folder]`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pyotp
from playwright.sync_api import Browser, Page

from browser.conftest import aside
from conftest import SECRET_KEY, Server
from credtrail.accounts import session_store as sessions
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people import digest_secret
from credtrail.accounts.people_store import add_user, set_member
from credtrail.accounts.store import add_workspace
from credtrail.database import Transaction
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.settings import Settings
from dashboard.credential_pictures import serve_and_take

PASSWORD = "four meadow words together"
SET_UP = "a-secret-that-is-only-good-for-pictures"
LOOKS = ((1280, "light"), (768, "light"), (360, "light"), (1280, "dark"), (360, "dark"))


class World:
    """A workspace of Ada, who adds an app and loses her phone, and of Ben, who may look."""

    def __init__(self, transaction: Transaction) -> None:
        self.workspace_id = add_workspace(transaction, "Open Meadow Academy").id
        hash_ = hash_password(PASSWORD)
        # Each look has its own Ada: an app that was added stays, and so does what failed.
        for n, _ in enumerate(LOOKS):
            ada = add_user(transaction, f"ada{n}@meadow.example", "Ada Ñandú", hash_)
            set_member(transaction, self.workspace_id, ada.id, "owner")
        ben = add_user(transaction, "ben@meadow.example", "Ben", hash_)
        set_member(transaction, self.workspace_id, ben.id, "viewer")


def take_pictures(browser: Browser, url: str, world: World, folder: Path, only: str = "") -> int:
    """Every step on a phone, a tablet and a desktop, light and dark; how many pictures were taken."""
    taken: list[str] = []
    for n, (width, scheme) in enumerate(LOOKS):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()

        def keep(name: str, page: Page = page, tail: str = f"{width}-{scheme}") -> None:
            wide, width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            if wide > width:
                print(f"{name} is {wide} pixels wide at {width}")
            page.screenshot(path=folder / f"{name}-{tail}.png", full_page=True)
            taken.append(name)

        ada = f"ada{n}@meadow.example"
        come_and_go(page, url, world, ada, keep)
        come_in_two_steps(page, url, ada, keep)
        be_kept_out(page, url, world, n, keep)
        context.close()
        set_up(browser, folder, width, scheme, taken)
    return len(taken)


def sign_in(page: Page, url: str, email: str, password: str = PASSWORD) -> None:
    """As far as the first step leads."""
    page.goto(f"{url}/dashboard/sign-in")
    give(page, email, password)


def give(page: Page, email: str, password: str = PASSWORD) -> None:
    """Address and password, on whichever page asks for them."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def come_and_go(page: Page, url: str, world: World, email: str, keep) -> None:  # type: ignore[no-untyped-def]
    """Somebody types into a form, the session ends, they sign in again: nothing is lost."""
    sign_in(page, url, email)
    page.goto(f"{url}/dashboard/w/{world.workspace_id}/email-templates/new")
    page.get_by_label("Name").fill("What I had typed")
    page.context.clear_cookies()
    page.get_by_role("button", name="Make the template").click()
    keep("session-ended")
    give(page, email)
    keep("session-resumed")
    page.get_by_role("button", name="Send what I had typed").click()
    page.get_by_text("What I had typed is made").wait_for()
    page.goto(f"{url}/dashboard/account")
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_load_state("networkidle")
    keep("signed-out-everywhere")


def come_in_two_steps(page: Page, url: str, email: str, keep) -> None:  # type: ignore[no-untyped-def]
    """An authenticator app is added, used, and replaced by a recovery code."""
    page.context.clear_cookies()
    sign_in(page, url, email)
    page.goto(f"{url}/dashboard/account/authenticator")
    secret = page.locator("details code").text_content() or ""
    page.get_by_label("Your password").fill("wrong")
    page.get_by_label("Code", exact=True).fill("12345")
    page.get_by_role("button", name="Add it").click()
    keep("authenticator-wrong")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret.replace(" ", "")).now())
    page.get_by_role("button", name="Add it").click()
    keep("recovery-codes")
    code = page.locator("#codes").inner_text().split()[0]
    page.get_by_role("link", name="I have kept them").click()
    keep("account-two-steps")
    page.get_by_role("button", name="Remove the app").click()
    keep("authenticator-remove")
    page.context.clear_cookies()
    sign_in(page, url, email)
    keep("second-step")
    page.get_by_label("Code", exact=True).fill("12345")
    page.get_by_role("button", name="Sign in", exact=True).click()
    keep("second-step-wrong")
    page.get_by_text("The phone is lost?").click()
    page.get_by_label("Recovery code").fill("aaaa-aaaa-aaaa-aaaa")
    page.get_by_role("button", name="Sign in with it").click()
    keep("recovery-wrong")
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Sign in with it").click()
    page.wait_for_url(f"{url}/dashboard/w/**")


def be_kept_out(page: Page, url: str, world: World, n: int, keep) -> None:  # type: ignore[no-untyped-def]
    """A wrong password, too many of them, a role that may not, a link that ended, an address that isn't one."""
    page.context.clear_cookies()
    sign_in(page, url, f"stranger{n}@meadow.example", "not the password")
    keep("sign-in-wrong")
    for _ in range(12):
        sign_in(page, url, f"stranger{n}@meadow.example", "not the password")
    keep("sign-in-throttled")
    page.goto(f"{url}/dashboard/password")
    page.get_by_label("E-mail address").fill("ada")
    page.locator("form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Send me the link").click()
    keep("forgotten-wrong")
    page.get_by_label("E-mail address").fill("ada@meadow.example")
    page.get_by_role("button", name="Send me the link").click()
    keep("forgotten-sent")
    for kind in ("link", "password", "invitations"):
        page.goto(f"{url}/dashboard/{kind}/that-was-used")
        keep(f"{kind}-used")
    sign_in(page, url, "ben@meadow.example")
    here = f"{url}/dashboard/w/{world.workspace_id}"
    for name, path in (
        ("forbidden", "settings"),
        ("viewer-groups", "groups"),
        ("viewer-credentials", "credentials"),
        ("viewer-members", "members"),
    ):
        page.goto(f"{here}/{path}")
        keep(name)
    page.goto(f"{url}/dashboard/nothing")
    keep("nothing")


def set_up(browser: Browser, folder: Path, width: int, scheme: str, taken: list[str]) -> None:
    """The first user of an installation, as only an empty one has it; and what is wrong with what they typed."""
    settings = Settings(database_url=f"sqlite:///{folder}/set-up.db", secret_key=SECRET_KEY)
    aside(migrate, settings)
    provider = {
        "ISSUER": "http://127.0.0.1:1",
        "CLIENT_ID": "x",
        "CLIENT_SECRET": "y",
        "NAME": "Meadow Staff and Guests",
    }
    server = Server(
        settings, **{f"CREDTRAIL_OPENID_{name}": value for name, value in provider.items()}
    ).start()
    try:
        aside(write_once, settings, _add_set_up_link)  # instead of the one that the server printed
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{server.url}/dashboard/set-up/{SET_UP}")
        page.screenshot(path=folder / f"set-up-{width}-{scheme}.png", full_page=True)
        page.locator("form").evaluate("form => form.noValidate = true")
        page.get_by_label("A password").fill("short")
        page.get_by_role("button", name="Begin").click()
        page.screenshot(path=folder / f"set-up-wrong-{width}-{scheme}.png", full_page=True)
        page.goto(f"{server.url}/dashboard/sign-in")
        page.screenshot(path=folder / f"provider-{width}-{scheme}.png", full_page=True)
        page.get_by_role("link", name="Meadow Staff and Guests").click()
        page.screenshot(path=folder / f"provider-away-{width}-{scheme}.png", full_page=True)
        taken += ["set-up", "set-up-wrong", "provider", "provider-away"]
        page.close()
    finally:
        server.stop()
        for left in folder.glob("set-up.db*"):
            left.unlink()


def _add_set_up_link(transaction: Transaction) -> None:
    sessions.add_link(transaction, "set_up", digest_secret(SET_UP), None, transaction.at + 86_400_000)


if __name__ == "__main__":
    serve_and_take(World, take_pictures)
