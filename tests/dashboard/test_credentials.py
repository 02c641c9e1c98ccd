"""Credentials in the dashboard: found, made, shown, changed, and acted on one by one and many at once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from conftest import ON_ONE, headers, in_transaction
from credtrail.accounts.session_store import audit_entries
from credtrail.accounts.store import add_workspace
from credtrail.attributes.store import add_attribute
from credtrail.credentials.store import (
    add_credential,
    credentials,
    find_credential,
    note_sent,
    revoke_credential,
)
from credtrail.groups.store import add_group
from credtrail.interactions.visits import set_aside_interactions
from credtrail.mail.store import add_mails, mails
from dashboard.conftest import add_person, let_in


def add(settings, cast, name, email=None, *, status="issued", group_id=None, dates=("2024-03-12", None)):
    """A credential of the workspace; its id."""

    def act(transaction):
        recipient = (None, name, email)
        return add_credential(
            transaction, cast.workspace_id, group_id or cast.group_id, recipient, dates, status=status
        ).id

    return in_transaction(settings, act)


def names(page):
    """Whom the list shows, in order."""
    return re.findall(r'<td class="who"><a href="[^"]+"><bdi dir="auto">([^<]+)</bdi>', page)


def record(client, cast, credential_id, event_type="credential_viewed", by="recipient"):
    """An interaction, by the API."""
    body = {
        "credentialId": credential_id,
        "eventType": event_type,
        "triggeredBy": by,
        "triggeredAt": datetime.now(UTC).isoformat(),
    }
    answer = client.post("/v1/credential-interactions", json=body, headers=headers(cast.ada))
    assert answer.status_code == 201


@pytest.fixture
def people(settings, cast, ada_in):
    """Some credentials in some states; their ids by name."""
    ids = {
        "Amélie Østergård": add(settings, cast, "Amélie Østergård", "amelie@learner.example"),
        "Li": add(settings, cast, "Li", "li@learner.example", dates=("2020-01-01", "2020-06-30")),
        "Zoë": add(settings, cast, "Zoë", dates=("2025-01-01", "2999-01-01")),
        "فاطمة": add(settings, cast, "فاطمة", "fatima@school.example", status="draft"),
    }
    in_transaction(
        settings, lambda tx: revoke_credential(tx, cast.workspace_id, ids["Zoë"], "Issued by mistake.")
    )
    client = ada_in.client
    record(client, cast, ids["Amélie Østergård"])
    record(client, cast, ids["Amélie Østergård"], "credential_shared_to_linkedin")
    record(client, cast, ids["Li"], by="guest")
    record(client, cast, ids["Li"], by="guest")
    record(client, cast, ids["Li"], "credential_verified", "guest")

    def send(transaction):
        add_mails(transaction, cast.workspace_id, [(ids["Amélie Østergård"], "amelie@learner.example")])
        transaction.connection.execute(mails.update().values(status="sent"))
        note_sent(transaction, cast.workspace_id, ids["Amélie Østergård"])
        add_mails(transaction, cast.workspace_id, [(ids["Li"], "li@learner.example")])
        transaction.connection.execute(
            mails.update().where(mails.c.status == "waiting").values(status="bounced", reason="No such box")
        )

    in_transaction(settings, send)
    return ids


FILTERS = {
    "text=ØSTER": ["Amélie Østergård"],
    "text=school.ex": ["فاطمة"],
    "text=%25": [],
    "status=draft": ["فاطمة", "Robin Ñandú"],
    "status=issued": ["Amélie Østergård", "Robin Ñandú"],
    "status=expired": ["Li"],
    "status=revoked": ["Zoë"],
    "issued_from=2024-12-31": ["Zoë"],
    "issued_to=2020-01-01": ["Li"],
    "expires_from=2020-01-01&expires_to=2030-01-01": ["Li"],
    "engagement=opened": ["Amélie Østergård"],
    "engagement=not_opened&status=issued": ["Robin Ñandú"],
    "engagement=shared": ["Amélie Østergård"],
    "engagement=added": [],
    "engagement=verified": ["Li"],
    "views=2": ["Li"],
    "views=3": [],
    "mail=sent": ["Amélie Østergård"],
    "mail=bounced": ["Li"],
    "mail=none": ["فاطمة", "Zoë", "Robin Ñandú", "Robin Ñandú"],
    "mail=waiting": [],
    "mail=uncertain": [],
    "sort=name&status=issued": ["Amélie Østergård", "Robin Ñandú"],
    "sort=oldest&text=learner.example": ["Robin Ñandú", "Robin Ñandú", "Amélie Østergård", "Li"],
    "": ["فاطمة", "Zoë", "Li", "Amélie Østergård", "Robin Ñandú", "Robin Ñandú"],
}


def test_each_filter_finds_its_own(ada_in, people, cast):
    for query, expected in FILTERS.items():
        page = ada_in.see(f"{ada_in.home}/credentials?{query}")
        assert names(page) == expected, query
    assert names(ada_in.see(f"{ada_in.home}/credentials?group={cast.group_id}&text=li@")) == ["Li"]
    assert names(ada_in.see(f"{ada_in.home}/credentials?group={cast.cleos_group_id}")) == []


def test_the_filter_stands_in_the_form_and_in_the_address(ada_in, people):
    page = ada_in.see(f"{ada_in.home}/credentials?text=%C3%98ster&mail=sent")
    assert 'value="Øster"' in page
    assert "<details open>" in page, "so that nobody wonders why something is missing"
    answer = ada_in.client.get(
        f"{ada_in.home}/credentials?text=Li&group=&status=", headers={"HX-Request": "true"}
    )
    assert answer.headers["hx-replace-url"] == f"{ada_in.home}/credentials?text=Li"


@ON_ONE
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("views=many", "Must be a whole number"),
        ("issued_from=2024-02-31", "Must be a day"),
        ("status=gone", "Must be one of those offered"),
        ("engagement=x", "Must be one of those offered"),
        ("mail=x", "Must be one of those offered"),
        ("cursor=forged", "Cursor must be a cursor"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(ada_in, query, sentence):
    page = ada_in.see(f"{ada_in.home}/credentials?{query}", 400)
    assert sentence.lower() in page.lower()


def test_pages_follow_each_other(ada_in, settings, cast):
    def act(transaction):
        for number in range(60):
            recipient = (None, f"Person {number:02}", None)
            add_credential(transaction, cast.workspace_id, cast.group_id, recipient, ("2024-03-12", None))

    in_transaction(settings, act)
    first = ada_in.see(f"{ada_in.home}/credentials?text=person&sort=name")
    assert "60 credentials" in first
    assert names(first) == [f"Person {number:02}" for number in range(50)]
    older = re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    second = ada_in.see(f"{ada_in.home}/credentials{older}")
    assert names(second) == [f"Person {number:02}" for number in range(50, 60)]
    newer = re.search(r'href="([^"]+)" rel="prev"', second)[1].replace("&amp;", "&")
    assert names(ada_in.see(f"{ada_in.home}/credentials{newer}")) == names(first)


def test_viewers_see_and_change_nothing(in_role, cast, people):
    viewer = in_role("viewer")
    page = viewer.see(f"{viewer.home}/credentials")
    assert "Amélie" in page
    assert 'type="checkbox"' not in page
    page = viewer.see(f"{viewer.home}/credentials/{people['Li']}")
    assert "Delete" not in page


# One by hand


def new(person, **fields):
    """What the form sends."""
    return {
        "groupId": "",
        "recipient.name": "Robin Ñandú",
        "recipient.email": "robin@learner.example",
        "issueDate": "",
        "expiryDate": "",
        "then": "keep",
        **fields,
    }


def stored(settings, cast, name):
    """The one credential of that name."""

    def ask(transaction):
        query = select(credentials.c.id).where(credentials.c.recipient_name == name)
        [id_] = transaction.connection.execute(query).scalars()
        return find_credential(transaction, cast.workspace_id, id_)

    return in_transaction(settings, ask)


def waiting(settings):
    """Addresses that mails wait for."""
    return in_transaction(settings, lambda tx: list(tx.connection.execute(select(mails.c.address)).scalars()))


@pytest.mark.parametrize(
    ("then", "status", "sent"),
    [("keep", "draft", []), ("issue", "issued", []), ("issue_and_send", "issued", ["new@learner.example"])],
)
def test_a_credential_is_made_by_hand(ada_in, cast, settings, then, status, sent):
    ada_in.see(f"{ada_in.home}/credentials/new")
    fields = new(ada_in, **{"groupId": cast.group_id, "recipient.name": "New One", "then": then})
    fields["recipient.email"] = "new@learner.example"
    page = ada_in.post(f"{ada_in.home}/credentials/new", **fields)
    assert "New One" in page
    made = stored(settings, cast, "New One")
    assert made.status == status
    assert waiting(settings) == sent


def test_attributes_are_typed_by_their_kind(ada_in, cast, settings):
    def act(transaction):
        for tag, kind in (("grade", "text"), ("passed_on", "date"), ("hours", "number"), ("photo", "image")):
            add_attribute(transaction, cast.workspace_id, tag, tag.replace("_", " ").title(), kind)

    in_transaction(settings, act)
    page = ada_in.see(f"{ada_in.home}/credentials/new")
    assert re.search(r'name="customAttributes.custom.passed_on" type="date"', page)
    assert re.search(r'name="customAttributes.custom.hours" type="number"', page)
    fields = new(ada_in, **{"groupId": cast.group_id, "recipient.name": "Typed"})
    wrong = {"customAttributes.custom.hours": "many", "customAttributes.custom.grade": "A & B"}
    page = ada_in.post(f"{ada_in.home}/credentials/new", status=400, **fields, **wrong)
    assert "Must be a number" in page
    assert 'value="A &amp; B"' in page, "what was typed stays"
    right = {
        **wrong,
        "customAttributes.custom.hours": "12.5",
        "customAttributes.custom.passed_on": "2026-11-01",
    }
    page = ada_in.post(f"{ada_in.home}/credentials/new", **fields, **right)
    assert "A &amp; B" in page
    assert "1 Nov 2026" in page
    assert stored(settings, cast, "Typed").custom_attributes == {
        "custom.grade": "A & B",
        "custom.passed_on": "2026-11-01",
        "custom.hours": "12.5",
    }


def test_expiry_by_rule_by_date_and_never(ada_in, cast, settings):
    group_id = in_transaction(
        settings,
        lambda tx: add_group(tx, cast.workspace_id, "Ends", [cast.design_id], expires_after="P1Y").id,
    )
    ada_in.see(f"{ada_in.home}/credentials/new?group={group_id}")
    for name, more, expected in (
        ("By rule", {}, "2025-03-12"),
        ("By date", {"expiryDate": "2030-01-01"}, "2030-01-01"),
        ("Never", {"never": "yes"}, None),
    ):
        fields = {"groupId": group_id, "recipient.name": name, "issueDate": "2024-03-12", **more}
        ada_in.post(f"{ada_in.home}/credentials/new", **new(ada_in, **fields))
        assert stored(settings, cast, name).expiry_date == expected


def test_a_credential_is_scheduled_in_the_workspaces_own_time(ada_in, cast, settings):
    from credtrail.accounts.store import workspaces

    in_transaction(
        settings, lambda tx: tx.connection.execute(workspaces.update().values(time_zone="Asia/Tokyo"))
    )
    ada_in.see(f"{ada_in.home}/credentials/new")
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    later = {"groupId": cast.group_id, "recipient.name": "Later", "then": "schedule", "sendAtIssuance": "yes"}
    page = ada_in.post(
        f"{ada_in.home}/credentials/new", status=400, **new(ada_in, **later, issueAt="2001-01-01T09:00")
    )
    assert "Must lie in the future" in page
    page = ada_in.post(
        f"{ada_in.home}/credentials/new", status=400, **new(ada_in, **later, issueAt="tomorrow")
    )
    assert "Must be a day and a time" in page
    ada_in.post(f"{ada_in.home}/credentials/new", **new(ada_in, **later, issueAt=f"{day}T09:00"))
    made = stored(settings, cast, "Later")
    assert made.status == "scheduled"
    assert made.send_at_issuance
    assert datetime.fromtimestamp(made.issue_at / 1000, UTC).isoformat() == f"{day}T00:00:00+00:00"


def test_wrong_fields_are_told_beside_them_and_nothing_is_kept(ada_in, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials/new")
    fields = new(ada_in, **{"groupId": cast.group_id, "recipient.name": "Nobody", "then": "issue_and_send"})
    page = ada_in.post(f"{ada_in.home}/credentials/new", status=400, **{**fields, "recipient.email": ""})
    assert 'id="problem-recipient.email"' in page
    page = ada_in.post(f"{ada_in.home}/credentials/new", status=400, **{**fields, "expiryDate": "2001-01-01"})
    assert "Must not be before the issue date" in page
    fields["groupId"] = cast.cleos_group_id
    page = ada_in.post(f"{ada_in.home}/credentials/new", status=404, **fields)
    assert "There is no group" in page
    assert "Nobody" not in ada_in.see(f"{ada_in.home}/credentials")


# One credential's page


def test_its_page_tells_all_that_is_known(ada_in, cast, people, settings):
    page = ada_in.see(f"{ada_in.home}/credentials/{people['Amélie Østergård']}")
    for words in (
        "amelie@learner.example",
        "Viewed by the recipient",
        "As a program told us",
        "Shared to LinkedIn by the recipient",
        "Mail to amelie@learner.example",
        "Created",
        "0 set aside",
        "?recipient=true&amp;key=",
    ):
        assert words in page, words
    page = ada_in.see(f"{ada_in.home}/credentials/{people['Li']}")
    assert "No such box" in page
    page = ada_in.see(f"{ada_in.home}/credentials/{people['Zoë']}")
    assert "Issued by mistake." in page
    assert "?recipient=true" not in page
    page = ada_in.see(f"{ada_in.home}/credentials/{people['فاطمة']}")
    assert "Its page, for everybody" not in page, "a draft has none"


def test_its_picture_is_drawn_in_any_state(ada_in, people):
    for id_ in people.values():
        answer = ada_in.client.get(f"{ada_in.home}/credentials/{id_}/picture.png")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content.startswith(b"\x89PNG")


def test_another_workspaces_credential_is_not_there(ada_in, cast):
    for path in ("", "/picture.png", "/set-aside", "/edit"):
        ada_in.see(f"{ada_in.home}/credentials/{cast.cleos_credential_id}{path}", 404)
    for path in ("issue", "send", "revoke", "delete"):
        ada_in.post(f"{ada_in.home}/credentials/{cast.cleos_credential_id}/{path}", status=404)


def test_the_timeline_pages_without_losing_anything(ada_in, cast, settings):
    for _ in range(30):
        record(ada_in.client, cast, cast.credential_id, by="guest")
    in_transaction(
        settings, lambda tx: add_mails(tx, cast.workspace_id, [(cast.credential_id, "a@b.example")])
    )
    for _ in range(30):
        record(ada_in.client, cast, cast.credential_id, by="guest")
    seen, address = [], f"{ada_in.home}/credentials/{cast.credential_id}"
    page = ada_in.see(address)
    pages = 1
    while True:
        seen += re.findall(r'<p class="what"><bdi dir="auto">([^<]+)</bdi>', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        if older is None:
            break
        page = ada_in.see(address + older[1].replace("&amp;", "&"))
        pages += 1
    assert pages == 3
    assert seen == ["Viewed by a guest"] * 30 + ["Mail to a@b.example"] + ["Viewed by a guest"] * 30 + [
        "Created"
    ]


def test_what_was_set_aside_is_told_with_its_reason(ada_in, cast, settings):
    def act(transaction):
        row = {
            "id": transaction.new_id(),
            "workspace_id": cast.workspace_id,
            "credential_id": cast.credential_id,
            "event_type": "credential_viewed",
            "triggered_by": "guest",
            "triggered_at": transaction.at,
            "reason": "robot",
        }
        transaction.connection.execute(insert(set_aside_interactions), [row])

    in_transaction(settings, act)
    assert "1 set aside" in ada_in.see(f"{ada_in.home}/credentials/{cast.credential_id}")
    page = ada_in.see(f"{ada_in.home}/credentials/{cast.credential_id}/set-aside")
    assert "It came from a robot" in page


def test_a_credential_is_changed(ada_in, cast, settings, people):
    in_transaction(settings, lambda tx: add_attribute(tx, cast.workspace_id, "grade", "Grade", "text"))
    address = f"{ada_in.home}/credentials/{people['Li']}"
    assert 'value="li@learner.example"' in ada_in.see(f"{address}/edit")
    fields = {
        "recipient.name": "Li Wei",
        "recipient.email": "",
        "issueDate": "2020-01-01",
        "expiryDate": "",
        "customAttributes.custom.grade": "A",
    }
    page = ada_in.post(f"{address}/edit", status=400, **{**fields, "recipient.name": " "})
    assert "not blank" in page
    page = ada_in.post(f"{address}/edit", **fields)
    assert "Li Wei" in page
    changed = stored(settings, cast, "Li Wei")
    assert (changed.recipient_email, changed.expiry_date) == (None, None)
    assert changed.custom_attributes == {"custom.grade": "A"}
    ada_in.post(f"{address}/edit", **{**fields, "customAttributes.custom.grade": ""})
    assert stored(settings, cast, "Li Wei").custom_attributes == {}


def test_a_life_from_draft_to_deleted(ada_in, cast, settings):
    id_ = add(settings, cast, "Whole Life", "life@learner.example", status="draft")
    address = f"{ada_in.home}/credentials/{id_}"
    ada_in.see(address)
    page = ada_in.post(f"{address}/send")
    assert re.search(r'class="note warn" role="alert">\s*Only an issued credential can be sent', page)
    past = ada_in.post(f"{address}/schedule", issueAt="2001-01-01T09:00")
    assert re.search(r'class="note warn" role="alert">\s*The time to issue it must lie in the future', past)
    assert "Scheduled" in ada_in.post(f"{address}/schedule", issueAt="2999-01-01T09:00")
    assert "Issued: its page is there" in ada_in.post(f"{address}/issue")
    assert "Only a draft or scheduled" in ada_in.post(f"{address}/issue")
    assert "The mail is on the way" in ada_in.post(f"{address}/send")
    assert waiting(settings) == ["life@learner.example"]
    page = ada_in.post(f"{address}/revoke", reason="By mistake <b>")
    assert "By mistake &lt;b&gt;" in page
    assert "Only an issued credential" in ada_in.post(f"{address}/revoke")
    assert "1 mail<" in page, "what would be lost"
    assert f'revoked the credential <a href="{address}">' in ada_in.see(f"{ada_in.home}/audit-log")
    ada_in.see(address)
    assert "Deleted, with its page" in ada_in.post(f"{address}/delete")
    ada_in.see(address, 404)
    assert waiting(settings) == []
    actions = in_transaction(
        settings,
        lambda tx: list(tx.connection.execute(select(audit_entries.c.action, audit_entries.c.subject))),
    )
    told = [(action, subject) for action, subject in actions if action.startswith("credential_")]
    assert [action for action, _ in told] == [
        "credential_scheduled",
        "credential_issued",
        "credential_sent",
        "credential_revoked",
        "credential_deleted",
    ]
    assert {subject for _, subject in told} == {id_}, "the log outlives names, so it has none"


# Many at once


def many(person, act, ids, **more):
    """The chosen ones, as the list's form sends them."""
    return person.post(f"{person.home}/credentials/many", act=act, id=ids, **more)


def confirm(person, act, page, **more):
    """Say yes to what a confirmation asks."""
    ids = re.search(r'name="ids" value="([^"]*)"', page)[1]
    return person.post(f"{person.home}/credentials/many", act=act, ids=ids, sure="yes", **more)


def test_many_are_issued_after_a_question(ada_in, people, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials")
    page = many(ada_in, "issue", [people["فاطمة"], cast.draft_id, people["Li"]])
    assert "Issue 2 credentials?" in page
    assert "1 of those chosen stays as it is" in page
    assert stored(settings, cast, "فاطمة").status == "draft", "not before it is confirmed"
    assert "2 credentials issued" in confirm(ada_in, "issue", page)
    assert stored(settings, cast, "فاطمة").status == "issued"


def test_many_are_sent_only_where_it_can_be(ada_in, people, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials")
    before = len(waiting(settings))
    page = many(ada_in, "send", list(people.values()))
    assert "Send 1 credential?" in page
    assert "1 credential on the way" in confirm(ada_in, "send", page)
    assert len(waiting(settings)) == before + 1


def test_many_are_revoked_with_one_reason(ada_in, people, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials")
    page = many(ada_in, "revoke", [people["Li"], people["Zoë"], people["Amélie Østergård"]])
    assert "Revoke 2 credentials?" in page
    assert "2 credentials revoked" in confirm(ada_in, "revoke", page, reason="The course was cancelled.")
    assert stored(settings, cast, "Li").revocation_reason == "The course was cancelled."
    assert stored(settings, cast, "Zoë").revocation_reason == "Issued by mistake."


def test_many_are_deleted_and_what_goes_is_said(ada_in, people, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials")
    page = many(ada_in, "delete", list(people.values()))
    assert "Delete 4 credentials?" in page
    assert "3 public pages" in page
    assert "5 interactions" in page
    assert "2 mails" in page
    assert "4 credentials deleted" in confirm(ada_in, "delete", page)
    assert names(ada_in.see(f"{ada_in.home}/credentials")) == ["Robin Ñandú", "Robin Ñandú"]


def test_all_that_are_found_on_every_page(ada_in, settings, cast):
    def act(transaction):
        for number in range(120):
            recipient = (None, f"Person {number:03}", None)
            add_credential(transaction, cast.workspace_id, cast.group_id, recipient, ("2024-03-12", None))

    in_transaction(settings, act)
    ada_in.see(f"{ada_in.home}/credentials?text=person")
    page = ada_in.post(f"{ada_in.home}/credentials/many", act="issue", whole="yes", text="person")
    assert "Issue 120 credentials?" in page
    page = confirm(ada_in, "issue", page, text="person")
    assert "120 credentials issued" in page
    assert 'value="person"' in page, "back where one was"


def test_nothing_chosen_nothing_done(ada_in, people):
    ada_in.see(f"{ada_in.home}/credentials")
    assert "Choose credentials first" in ada_in.post(f"{ada_in.home}/credentials/many", act="delete")
    ada_in.post(f"{ada_in.home}/credentials/many", act="explode", status=404)


def test_nothing_of_another_workspace_is_touched_by_many(ada_in, cast, settings):
    ada_in.see(f"{ada_in.home}/credentials")
    page = many(ada_in, "delete", [cast.cleos_credential_id])
    assert "None of those chosen" in page
    ada_in.post(f"{ada_in.home}/credentials/many", act="delete", ids=cast.cleos_credential_id, sure="yes")

    def ask(transaction):
        query = select(credentials.c.id).where(credentials.c.id == cast.cleos_credential_id)
        return transaction.connection.execute(query).scalar()

    assert in_transaction(settings, ask) == cast.cleos_credential_id


@ON_ONE
@pytest.mark.parametrize(("role", "is_offered"), [("editor", True), ("viewer", False)])
def test_nobody_is_sent_to_make_a_group_who_may_not(browser, settings, role, is_offered):
    here = in_transaction(settings, lambda tx: add_workspace(tx, "Empty Room").id)
    person = browser()
    person.workspace_id = here
    let_in(person, settings, add_person(settings, "ben@meadow.example", "Ben", {here: role}))
    page = person.see(f"{person.home}/credentials")
    assert "No credential yet" in page
    assert ("Make a group" in page) is is_offered
