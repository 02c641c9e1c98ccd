"""Pictures of the pages of insights and of the dashboard's home, into ./pictures/.

For people to look at, in the way of `tests/pictures.py`: with data (also very long, Arabic, Chinese), little, empty,
wrong; on a phone, a tablet and a desktop, light and dark. Run as
`python tests/dashboard/insights_pictures.py [folder [name]]`.
"""

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Browser
from sqlalchemy import update

from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people_store import add_user, set_member
from credtrail.accounts.store import add_workspace
from credtrail.credentials.outcome_store import outcomes
from credtrail.credentials.store import add_credential
from credtrail.database import Transaction, run_all
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.interactions.counts import add_counts, add_page_counts
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.model import Interaction, PageActed
from credtrail.interactions.visits import SetAside
from credtrail.values import EVENT_TYPES, Moment, day_of, hour_of
from dashboard.credential_pictures import NAMES, PASSWORD, serve_and_take, sign_in

DAY_MS = 86_400_000
GROUPS = (
    "Introduction to Botany",
    "Advanced Professional Certificate in Sustainable Agricultural Engineering, Rural Water Management and Soil "
    "Conservation for Extension Officers",
    "مقدمة في علم النبات",
    "植物學導論",
    "W" * 90,
)


class World:
    """A workspace with half a year of everything, one where little happened, one without anything."""

    def __init__(self, transaction: Transaction) -> None:
        names = ("Open Meadow Academy", "Little School", "Empty Room")
        zone = "Europe/Berlin"
        self.busy_id, self.little_id, self.empty_id = (
            add_workspace(transaction, one, zone).id for one in names
        )
        user = add_user(transaction, "ada@meadow.example", "Ada Ñandú", hash_password(PASSWORD))
        for id_ in (self.busy_id, self.little_id, self.empty_id):
            set_member(transaction, id_, user.id, "owner")
        self._chance = random.Random(3)
        self.groups = [
            add_group(transaction, self.busy_id, name, [BUILT_IN[n % 4].id]).id
            for n, name in enumerate(GROUPS)
        ]
        for n in range(400):
            at = transaction.at - int(180 * DAY_MS * (1 - n / 400) ** 1.3)
            self._live(transaction, self.busy_id, self.groups[n * n % 5], NAMES[n % len(NAMES)], at)
        self._act_on_pages(transaction)
        group = add_group(transaction, self.little_id, "First Aid", [BUILT_IN[0].id]).id
        at = transaction.at - 3 * DAY_MS
        one = add_credential(
            transaction, self.little_id, group, (None, "Robin", None), (_day(at), None), status="issued"
        )
        self._record(
            transaction, self.little_id, group, one.id, [("credential_viewed", "recipient", at + 5_000_000)]
        )

    def _live(
        self, transaction: Transaction, workspace_id: str, group_id: str, name: str, at: Moment
    ) -> None:
        """One credential from its issue on."""
        one = add_credential(
            transaction, workspace_id, group_id, (None, name, None), (_day(at), None), status="issued"
        )
        table = outcomes.c
        transaction.connection.execute(
            update(outcomes).where(table.credential_id == one.id).values(issued_at=at)
        )
        chance, acts = self._chance, []
        if chance.random() < 0.8:
            opened = at + int(chance.expovariate(1 / (DAY_MS / 2)))
            acts += [
                ("credential_viewed", "recipient", opened + n * 5_000_000)
                for n in range(chance.randrange(1, 4))
            ]
            if chance.random() < 0.5:
                shared = opened + int(chance.expovariate(1 / DAY_MS))
                acts.append((chance.choice(EVENT_TYPES[1:10]), "recipient", shared))
                guests = range(chance.randrange(12))
                acts += [
                    ("credential_viewed", "guest", shared + int(chance.expovariate(1 / 9e8))) for _ in guests
                ]
                if chance.random() < 0.5:
                    acts.append(("credential_verified", "guest", shared + DAY_MS))
            for type_ in ("credential_downloaded", "credential_link_copied"):
                if chance.random() < 0.3:
                    acts.append((type_, "recipient", opened + 60_000))
        self._record(transaction, workspace_id, group_id, one.id, acts)

    def _record(
        self, transaction: Transaction, workspace_id: str, group_id: str, id_: str, acts: list
    ) -> None:
        log = [
            Interaction(transaction.new_id(), workspace_id, group_id, id_, *act, "api")
            for act in acts
            if act[2] <= transaction.at
        ]
        counted = [
            (one, day_of(one.triggered_at, "Europe/Berlin"), hour_of(one.triggered_at, "Europe/Berlin"))
            for one in log
        ]
        run_all(transaction, (*SqlLog().append(log), *add_counts(counted)))

    def _act_on_pages(self, transaction: Transaction) -> None:
        chance, here = self._chance, self.busy_id
        acted, aside = [], []
        for n in range(600):
            day = _day(transaction.at - chance.randrange(60) * DAY_MS)
            group_id = self.groups[n % 5]
            action = chance.choice(("printed", "qr_code_shown", "shared_to_bluesky", "shared_by_email"))
            acted.append((PageActed(here, group_id, action, chance.choice(("recipient", "guest"))), day))
            reason = chance.choice(
                ("robot", "robot", "robot", "prefetch", "repeat", "unconfirmed", "not_visible")
            )
            aside.append((SetAside("", here, "", "credential_viewed", "guest", 0, reason), group_id, day))
        run_all(transaction, add_page_counts(acted, aside))


def _day(at: Moment) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).date().isoformat()


def pages_of(world: World) -> dict[str, str]:
    """Address by name."""
    busy, little, empty = (f"/dashboard/w/{id_}" for id_ in (world.busy_id, world.little_id, world.empty_id))
    pages = {"home": busy, "home-little": little, "home-empty": empty}
    for name in ("", "/funnel", "/series", "/channels", "/best", "/set-aside"):
        title = f"insights{name.replace('/', '-')}"
        pages[title] = f"{busy}/insights{name}"
        pages[f"{title}-empty"] = f"{empty}/insights{name}"
    pages |= {
        "insights-little": f"{little}/insights",
        "insights-year": f"{busy}/insights?period=365",
        "insights-group": f"{busy}/insights?group={world.groups[1]}",
        "insights-wrong": f"{busy}/insights/series?from=2026-02-30&bucket=hour",
        "insights-series-hours": f"{busy}/insights/series?period=7&bucket=hour&actor=guest",
        "insights-definitions": f"{busy}/insights/definitions",
    }
    return pages


def take_pictures(browser: Browser, url: str, world: World, folder: Path, only: str = "") -> int:
    """Every page on a phone, a tablet and a desktop, light and dark; how many pictures were taken."""
    count = 0
    for width, scheme in ((1280, "light"), (768, "light"), (360, "light"), (1280, "dark"), (360, "dark")):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        page.on("console", lambda said: print(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: print(error))
        sign_in(page, url)
        for name, path in pages_of(world).items():
            if only not in name:
                continue
            page.goto(url + path, wait_until="networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                print(f"{name} is {wide} pixels wide at {width}")
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            count += 1
        context.close()
    return count


if __name__ == "__main__":
    serve_and_take(World, take_pictures)
