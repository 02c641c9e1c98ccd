"""Pictures of everything around the work: sign-in and its kin, first steps, tokens, members, webhooks, settings, account,
persons, live, into ./pictures/; with data (also very long, Arabic, Chinese), empty, wrong.

For people to look at, in the way of `tests/pictures.py`. Run as `python tests/dashboard/workspace_pictures.py [folder]`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Browser, Page

from conftest import SECRET_KEY
from credtrail.accounts import people_store as people
from credtrail.accounts import session_store as sessions
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people import digest_secret
from credtrail.accounts.store import (
    add_token,
    add_workspace,
    change_workspace,
    note_token_used,
    revoke_token,
    save_profile,
)
from credtrail.credentials.privacy import PagePrivacy
from credtrail.credentials.privacy_store import save_privacy
from credtrail.credentials.store import add_credential
from credtrail.database import Transaction, run_all
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.model import Interaction
from credtrail.interactions.visits import SetAside, Shelf
from credtrail.recipients.model import NameRequest
from credtrail.recipients.store import add_name_request
from credtrail.seal import Seal
from credtrail.webhooks import delivery_store, manage
from credtrail.webhooks.model import TYPES, Attempt, Message, NewEndpoint
from dashboard.credential_pictures import serve_and_take

PASSWORD = "four meadow words together"
SECRETS = {
    kind: f"a-secret-that-is-only-good-for-pictures-{kind}" for kind in ("sign_in", "password", "invited")
}
DAY_MS = 86_400_000
LONG = "Maximiliane Alexandra Theodora von und zu Hohenberg-Wittelsbach-Schwarzenfels, Freifrau von der Lüdenscheidt"


class World:
    """Ids of what the pictures show."""

    def __init__(self, transaction: Transaction) -> None:
        self.workspace_id = here = add_workspace(transaction, "Open Meadow Academy", "Europe/Berlin").id
        self.empty_id = add_workspace(transaction, "Empty Room").id
        self.long_id = add_workspace(
            transaction,
            "The Joint Examination Board of the United Academies of Applied Sciences and أكاديمية المرج",
        ).id
        profile = IssuerProfile(website_url="https://meadow.example/", contact_email="office@meadow.example")
        save_profile(transaction, here, profile)
        change_workspace(transaction, here, domain="credentials.meadow.example", next_time_zone="Asia/Tokyo")
        change_workspace(transaction, here, next_time_zone_at=transaction.at + DAY_MS, interaction_days=730)
        self.ada_id = self._add_people(transaction)
        for n, name in enumerate(("Learning platform", "学习平台的访问令牌", "x" * 120, "رمز الوصول")):
            id_ = add_token(
                transaction,
                here,
                name,
                f"digest-{n}",
                expires_at=transaction.at + (n - 1) * DAY_MS if n else None,
            )
            if n == 0:
                note_token_used(transaction, id_)
            if n == 2:
                revoke_token(transaction, id_)
        self._add_credentials(transaction)
        self._add_webhooks(transaction)
        self._ask_for_names(transaction)

    def _add_people(self, transaction: Transaction) -> str:
        hash_ = hash_password(PASSWORD)
        ada = people.add_user(transaction, "ada@meadow.example", "Ada Ñandú", hash_)
        for id_ in (self.workspace_id, self.empty_id, self.long_id):
            people.set_member(transaction, id_, ada.id, "owner")
        others = (("Ben", "ben@meadow.example", "editor"), (LONG, f"{'m' * 60}@meadow.example", "admin"))
        for name, email, role in (*others, ("فاطمة الزهراء", "fatima@meadow.example", "viewer")):
            user = people.add_user(transaction, email, name, hash_)
            people.set_member(transaction, self.workspace_id, user.id, role)  # type: ignore[arg-type]
        people.add_invitation(
            transaction,
            self.workspace_id,
            "newcomer@meadow.example",
            "editor",
            digest_secret(SECRETS["invited"]),
            transaction.at + DAY_MS,
        )
        for kind in ("sign_in", "password"):
            until = transaction.at + DAY_MS
            sessions.add_link(transaction, kind, digest_secret(SECRETS[kind]), ada.id, until)  # type: ignore[arg-type]
        for device in ("Firefox on Linux", "Safari on an iPhone"):
            sessions.add_session(transaction, digest_secret(device), ada.id, device, 14)
        for action, subject in (
            ("token_created", "Learning platform"),
            ("credential_issued", self.workspace_id),
            ("person_erased", "robin@learner.example"),
            ("role_changed", LONG),
        ):
            sessions.note_act(
                transaction,
                action,
                subject,
                workspace_id=self.workspace_id,
                actor="ada@meadow.example",
                user_id=ada.id,
                details="viewer → admin" if action == "role_changed" else "",
            )
        return ada.id

    def _add_credentials(self, transaction: Transaction) -> None:
        here = self.workspace_id
        group = add_group(transaction, here, "Introduction to Botany", [BUILT_IN[0].id])
        for name in ("Robin Ñandú", LONG, "歐陽美玲"):
            recipient = (None, name, "robin@learner.example")
            one = add_credential(
                transaction, here, group.id, recipient, ("2026-03-12", None), status="issued"
            )
            self.credential_id, self.public_id = one.id, one.public_id

    def _ask_for_names(self, transaction: Transaction) -> None:
        """Of two credentials; one of them is offline besides."""
        here, at = self.workspace_id, transaction.at
        group = add_group(transaction, here, "植物學導論", [BUILT_IN[1].id])
        ids = []
        for now, wanted in (("Robin Nandu", LONG), ("فاطمة", "فاطمة الزهراء بنت عبد الرحمن")):
            recipient = (None, now, "robin@learner.example")
            one = add_credential(
                transaction, here, group.id, recipient, ("2026-03-12", None), status="issued"
            )
            add_name_request(
                transaction, NameRequest(transaction.new_id(), here, one.id, wanted, "waiting", at)
            )
            ids.append(one.id)
        self.asked_id, self.offline_id = ids
        save_privacy(transaction, self.offline_id, PagePrivacy("private", "recipient", offline_at=at))
        happened = [
            Interaction(transaction.new_id(), here, group.id, id_, type_, by, at - 60_000, "page")
            for id_ in ids
            for type_, by in (
                ("credential_viewed", "guest"),
                ("credential_shared_to_linkedin", "recipient"),
                ("credential_verified", "guest"),
            )
        ]
        run_all(transaction, SqlLog().append(happened))
        shelf = Shelf(transaction, ids)
        shelf.put(SetAside(transaction.new_id(), here, ids[0], "credential_viewed", "guest", at, "robot"))
        run_all(transaction, shelf.writes())

    def _add_webhooks(self, transaction: Transaction) -> None:
        seal, allowed = Seal(SECRET_KEY, "webhooks"), frozenset({"hooks.meadow.example"})
        made = [
            manage.create_endpoint(
                transaction,
                self.workspace_id,
                NewEndpoint(url, list(TYPES)[:count], description=words),
                seal,
                allowed,
            )[0]
            for url, count, words in (
                ("https://hooks.meadow.example/credentials", len(TYPES), "学习平台"),
                (f"https://hooks.meadow.example/{'long/' * 30}", 2, LONG),
            )
        ]
        self.webhook_id = made[0].id
        body = b'{"type":"credential.viewed","data":{"recipient":{"name":"Robin"}}}'
        messages = [
            Message(
                transaction.new_id(),
                self.workspace_id,
                "credential.viewed",
                self.credential_id,
                body,
                body,
                at,
            )
            for at in (transaction.at, transaction.at - DAY_MS, transaction.at - 2 * DAY_MS)
        ]
        delivery_store.add_messages(transaction, [(one, [self.webhook_id]) for one in messages])
        deliveries = delivery_store.list_deliveries(
            transaction, self.webhook_id, edge=None, newer=False, limit=3
        )
        self.delivery_id = deliveries[0].id
        answer = "no route to the service behind\n" * 8
        tries = [
            Attempt(
                self.delivery_id,
                n,
                transaction.at - (3 - n) * 60_000,
                230,
                503,
                "not_2xx",
                answer,
                '{"a": "b"}',
            )
            for n in (1, 2)
        ]
        delivery_store.add_attempts(transaction, tries)
        delivery_store.settle_delivered(transaction, [deliveries[1].id])


def pages_of(world: World) -> dict[str, str]:
    """Address by name, for Ada."""
    here, empty = f"/dashboard/w/{world.workspace_id}", f"/dashboard/w/{world.empty_id}"
    return {
        "home": here,
        "home-empty": empty,
        "home-long": f"/dashboard/w/{world.long_id}",
        "live": f"{here}/live",
        "live-empty": f"{empty}/live",
        "issuer-empty": f"{empty}/issuer",
        "name-requests": f"{here}/name-requests",
        "name-requests-empty": f"{empty}/name-requests",
        "credential-asked": f"{here}/credentials/{world.asked_id}",
        "credential-offline": f"{here}/credentials/{world.offline_id}",
        "tokens": f"{here}/access-tokens",
        "tokens-empty": f"{empty}/access-tokens",
        "members": f"{here}/members",
        "members-empty": f"{empty}/members",
        "audit-log": f"{here}/audit-log",
        "audit-log-empty": f"{empty}/audit-log",
        "webhooks": f"{here}/webhooks",
        "webhooks-empty": f"{empty}/webhooks",
        "webhook": f"{here}/webhooks/{world.webhook_id}",
        "webhook-delivery": f"{here}/webhooks/{world.webhook_id}/deliveries/{world.delivery_id}",
        "credential-told": f"{here}/credentials/{world.credential_id}/webhooks",
        "settings": f"{here}/settings",
        "settings-empty": f"{empty}/settings",
        "persons": f"{here}/persons",
        "account": "/dashboard/account",
        "authenticator": "/dashboard/account/authenticator",
        "workspaces": "/dashboard",
        "refused": f"{here}/credentials/nothing",
    }


def pages_outside(world: World) -> dict[str, str]:
    """Address by name, for somebody who isn't signed in."""
    return {
        "sign-in": "/dashboard/sign-in",
        "forgotten": "/dashboard/password",
        "link": f"/dashboard/link/{SECRETS['sign_in']}",
        "password": f"/dashboard/password/{SECRETS['password']}",
        "invitation": f"/dashboard/invitations/{SECRETS['invited']}",
        "set-up-used": "/dashboard/set-up/nothing",
    }


def sign_in(page: Page, url: str) -> None:
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
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()

        def keep(name: str, page: Page = page, width: int = width, scheme: str = scheme) -> None:
            nonlocal count
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                print(f"{name} is {wide} pixels wide at {width}")
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            count += 1

        for name, path in pages_outside(world).items():
            if only in name:
                page.goto(url + path, wait_until="networkidle")
                keep(name)
        sign_in(page, url)
        for name, path in pages_of(world).items():
            if only in name:
                page.goto(url + path, wait_until="networkidle")
                keep(name)
        _meet_problems(page, url, world, keep, only)
        _make_things(page, url, world, keep, only)
        context.close()
    return count


def _meet_problems(page: Page, url: str, world: World, keep, only: str) -> None:  # type: ignore[no-untyped-def]
    """What a form shows that was refused, what asks before it is done, and the menu."""
    here = f"{url}/dashboard/w/{world.workspace_id}"
    for name, address in (
        ("persons-found", "robin@learner.example"),
        ("persons-nobody", "nobody@learner.example"),
    ):
        if only in name:
            page.goto(f"{here}/persons")
            page.get_by_label("E-mail address").fill(address)
            page.get_by_role("button", name="Find").click()
            keep(name)
    if only in "settings-wrong":
        page.goto(f"{here}/settings")
        page.get_by_label("Domain").fill("no domain")
        page.get_by_label("Single interactions").evaluate(
            "field => { field.type = 'text'; field.value = 'x'; }"
        )
        page.get_by_role("button", name="Save").click()
        keep("settings-wrong")
    if only in "webhook-wrong":
        page.goto(f"{url}/dashboard/w/{world.empty_id}/webhooks")
        page.get_by_label("Address", exact=True).fill("http://127.0.0.1/x")
        page.get_by_role("button", name="Create webhook").click()
        keep("webhook-wrong")
    if only in "member-removed":
        page.goto(f"{here}/members")
        page.get_by_role("button", name="Remove").first.click()
        keep("member-removed")
    if only in "phone-menu":
        menu = page.get_by_role("button", name="Menu")
        page.goto(here)
        if menu.is_visible():
            menu.click()
        keep("phone-menu")


def _make_things(page: Page, url: str, world: World, keep, only: str) -> None:  # type: ignore[no-untyped-def]
    """What is shown once, and what says that it is done."""
    if only in "issuer":
        page.goto(f"{url}/credentials/{world.public_id}/verification")  # which takes a key
        page.goto(f"{url}/dashboard/w/{world.workspace_id}/issuer")
        keep("issuer")
    if only in "token-made":
        page.goto(f"{url}/dashboard/w/{world.empty_id}/access-tokens")
        page.get_by_label("Name").fill("Learning platform")
        page.get_by_role("button", name="Create token").click()
        keep("token-made")
    if only in "webhook-made":
        page.goto(f"{url}/dashboard/w/{world.long_id}/webhooks")
        page.get_by_label("Address", exact=True).fill("https://hooks.meadow.example/new")
        page.get_by_role("button", name="Create webhook").click()
        keep("webhook-made")
    if only in "member-invited":
        page.goto(f"{url}/dashboard/w/{world.long_id}/members")
        page.get_by_label("E-mail address").fill("another@meadow.example")
        page.get_by_role("button", name="Send the invitation").click()
        keep("member-invited")


if __name__ == "__main__":
    serve_and_take(World, take_pictures)
