"""Every view refuses whom it must; the views come from the house's own table, so a new one can't be forgotten."""

import re

import pytest
from sqlalchemy import select

from conftest import SECRET_KEY, in_transaction
from credtrail.accounts.people import ROLES, digest_secret, may
from credtrail.accounts.people_store import add_invitation, add_user, set_member
from credtrail.accounts.store import add_token, add_workspace, find_workspace
from credtrail.app import build
from credtrail.attributes.store import add_attribute
from credtrail.badges.store import add_active_key
from credtrail.credentials.import_store import add_import
from credtrail.database import metadata
from credtrail.designs.acts import document_of, make_design
from credtrail.designs.model import BUILT_IN
from credtrail.mail.store import add_template
from credtrail.recipients.model import NameRequest
from credtrail.recipients.store import add_name_request
from credtrail.seal import Seal
from credtrail.settings import Settings
from credtrail.webhooks import delivery_store, manage
from credtrail.webhooks.model import Message, NewEndpoint
from dashboard.conftest import add_person, let_in

NOWHERE = "01h00000000000000000000000"


def _views():
    return build(Settings(database_url="sqlite:////nonexistent/x.db", secret_key="x" * 32)).views


VIEWS = _views()
OF_WORKSPACES = [view for view in VIEWS if view.needs in ROLES]


def name(view):
    """How a test is called."""
    return f"{view.method} {view.path}"


def address(view, workspace_id):
    """The view's path, with ids that nobody has in it but for the workspace's."""
    path = view.path.replace("{workspace_id}", workspace_id)
    return "/dashboard" + re.sub(r"\{\w+\}", NOWHERE, path)


def send(person, view, workspace_id, csrf=None):
    """Ask for the view as somebody; the answer."""
    path = address(view, workspace_id)
    if view.method == "GET":
        return person.client.get(path, follow_redirects=False)
    data = {"csrf": person.csrf if csrf is None else csrf}
    return person.client.post(path, data=data, follow_redirects=False)


def test_views_of_workspaces_need_a_role_and_others_none():
    for view in VIEWS:
        assert (view.needs in ROLES) == view.path.startswith("/w/{workspace_id}"), name(view)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_signed_out(browser, cast):
    person = browser()
    person.see("/dashboard/sign-in")
    for view in VIEWS:
        if view.needs != "anyone":
            answer = send(person, view, cast.workspace_id)
            if view.method == "GET":
                assert answer.status_code == 303, name(view)
                assert answer.headers["location"].startswith("/dashboard/sign-in?next=/dashboard"), name(view)
            else:
                assert answer.status_code == 401, name(view)


@pytest.fixture
def everybody(browser, settings, cast):
    """Somebody in each role, signed in, and a stranger who owns another workspace."""
    people = {}
    for role in ROLES:
        id_ = add_person(settings, f"{role}@meadow.example", role.title(), {cast.workspace_id: role})
        people[role] = let_in(browser(), settings, id_)
    return people


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_too_small_a_role(everybody, cast):
    for view in OF_WORKSPACES:
        for role, person in everybody.items():
            if not may(role, view.needs):
                assert send(person, view, cast.workspace_id).status_code == 403, (name(view), role)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_another_workspace_is_as_if_it_were_not_there(browser, settings, cast, everybody):
    other = in_transaction(settings, lambda tx: add_workspace(tx, "Yet another one")).id
    for view in OF_WORKSPACES:
        answer = send(everybody["owner"], view, other)
        unknown = send(everybody["owner"], view, NOWHERE)
        assert answer.status_code == unknown.status_code == 404, name(view)
        assert "Yet another one" not in answer.text


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_without_its_token_no_form_is_taken(everybody, cast, browser):
    stranger = browser()
    stranger.see("/dashboard/sign-in")
    for view in VIEWS:
        if view.method == "POST":
            who = stranger if view.needs == "anyone" else everybody["owner"]
            for wrong in ("", "0" * 64, everybody["viewer"].csrf):
                assert send(who, view, cast.workspace_id, wrong).status_code == 403, name(view)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_nothing_is_inline_and_nothing_is_kept_on_the_way(everybody, cast):
    for view in VIEWS:
        if (
            view.method == "GET"
            and view.path.count("{") == 1
            and view.needs in ROLES
            and "stream" not in view.path
        ):
            answer = send(everybody["owner"], view, cast.workspace_id)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert "default-src 'none'" in answer.headers["content-security-policy"], name(view)
                assert answer.headers["cache-control"] == "no-store", name(view)
                assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text), (
                    name(view)
                )


def add_of_cleo(transaction, cast):
    """One of everything in Cleo's workspace; its ids by what they are called in paths."""
    here = find_workspace(transaction, name="Cleo's Institute").id
    zoe = add_user(transaction, "zoe@institute.example", "Zoë of Cleo’s", None)
    set_member(transaction, here, zoe.id, "editor")
    until = transaction.at + 1_000_000
    hook = NewEndpoint("https://hooks.institute.example/", ["credential.viewed"])
    webhook = manage.create_endpoint(transaction, here, hook, Seal(SECRET_KEY, "webhooks"), frozenset())[0]
    message = Message(
        transaction.new_id(),
        here,
        "credential.viewed",
        cast.cleos_credential_id,
        b"{}",
        b"{}",
        transaction.at,
    )
    delivery_store.add_messages(transaction, [(message, [webhook.id])])
    [delivery] = delivery_store.list_deliveries(transaction, webhook.id, edge=None, newer=False, limit=1)
    sheet = add_import(transaction, here, cast.cleos_group_id, "zoo.csv", b"name\nLi\n", ["name"], 1)
    add_active_key(transaction, here, "zoo-key", "sealed")
    request = NameRequest(
        transaction.new_id(), here, cast.cleos_credential_id, "Zoe", "waiting", transaction.at, None, None
    )
    add_name_request(transaction, request)
    return {
        "key_id": "zoo-key",
        "request_id": request.id,
        "credential_id": cast.cleos_credential_id,
        "group_id": cast.cleos_group_id,
        "design_id": make_design(transaction, here, "Zoo’s own", document_of(BUILT_IN[0])).id,
        "attribute_id": add_attribute(transaction, here, "cage", "Cage", "text").id,
        "template_id": add_template(transaction, here, "Roar", "Roar", "Roar").id,
        "import_id": sheet.id,
        "webhook_id": webhook.id,
        "delivery_id": delivery.id,
        "token_id": add_token(transaction, here, "Zoo’s token", "digest"),
        "invitation_id": add_invitation(
            transaction, here, "x@institute.example", "viewer", digest_secret("x"), until
        ).id,
        "user_id": zoe.id,
        "digest": NOWHERE,
        "name": "series",
    }


def all_rows(transaction):
    """All that is in the database, but for what every request leaves: when a session was last seen."""
    return {
        table.name: sorted(map(str, transaction.connection.execute(select(table))))
        for table in metadata.sorted_tables
        if table.name != "sessions"
    }


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_another_workspace_has_is_not_there_and_stays_as_it_is(everybody, settings, cast):
    ids = in_transaction(settings, lambda tx: add_of_cleo(tx, cast))
    before = in_transaction(settings, all_rows)
    for view in OF_WORKSPACES:
        names = re.findall(r"\{(\w+)\}", view.path)[1:]
        if names and names not in (["digest"], ["name"]):
            assert set(names) <= ids.keys(), f"{name(view)}: give Cleo one of it"
            path = "/dashboard" + view.path.format(workspace_id=cast.workspace_id, **ids)
            owner = everybody["owner"]
            if view.method == "GET":
                answer = owner.client.get(path)
            else:
                given = {
                    "csrf": owner.csrf,
                    "role": "viewer",
                    "name": "x",
                    "status": "paused",
                    "confirm": "x",
                }
                answer = owner.client.post(path, data=given)
            assert answer.status_code in (400, 404, 415), (name(view), answer.status_code)
            assert not re.search("Zoo|Cleo|Roar|Cage|zoe@|institute", answer.text), name(view)
    assert in_transaction(settings, all_rows) == before


def test_forms_are_bounded(ada_in):
    huge = {"name": "x" * 2_000_000}
    assert "at most 1 MB" in ada_in.post(f"{ada_in.home}/access-tokens", status=413, **huge)
