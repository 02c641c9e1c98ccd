"""Every view refuses whom it must; the views come from the house's own table, so a new one can't be forgotten."""

import re

import pytest

from credtrail.accounts.people import ROLES, may
from credtrail.app import build
from credtrail.settings import Settings
from dashboard.conftest import add_person

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
@pytest.mark.parametrize("view", [view for view in VIEWS if view.needs != "anyone"], ids=name)
def test_signed_out(view, browser, cast):
    person = browser()
    person.see("/dashboard/sign-in")
    answer = send(person, view, cast.workspace_id)
    if view.method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/dashboard/sign-in?next=/dashboard")
    else:
        assert answer.status_code == 401


@pytest.fixture
def everybody(browser, settings, cast):
    """Somebody in each role, signed in, and a stranger who owns another workspace."""
    people = {}
    for role in ROLES:
        add_person(settings, f"{role}@meadow.example", role.title(), {cast.workspace_id: role})
        people[role] = browser()
        people[role].sign_in(f"{role}@meadow.example")
        people[role].see("/dashboard/account")
    return people


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_too_small_a_role(everybody, cast):
    for view in OF_WORKSPACES:
        for role, person in everybody.items():
            if not may(role, view.needs):
                assert send(person, view, cast.workspace_id).status_code == 403, (name(view), role)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_another_workspace_is_as_if_it_were_not_there(browser, settings, cast, everybody):
    from conftest import in_transaction
    from credtrail.accounts.store import add_workspace

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
        if view.method == "GET" and view.path.count("{") == 1 and view.needs in ROLES:
            answer = send(everybody["owner"], view, cast.workspace_id)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert "default-src 'none'" in answer.headers["content-security-policy"], name(view)
                assert answer.headers["cache-control"] == "no-store", name(view)
                assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text), (
                    name(view)
                )


def test_forms_are_bounded(ada_in):
    huge = {"name": "x" * 2_000_000}
    assert "at most 1 MB" in ada_in.post(f"{ada_in.home}/access-tokens", status=413, **huge)
