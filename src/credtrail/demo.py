"""A small demo world, always the same but for its ids and the day it ends on. Called by the command line.

The people in it are made up from common given names and family names of many scripts; they exist nowhere.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from credtrail.accounts import people_store as people
from credtrail.accounts import store as accounts
from credtrail.accounts.model import IssuerProfile
from credtrail.credentials.model import Credential
from credtrail.credentials.store import add_credential, find_public, list_credentials, revoke_credential
from credtrail.database import Transaction, run_all
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.interactions.counts import add_counts
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.model import Interaction
from credtrail.values import IdMaker, Moment, day_of, hour_of

WORKSPACE = "Open Meadow Academy"
USER = "demo@localhost"
_SEED = 20_240_312
_WEEKS = 6
_REVOKED = 7
"""The one of the forty people whose credential was taken back."""
_DAY_MS = 86_400_000
_PROFILE = IssuerProfile(
    website_url="https://meadow.example/",
    contact_email="credentials@meadow.example",
    brand_color="#2f6b4f",
    signatory_name="Registrar of the Academy",
)


class _Group(NamedTuple):
    """A group of the demo: its name and what its credentials' pages tell."""

    name: str
    learning_event_url: str | None
    description: str
    skills: tuple[str, ...]
    design: int


_GROUPS = (
    _Group(
        "Introduction to Botany",
        "https://learning.example/botany",
        "Thirty hours of field work and laboratory, and a written examination on the plants of temperate meadows.",
        ("Plant identification", "Herbarium techniques", "Field notes", "Light microscopy"),
        0,
    ),
    _Group(
        "Applied Statistics, Summer School",
        "https://learning.example/statistics",
        "Two weeks of lectures and practice: sampling, estimation, regression, and how to report what was found.",
        ("Regression", "Sampling", "Data visualisation"),
        1,
    ),
    _Group(
        "First Aid at Work",
        None,
        "A course of two days with practical assessment. It has to be refreshed every two years.",
        ("Resuscitation", "Wound care", "Emergency calls"),
        2,
    ),
    _Group(
        "Conference on Open Education – Speaker",
        "https://conference.example/programme",
        "Gave a talk that was chosen by the programme committee.",
        ("Public speaking", "Open educational resources"),
        3,
    ),
)
_PEOPLE = (
    "Amélie Østergård", "Zoë Müller-Lüdenscheidt", "Nguyễn Thị Minh Khai", "Łukasz Wiśniewski", "İbrahim Yılmaz",
    "Þórdís Jónsdóttir", "Søren Kjærgaard", "Chloé Lefèvre", "João Gonçalves", "Mária Kovácsová",
    "Анна Петрова", "Олександр Шевченко", "Георги Димитров", "Ελένη Παπαδοπούλου", "Νίκος Γεωργίου",
    "محمد عبد الله", "فاطمة الزهراء", "זהבה כהן", "יוסף לוי", "अनन्या शर्मा",
    "विक्रम सिंह", "สมชาย ใจดี", "ณัฐธิดา วงศ์สวัสดิ์", "கவிதா முருகன்", "王小明",
    "李美玲", "陳大文", "山田 太郎", "佐藤 さくら", "김민준",
    "박서연", "Wanjiru Kamau", "Chidi Okonkwo", "Keola Kalaniʻōpuʻu", "Siobhán Ní Dhomhnaill",
    "O’Connor, Patrick", "Maximiliane Alexandra von und zu Hohenberg-Wittelsbach", "Li", "Đorđe Đurđević",
    "Ana Lúcia dos Santos",
)  # fmt: skip
_RECIPIENT_HABITS = (
    ("credential_added_to_linkedin_profile", 0.4),
    ("credential_shared_to_linkedin", 0.45),
    ("credential_downloaded", 0.4),
    ("credential_link_copied", 0.3),
    ("credential_shared_to_whatsapp", 0.15),
    ("credential_shared_to_facebook", 0.1),
    ("credential_shared_to_telegram", 0.07),
)
_GUEST_HABITS = (
    "credential_verified",
    "credential_verified",
    "credential_link_copied",
    "credential_downloaded",
)


@dataclass(frozen=True)
class World:
    """What the demo has to show."""

    credential: Credential | None
    is_new: bool
    user_id: str


def make_world(transaction: Transaction, token_digest: str) -> World:
    """Make the demo workspace and its user unless they are there; the demo token is made anew. One transaction."""
    workspace = accounts.find_workspace(transaction, name=WORKSPACE)
    is_new = workspace is None
    if workspace is None:
        workspace = accounts.add_workspace(transaction, WORKSPACE)
        _fill(transaction, workspace.id)
    accounts.renew_token(transaction, workspace.id, "demo", token_digest)
    user = people.find_user(transaction, email=USER) or people.add_user(transaction, USER, "Demo")
    people.set_member(transaction, workspace.id, user.id, "owner")
    newest = list_credentials(transaction, workspace.id, edge=None, newer=False, limit=100)
    shown = next((one for one in reversed(newest) if find_public(transaction, one.public_id)), None)
    return World(shown, is_new, user.id)


def describe(world: World, token: str, public_url: str, sign_in_at: str) -> str:
    """What to try, ready to paste."""
    if world.credential is None:
        return (
            f"No issued credential is left in the demo. Its access token: {token}\nSign in once: {sign_in_at}"
        )
    page = f"{public_url}/credentials/{world.credential.public_id}"
    return f"""
  Credtrail is ready at {public_url}

  Sign in to the dashboard (once, within an hour)
  {sign_in_at}

  A credential's page, as a guest sees it   {page}
  … and as its recipient does               {page}?recipient=true
  The API, to read and try out              {public_url}/docs

  Your access token (shown this once)       {token}

  Record an interaction:

curl -X POST "{public_url}/v1/credential-interactions" \\
  -H "Authorization: Bearer {token}" \\
  -H "Certifier-Version: 2022-10-26" \\
  -H "Content-Type: application/json" \\
  -d '{{"credentialId": "{world.credential.id}", "eventType": "credential_viewed",
       "triggeredBy": "recipient", "triggeredAt": "2024-03-12T17:33:05.784Z"}}'

  List them:

curl "{public_url}/v1/credential-interactions?limit=3" \\
  -H "Authorization: Bearer {token}" \\
  -H "Certifier-Version: 2022-10-26"
"""


class _Then:
    """A Transaction that believes to be at an earlier moment, so that the past is written by the usual functions."""

    def __init__(self, transaction: Transaction, ids: IdMaker, at: Moment) -> None:
        self.dialect = transaction.dialect
        self.connection = transaction.connection
        self.at = at
        self._ids = ids
        self.run = transaction.run

    def new_id(self) -> str:
        """An id of that moment."""
        return self._ids.make(self.at)


def _fill(transaction: Transaction, workspace_id: str) -> None:
    chance = random.Random(_SEED)  # noqa: S311 - the same world every time, no secret
    began = transaction.at - _WEEKS * 7 * _DAY_MS
    ids = IdMaker()
    then = _Then(transaction, ids, began)
    accounts.save_profile(transaction, workspace_id, _PROFILE)
    groups = [
        add_group(
            then,
            workspace_id,
            group.name,
            [BUILT_IN[group.design % len(BUILT_IN)].id],
            group.learning_event_url,
            description=group.description,
            skills=group.skills,
        ).id
        for group in _GROUPS
    ]
    step = (_WEEKS - 1) * 7 * _DAY_MS // len(_PEOPLE)
    seen: list[tuple[Moment, Credential, str, str]] = []
    for number, name in enumerate(_PEOPLE):
        issued_at = began + number * step + chance.randrange(step)
        then = _Then(transaction, ids, issued_at)
        credential = _add_person(then, workspace_id, groups[number % len(groups)], name, number)
        if number == _REVOKED:
            revoke_credential(
                then, workspace_id, credential.id, "Issued by mistake: the examination was not passed."
            )
        if credential.status == "issued":
            seen += [(at, credential, *what) for at, what in _imagine(chance, issued_at, transaction.at)]
    _record(transaction, sorted(seen))


def _add_person(then: _Then, workspace_id: str, group_id: str, name: str, number: int) -> Credential:
    """One credential: most are issued and lasting, some expire, one has expired, one is still a draft."""
    day = date.fromisoformat(day_of(then.at, "UTC"))
    expiry = None
    if number % 4 == 2:  # first aid has to be refreshed
        expiry = (day + timedelta(days=730 if number != 2 else 14)).isoformat()
    return add_credential(
        then,
        workspace_id,
        group_id,
        (None, name, f"recipient{number + 1}@learner.example" if number % 9 else None),
        (day.isoformat(), expiry),
        status="draft" if number == len(_PEOPLE) - 1 else "issued",
        evidence=[{"name": "Field notebook", "url": "https://learning.example/notebook"}]
        if number % 4 == 0
        else (),
    )


def _imagine(
    chance: random.Random, issued_at: Moment, until: Moment
) -> Iterator[tuple[Moment, tuple[str, str]]]:
    """Plausible interactions with one credential: the recipient soon, guests after a share, ever fewer with time."""
    span = until - issued_at

    def later(days: float) -> Moment:
        return issued_at + int(min(chance.expovariate(1 / days) * _DAY_MS, span * 0.98))

    if chance.random() < 0.15:
        return  # never opened
    for _ in range(1 + chance.randrange(4)):
        yield later(2), ("credential_viewed", "recipient")
    popularity = chance.choice((0, 1, 2, 3, 6, 12))
    for event_type, likely in _RECIPIENT_HABITS:
        if chance.random() < likely:
            yield later(3), (event_type, "recipient")
    for _ in range(popularity * 2):
        yield later(9), ("credential_viewed", "guest")
    for _ in range(popularity // 2):
        yield later(9), (chance.choice(_GUEST_HABITS), "guest")


def _record(transaction: Transaction, seen: list[tuple[Moment, Credential, str, str]]) -> None:
    ids = IdMaker()
    counted = [
        (
            Interaction(
                ids.make(at), one.workspace_id, one.group_id, one.id, event_type, triggered_by, at, "api"
            ),
            day_of(at, "UTC"),
            hour_of(at, "UTC"),
        )
        for at, one, event_type, triggered_by in seen
    ]
    run_all(
        transaction, (*SqlLog().append([interaction for interaction, *_ in counted]), *add_counts(counted))
    )
