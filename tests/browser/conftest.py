"""A person with a real Chromium, before a real server.

One server serves all tests here; each test gets credentials of its own. A browser sees no difference between the
databases, so `make test` takes PostgreSQL for the main ways alone (`ON_BOTH`), and `make fuzz` for all.
"""

import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import select

from chromium import PERSON, launch
from conftest import SECRET_KEY, THOROUGH, Cast, Server, add_cast, headers, in_transaction, postgres_url
from credtrail.accounts.passwords import hash_password
from credtrail.accounts.people import digest_secret, make_secret
from credtrail.accounts.people_store import add_user, find_user, set_member
from credtrail.accounts.session_store import add_session
from credtrail.interactions.visits import set_aside_interactions
from credtrail.pages.token import PageTokens
from credtrail.settings import Settings
from credtrail.values import now

PATIENCE_SECONDS = 15
"""How long whatever is waited for may take on a machine that has much else to do."""
expect.set_options(timeout=PATIENCE_SECONDS * 1_000)
PASSWORD = "four meadow words together"
ANOTHER_SITE = re.compile(r"https?://(?!127\.0\.0\.1[:/])")


def aside(act: Callable[..., Any], *arguments: Any) -> Any:
    """Act in another thread: Playwright keeps an event loop running in this one, where asyncio.run is refused."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(act, *arguments).result()


class Shown(NamedTuple):
    """A credential and where its page is."""

    id: str
    public_id: str
    address: str


class Site:
    """A server with the cast on its database, and what the API says about it."""

    def __init__(self, server: Server, settings: Settings, cast: Cast) -> None:
        self.url = server.url
        self.cast = cast
        self.settings = settings
        self._api = httpx.Client(base_url=f"{server.url}/v1", headers=headers(cast.ada))
        self.close = self._api.close

    def add_credential(self, name: str = "Robin Ñandú", **more: Any) -> Shown:
        """Create and issue a credential by the API."""
        body = {"groupId": self.cast.group_id, "recipient": {"name": name}, **more}
        made = self._api.post("/credentials", json=body).raise_for_status().json()
        self._api.post(f"/credentials/{made['id']}/issue").raise_for_status()
        return Shown(made["id"], made["publicId"], f"{self.url}/credentials/{made['publicId']}")

    def interactions(self, shown: Shown) -> list[tuple[str, str]]:
        """What the API lists for it, oldest first: what, and by whom."""
        answer = self._api.get("/credential-interactions", params={"credentialId": shown.id, "limit": 100})
        return [(one["eventType"], one["triggeredBy"]) for one in reversed(answer.json()["data"])]

    def expect(self, shown: Shown, *expected: tuple[str, str]) -> None:
        """Wait until exactly this is listed."""
        _wait(lambda: self.interactions(shown), list(expected))

    def set_aside(self, shown: Shown) -> list[tuple[str, str]]:
        """What was set aside for it, oldest first: what, and why."""
        table = set_aside_interactions
        query = select(table.c.event_type, table.c.reason).where(table.c.credential_id == shown.id)

        def ask(transaction):
            return [tuple(row) for row in transaction.connection.execute(query.order_by(table.c.id))]

        return aside(in_transaction, self.settings, ask)

    def expect_set_aside(self, shown: Shown, *expected: tuple[str, str]) -> None:
        """Wait until exactly this was set aside, and see that nothing was recorded."""
        _wait(lambda: self.set_aside(shown), list(expected))
        assert self.interactions(shown) == []


def make_older(page: Any) -> None:
    """As if the page had been made some seconds ago: the server's clock can't be wound on like the browser's."""
    public_id = page.evaluate("document.documentElement.dataset.credential")
    token = PageTokens(SECRET_KEY).make(public_id, now() - 5_000)
    page.evaluate("token => { document.documentElement.dataset.token = token; }", token)


def _wait(look: Callable[[], list[Any]], expected: list[Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := look()) != expected and time.monotonic() < deadline and len(seen) <= len(expected):
        time.sleep(0.03)  # the server is another process: there is nothing else to wait on
    assert seen == expected


DATABASES = ["sqlite", "postgresql"]
ON_BOTH = pytest.mark.parametrize("site", DATABASES, indirect=True)


@pytest.fixture(scope="session", params=DATABASES if THOROUGH else DATABASES[:1])
def site(request, templates, tmp_path_factory):
    """A server on a fresh database with the cast."""
    template = aside(templates, request.param)
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("site") / "credtrail.db"
        shutil.copy(template, path)
        database_url = f"sqlite:///{path}"
    else:
        name = f"site_{time.time_ns()}"
        template.psql(f"create database {name} template template_credtrail")
        database_url = postgres_url(template, name)
    settings = Settings(database_url=database_url, secret_key=SECRET_KEY)
    cast = aside(add_cast, settings)
    server = Server(settings).start()
    site = Site(server, settings, cast)
    yield site
    site.close()
    server.stop()


@pytest.fixture(scope="session")
def ada_id(site):
    """Ada, who may do everything in the dashboard."""

    def act(transaction):
        user = add_user(transaction, "ada@meadow.example", "Ada Ñandú", hash_password(PASSWORD))
        set_member(transaction, site.cast.workspace_id, user.id, "owner")
        return user.id

    return aside(in_transaction, site.settings, act)


def let_in(context: Any, site: Site, email: str = "ada@meadow.example") -> None:
    """Signed in without the form, which test_newcomer.py walks through: loading it and its password hash take longer
    than many a test."""
    secret = make_secret()

    def act(transaction):
        user = find_user(transaction, email=email)
        add_session(transaction, digest_secret(secret), user.id, "Chromium", 14)

    aside(in_transaction, site.settings, act)
    cookie = {"name": "credtrail_session", "value": secret, "domain": "127.0.0.1", "path": "/dashboard"}
    context.add_cookies([cookie])


@pytest.fixture
def home(site, ada_id):
    """Where Ada's workspace begins."""
    return f"{site.url}/dashboard/w/{site.cast.workspace_id}"


@pytest.fixture(scope="module")
def playwright():
    """Playwright, for one module: its event loop must be gone before the next one's tests run theirs."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright):
    """A Chromium as a person has it."""
    with launch(playwright) as browser:
        yield browser


@pytest.fixture
def person(chromium):
    """Somebody with a browser profile of their own; what leads to other sites is answered by an empty page."""
    context = chromium.new_context(user_agent=PERSON)
    context.set_default_timeout(PATIENCE_SECONDS * 1_000)
    context.route(ANOTHER_SITE, lambda route: route.fulfill(body="another site"))
    yield context
    context.close()


@pytest.fixture
def visit(person):
    """Opens an address, in a new tab or the given one, and looks at it for a second that passes at once."""
    person.clock.install()

    def look_at(address, page=None):
        page = page or person.new_page()
        page.goto(address)
        make_older(page)
        person.clock.run_for(1_000)
        return page

    return look_at
