"""The life of credentials: whatever is called in whatever order, the states are those of the contract."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import headers, in_transaction
from credtrail.credentials.store import find_credential, issue_scheduled, revoke_credential
from credtrail.mail.store import list_mails

ALLOWED = {
    ("draft", "issue"): "issued",
    ("scheduled", "issue"): "issued",
    ("draft", "schedule"): "scheduled",
    ("scheduled", "schedule"): "scheduled",
    ("issued", "send"): "issued",
    ("issued", "expire"): "expired",
    ("expired", "renew"): "issued",
    ("scheduled", "come due"): "issued",
}
HARMLESS = ("rename", "expire", "renew", "come due")
"""Never refused; where the table says nothing, they change nothing about the status."""
CALLS = ("issue", "schedule", "send", "expire", "renew", "rename", "come due", "delete")


def act(client, cast, settings, id_, name):
    """Do one thing to a credential; the answer, or None where it is the clock's doing."""
    path, asked = f"/v1/credentials/{id_}", headers(cast.ada)
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    match name:
        case "issue":
            return client.post(f"{path}/issue", headers=asked)
        case "schedule":
            return client.post(
                f"{path}/schedule", headers=asked, json={"issueAt": soon, "sendAtIssuance": True}
            )
        case "send":
            return client.post(f"{path}/send", headers=asked, json={"deliveryMethod": "email"})
        case "expire":
            return client.patch(
                path, headers=asked, json={"issueDate": "2024-01-01", "expiryDate": "2024-01-02"}
            )
        case "renew":
            return client.patch(path, headers=asked, json={"expiryDate": None})
        case "rename":
            return client.patch(path, headers=asked, json={"recipient": {"name": "Robin"}})
        case "delete":
            return client.delete(path, headers=asked)
    in_transaction(settings, lambda transaction: issue_scheduled(as_if_later(transaction), 100))
    return None


def as_if_later(transaction):
    """The same transaction, three days on."""
    transaction.at += 3 * 86_400_000
    return transaction


def test_no_sequence_of_calls_leaves_the_state_machine(client, cast, settings):
    @hypothesis_settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(CALLS), max_size=8))
    def check(calls):
        new = {"groupId": cast.group_id, "recipient": {"name": "Robin", "email": "robin@learner.example"}}
        made = client.post("/v1/credentials", headers=headers(cast.ada), json=new).json()
        id_, expires = made["id"], False
        stored = status = "draft"
        for name in calls:
            answer = act(client, cast, settings, id_, name)
            if name == "delete":
                assert answer.status_code == (404 if status == "gone" else 204)
                status = stored = "gone"
                continue
            if status == "gone":
                assert answer is None or answer.status_code == 404
                continue
            if name in ("expire", "renew"):
                expires = name == "expire"
            if (status, name) in ALLOWED or name in HARMLESS:
                assert answer is None or answer.status_code == 200, (status, name, answer.text)
                if name in ("issue", "come due") and (stored, name) in ALLOWED:
                    stored = "issued"
                elif name == "schedule":
                    stored = "scheduled"
            else:
                assert answer.status_code == 409, (status, name, answer.text)
            status = "expired" if stored == "issued" and expires else stored
            told = client.get(f"/v1/credentials/{id_}", headers=headers(cast.ada)).json()
            assert told["status"] == status
            page = client.get(f"/credentials/{made['publicId']}")
            assert page.status_code == (200 if stored == "issued" else 404)

    check()


def test_a_scheduled_one_is_issued_at_its_time_and_mailed_where_asked(client, cast, settings):
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    path = f"/v1/credentials/{cast.draft_id}"
    client.post(
        f"{path}/schedule", headers=headers(cast.ada), json={"issueAt": later, "sendAtIssuance": True}
    )

    def due(days):
        def run(transaction):
            transaction.at += days * 86_400_000
            return issue_scheduled(transaction, 100)

        return in_transaction(settings, run)

    assert due(1) == []
    assert due(3) == [(cast.draft_id, cast.workspace_id, "robin@learner.example")]
    assert due(3) == []
    assert client.get(path, headers=headers(cast.ada)).json()["status"] == "issued"


def test_work_issues_and_queues_in_one_transaction(client, cast, settings):
    from credtrail.work import _issue_scheduled

    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    plan = {"issueAt": later, "sendAtIssuance": True}
    client.post(f"/v1/credentials/{cast.draft_id}/schedule", headers=headers(cast.ada), json=plan)
    assert in_transaction(settings, lambda transaction: _issue_scheduled(as_if_later(transaction))) == 1
    [mail] = in_transaction(settings, lambda transaction: list_mails(transaction, cast.draft_id))
    assert (mail.status, mail.address) == ("waiting", "robin@learner.example")


def test_a_revoked_one_is_not_sent(client, cast, settings):
    in_transaction(
        settings,
        lambda transaction: revoke_credential(transaction, cast.workspace_id, cast.credential_id, "Error"),
    )
    answer = client.post(
        f"/v1/credentials/{cast.credential_id}/send",
        headers=headers(cast.ada),
        json={"deliveryMethod": "email"},
    )
    assert answer.status_code == 409


def test_a_new_name_is_in_both_places_and_on_the_page(client, cast):
    path = f"/v1/credentials/{cast.credential_id}"
    changed = client.patch(path, headers=headers(cast.ada), json={"recipient": {"name": "Robin Li"}}).json()
    assert (changed["recipient"]["name"], changed["attributes"]["recipient.name"]) == ("Robin Li", "Robin Li")
    assert "Robin Li" in client.get(f"/credentials/{cast.public_id}").text


def test_updated_at_moves_only_when_something_changed(client, cast):
    path = f"/v1/credentials/{cast.credential_id}"
    before = client.get(path, headers=headers(cast.ada)).json()
    same = client.patch(path, headers=headers(cast.ada), json={"recipient": {"name": "Robin Ñandú"}}).json()
    assert same == before


def test_deleting_takes_mails_and_kept_answers_along(client, cast, settings):
    new = {
        "groupId": cast.group_id,
        "recipient": {"name": "Secret Person", "email": "secret@learner.example"},
    }
    asked = headers(cast.ada, **{"Idempotency-Key": "batch-1"})
    made = client.post(
        "/v1/credentials/batch", headers=asked, json={"data": [new, new], "then": "issue_and_send"}
    ).json()["data"]
    asked = headers(cast.ada, **{"Idempotency-Key": "one"})
    one = client.post("/v1/credentials/create-issue-send", headers=asked, json=new).json()
    for id_ in (made[0]["credential"]["id"], made[1]["credential"]["id"], one["id"]):
        assert client.delete(f"/v1/credentials/{id_}", headers=headers(cast.ada)).status_code == 204

    def texts(transaction):
        from credtrail.database import metadata

        return "\n".join(
            str(row)
            for table in metadata.sorted_tables
            for row in transaction.connection.execute(table.select())
        )

    everything = in_transaction(settings, texts).lower()
    for trace in ("secret person", "secret@", one["id"], one["publicId"], made[0]["credential"]["id"]):
        assert trace not in everything
    assert in_transaction(
        settings, lambda transaction: find_credential(transaction, cast.workspace_id, cast.credential_id)
    )
