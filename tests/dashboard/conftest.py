"""People at the dashboard: Ada owns the workspace, others come in roles; each with a browser of their own."""

import asyncio
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

import pytest
from starlette.testclient import TestClient

from conftest import in_transaction
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people import digest_secret, make_secret
from credtrail.accounts.people_store import add_user, set_member
from credtrail.accounts.session_store import add_session
from credtrail.dashboard.door import ROOT
from credtrail.database.open import open_database
from credtrail.work import make_jobs, run_once

PASSWORD = "four meadow words together"
_HASH = hash_password(PASSWORD)


@dataclass
class Person:
    """A browser: keeps cookies, sends the CSRF token of the last page it saw, follows where it is sent."""

    client: TestClient
    workspace_id: str
    text: str = ""
    csrf: str = ""
    last: Any = field(default=None, repr=False)

    @property
    def home(self) -> str:
        """Where the workspace begins."""
        return f"/dashboard/w/{self.workspace_id}"

    def see(self, path: str, status: int = 200) -> str:
        """Open a page; its text."""
        return self._take(self.client.get(path, follow_redirects=True), status)

    def post(
        self, path: str, *, status: int = 200, csrf: str | None = None, files: Any = None, **fields: Any
    ) -> str:
        """Send a form; the text of the page that one ends on."""
        data = {"csrf": self.csrf if csrf is None else csrf, **fields}
        answer = self.client.post(path, data=data, files=files, follow_redirects=True)
        return self._take(answer, status)

    def undo(self, page: str, *, status: int = 200) -> str:
        """Take the offer that a page makes to undo what was just done; the text of the page that one ends on."""
        found = re.search(r'action="(\S+/undo)".*?name="undo" value="([^"]+)"', page, re.S)
        assert found, "no offer to undo"
        return self.post(found[1], status=status, undo=found[2])

    def sign_in(self, email: str, password: str = PASSWORD, status: int = 200) -> str:
        """Sign in by the form."""
        self.see("/dashboard/sign-in")
        return self.post("/dashboard/sign-in", email=email, password=password, status=status)

    def _take(self, answer, status: int) -> str:
        assert answer.status_code == status, (answer.status_code, answer.text[:2_000])
        self.last = answer
        self.text = answer.text
        found = re.search(r'name="csrf" (?:value|content)="(\w+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return self.text


def add_person(settings, email: str, name: str, roles: dict[str, str]) -> str:
    """A user with the password that all have, in these roles by workspace id; the user's id."""

    def act(transaction):
        user = add_user(transaction, email, name, _HASH)
        for workspace_id, role in roles.items():
            set_member(transaction, workspace_id, user.id, role)
        return user.id

    return in_transaction(settings, act)


def let_in(person: Person, settings, user_id: str) -> Person:
    """Signed in without the form, whose password hash would cost more than most tests."""
    secret = make_secret()
    in_transaction(settings, lambda tx: add_session(tx, digest_secret(secret), user_id, "Firefox", 14))
    person.client.cookies.set("credtrail_session", secret, path=ROOT)
    person.see(person.home)
    return person


@pytest.fixture
def browser(house, cast):
    """Makes browsers that nobody is signed in with."""
    with TestClient(house.application, raise_server_exceptions=False) as first:

        def make() -> Person:
            client = TestClient(house.application, raise_server_exceptions=False)
            client.portal = first.portal  # one lifespan for all of them
            return Person(client, cast.workspace_id)

        yield make


@pytest.fixture
def ada_in(browser, settings, cast):
    """Ada, the owner, signed in."""
    id_ = add_person(settings, "ada@meadow.example", "Ada Ñandú", {cast.workspace_id: "owner"})
    return let_in(browser(), settings, id_)


@pytest.fixture
def in_role(browser, settings, cast):
    """Somebody in a role, signed in."""

    def make(role: str) -> Person:
        id_ = add_person(settings, f"{role}@meadow.example", role.title(), {cast.workspace_id: role})
        return let_in(browser(), settings, id_)

    return make


@pytest.fixture
def letters(settings, tmp_path):
    """Sends the mails that wait, and gives those that went out, as (address, text)."""
    folder = tmp_path / "mails"
    posting = settings.model_copy(update={"mail_folder": str(folder)})

    async def send() -> None:
        database = open_database(posting)
        try:
            await run_once([job for job in make_jobs(database, posting) if job.name.startswith("send_")])
        finally:
            await database.close()

    def run() -> list[tuple[str, str]]:
        asyncio.run(send())
        read = [
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*"))
        ]
        return [(one["To"], one.get_body(("plain",)).get_content()) for one in read]

    return run
