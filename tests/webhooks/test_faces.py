"""Every type is told, once, whichever face it comes from: the API, the dashboard, imports, the command line, pages, jobs."""

import json
import re

import pytest
from sqlalchemy import update

from conftest import SECRET_KEY, in_transaction
from credtrail.credentials.store import credentials
from dashboard.conftest import ada_in, browser
from dashboard.test_credentials import add, confirm, many, new
from dashboard.test_imports import start, upload
from pages.test_reports import Page
from test_cli import runner

__all__ = ["ada_in", "browser"]

SHARES = (
    "credential_shared_to_linkedin",
    "credential_shared_to_facebook",
    "credential_shared_to_twitter",
    "credential_shared_to_messenger",
    "credential_shared_to_whatsapp",
    "credential_shared_to_pinterest",
    "credential_shared_to_telegram",
    "credential_shared_to_weibo",
)


@pytest.fixture
def client(browser):
    """The API's calls, in the same lifespan as the dashboard's."""
    return browser().client


@pytest.fixture
def told(endpoint, work, receiver):
    """What is told of since it was asked last, in order: types, and of which credentials."""
    endpoint()

    def ask(*jobs):
        work(*jobs)
        bodies = [json.loads(one.body) for one in receiver.came]
        receiver.came.clear()
        return [(one["type"].partition(".")[2], one["data"]["resource"]["id"]) for one in bodies]

    return ask


def types(told):
    """The types alone."""
    return [type_ for type_, _ in told]


def test_the_api(told, api, cast, view):
    new_one = {"groupId": cast.group_id, "recipient": {"name": "Robin", "email": "robin@learner.example"}}
    draft = api("POST", "/credentials", new_one)["id"]
    api("PATCH", f"/credentials/{draft}", {"recipient": {"name": "Robin Quill"}})
    api("POST", f"/credentials/{draft}/schedule", {"issueAt": "2099-01-01T00:00:00Z"}, 200)
    api("POST", f"/credentials/{draft}/issue")
    api("POST", f"/credentials/{draft}/issue", status=409)
    api("POST", f"/credentials/{draft}/send", {"deliveryMethod": "email"})
    acts = ["created", "updated", "updated", "issued", "sent"]
    assert told("send_mails") == [(act, draft) for act in acts]
    api("POST", f"/credentials/{draft}/revoke", {"reason": "by mistake"})
    api("POST", f"/credentials/{draft}/revoke", {"reason": "by mistake"})
    api("POST", f"/credentials/{draft}/reinstate")
    api("DELETE", f"/credentials/{draft}", status=204)
    api("DELETE", f"/credentials/{draft}", status=404)
    assert told() == [("revoked", draft), ("reinstated", draft), ("deleted", draft)]
    api("POST", "/credentials/create-issue-send", new_one, 201)
    assert types(told("send_mails")) == ["created", "issued", "sent"]
    api("POST", "/credentials/batch", {"data": [new_one, new_one]}, 200)
    assert types(told()) == ["created", "created"]


def test_interactions_of_the_api_and_of_pages(told, view, client, cast, api):
    others = ("viewed", "downloaded", "link_copied", "verified", "added_to_linkedin_profile")
    for name in others:
        view(event_type=f"credential_{name}")
    for name in SHARES:
        view(event_type=name, by="recipient")
    item = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    api(
        "POST",
        "/credential-interactions/batch",
        {"data": [item, item, {**item, "triggeredBy": "nobody"}]},
        200,
    )
    assert types(told()) == [*others, *["shared"] * len(SHARES), "viewed", "viewed"]
    page = Page(client, cast, cast.public_id)
    for _ in range(2):  # the second is a repeat, and set aside
        page.report("credential_viewed")
    page.report("credential_verified")
    assert types(told()) == ["viewed", "verified"]


def test_the_dashboard(told, ada_in, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials/new")
    fields = new(ada_in, **{"groupId": cast.group_id, "recipient.name": "New One", "then": "issue_and_send"})
    page = ada_in.post(f"{ada_in.home}/credentials/new", **fields)
    assert types(told("send_mails")) == ["created", "issued", "sent"]
    id_ = re.search(r"/credentials/(\w{26})/edit", page)[1]
    here = f"{ada_in.home}/credentials/{id_}"
    ada_in.post(f"{here}/edit", **{**fields, "recipient.name": "Li Wei", "issueDate": "2020-01-01"})
    ada_in.post(f"{here}/revoke", reason="By mistake")
    ada_in.post(f"{here}/delete")
    assert told() == [("updated", id_), ("revoked", id_), ("deleted", id_)]
    ids = [add(settings, cast, f"Person {n}", f"p{n}@learner.example", status="draft") for n in range(2)]
    ada_in.see(f"{ada_in.home}/credentials")
    for act in ("issue", "send", "revoke", "delete"):
        confirm(ada_in, act, many(ada_in, act, ids))
    assert types(told("send_mails")) == [
        *["created"] * 2, *["issued"] * 2, *["revoked"] * 2, *["deleted"] * 2,
    ]  # fmt: skip


def test_imports_and_persons_erased(told, ada_in, cast, settings, database_url, tmp_path):
    page = upload(ada_in, cast, "name,email\nUma,uma@learner.example\n")
    start(ada_in, page, then="issue_and_send")
    assert types(told("import_sheets")) == ["created", "issued"]
    assert types(told("send_mails")) == ["sent"]
    credtrail = runner(tmp_path, CREDTRAIL_DATABASE_URL=database_url, CREDTRAIL_SECRET_KEY=SECRET_KEY)
    (tmp_path / "sheet.csv").write_text("name,email\nVic,vic@learner.example\n")
    command = ("import", "credentials", "sheet.csv", "--group", cast.group_id)
    for _ in range(2):
        assert credtrail(*command, "--then", "issue").returncode == 0
    assert types(told()) == ["created", "issued"], "what is there already isn't told again"
    where = ("--workspace", "Open Meadow Academy", "--yes")
    assert credtrail("person", "erase", "vic@learner.example", *where).returncode == 0
    assert types(told()) == ["deleted"]


def test_jobs(told, api, cast, settings):
    new_one = {"groupId": cast.group_id, "recipient": {"name": "Robin", "email": "robin@learner.example"}}
    made = api("POST", "/credentials", {**new_one, "issueDate": "2024-01-01", "expiryDate": "2030-01-01"})[
        "id"
    ]
    later = {"issueAt": "2099-01-01T00:00:00Z", "sendAtIssuance": True}
    api("POST", f"/credentials/{made}/schedule", later, 200)
    due = update(credentials).where(credentials.c.id == made)
    in_transaction(settings, lambda tx: tx.connection.execute(due.values(issue_at=1)))
    assert types(told("issue_scheduled", "send_mails", "note_expired")) == [
        "created",
        "updated",
        "issued",
        "sent",
    ]
    in_transaction(settings, lambda tx: tx.connection.execute(due.values(expiry_date="2024-02-01")))
    assert told("note_expired") == [], "it had expired before anybody wanted to know"
