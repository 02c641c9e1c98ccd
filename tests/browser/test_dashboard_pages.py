"""Every page of the dashboard, by the house's own table: WCAG 2.2 AA, on a phone and a desktop, in light and dark."""

import pytest

from browser.conftest import aside
from browser.test_accessible import AXE, RULES, SEEN
from chromium import PERSON
from conftest import SECRET_KEY, Server
from credtrail.accounts.people import digest_secret, make_secret
from credtrail.accounts.session_store import add_session
from credtrail.app import build
from credtrail.attributes.store import add_attribute
from credtrail.credentials.import_store import add_import
from credtrail.dashboard.door import ROOT
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.designs.acts import document_of, make_design
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import list_groups
from credtrail.mail.store import add_template
from credtrail.settings import Settings
from dashboard.workspace_pictures import SECRETS, World

pytestmark = pytest.mark.browser
SHEET = "name,email,x\n王小明,wang@learner.example,1\nRobin,no-address,\n".encode()
NO_PAGES = {
    "/sign-in/openid": "leads to the provider",
    "/sign-in/openid/callback": "comes from the provider",
    "/set-up/{secret}": "in test_newcomer.py; here it would be refused",
    "/fonts.css": "a style sheet",
    "/fonts/{digest}/{name}": "a font",
    "/w/{workspace_id}/live/stream": "a stream",
    "/w/{workspace_id}/images": "JSON for the editor",
    "/w/{workspace_id}/images/{digest}": "a picture",
    "/w/{workspace_id}/credentials/{credential_id}/picture.png": "a picture",
    "/w/{workspace_id}/imports/{import_id}/refused.csv": "a file",
    "/w/{workspace_id}/insights/{name}.csv": "a file",
}
"""What is no page to be looked at, and why."""


def _paths():
    views = build(Settings(database_url="sqlite:////nonexistent/x.db", secret_key="x" * 32)).views
    every = [view.path for view in views if view.method == "GET"]
    assert NO_PAGES.keys() <= set(every)
    # Insights are looked at where something has happened, in test_insights.py.
    return [path for path in every if path not in NO_PAGES and "/insights" not in path]


@pytest.fixture(scope="module")
def fair(templates, tmp_path_factory):
    """A server whose workspace has long, Arabic and Chinese names; ids by what they are called in paths; Ada's session."""
    settings = Settings(
        database_url=f"sqlite:///{tmp_path_factory.mktemp('fair')}/credtrail.db", secret_key=SECRET_KEY
    )
    secret = make_secret()

    def act(transaction):
        world = World(transaction)
        here = world.workspace_id
        [group] = list_groups(transaction, here, edge=None, newer=False, limit=1)
        add_session(transaction, digest_secret(secret), world.ada_id, "Chromium", 14)
        fields = ["name", "email", None]
        return {
            "workspace_id": here,
            "credential_id": world.credential_id,
            "group_id": group.id,
            "design_id": make_design(transaction, here, "植物學導論", document_of(BUILT_IN[0])).id,
            "attribute_id": add_attribute(transaction, here, "grade", "الدرجة النهائية", "text").id,
            "template_id": add_template(
                transaction, here, "x" * 120, "Well done", "Dear [recipient.name]"
            ).id,
            "import_id": add_import(transaction, here, group.id, "قائمة.csv", SHEET, fields, 2).id,
            "webhook_id": world.webhook_id,
            "delivery_id": world.delivery_id,
        }

    migrate(settings)
    ids = aside(write_once, settings, act)
    server = Server(settings).start()
    yield server.url, ids, secret
    server.stop()


def address_of(path, ids):
    """A page's address, with the ids of what is there."""
    kind = {"link": "sign_in", "password": "password", "invitations": "invited"}.get(
        f"{path}/".split("/")[1], ""
    )
    return ROOT + path.format(**ids, secret=SECRETS.get(kind, ""))


def look(page, url):
    """By every rule on a phone in light, by those that ask for sizes and colours on a desktop in dark."""
    faults = []
    for width, scheme, rules in ((360, "light", RULES), (1280, "dark", SEEN)):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{url} is wider than {width}")
        found = AXE.run(page, options=rules)
        if found.violations_count:
            faults.append(f"{url} at {width}, {scheme}: {found.generate_report()}")
    return faults


def test_no_violation_on_any_page(fair, chromium):
    url, ids, secret = fair
    faults = []
    with (
        chromium.new_context(user_agent=PERSON) as inside,
        chromium.new_context(user_agent=PERSON) as outside,
    ):
        inside.add_cookies([{"name": "credtrail_session", "value": secret, "url": f"{url}{ROOT}"}])
        pages = {True: inside.new_page(), False: outside.new_page()}
        for page in pages.values():
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: said.type == "error" and faults.append(said.text))
        for path in _paths():
            is_inside = path not in ("/sign-in", "/password") and "{secret}" not in path
            page = pages[is_inside]
            answer = page.goto(url + address_of(path, ids))
            assert answer.status == 200, path
            assert "default-src 'none'" in answer.headers["content-security-policy"], path
            assert answer.headers["cache-control"] == "no-store", path
            for summary in page.locator("main summary:visible").all():
                summary.click()
            faults += look(page, path)
    assert not faults, "\n".join(faults)
