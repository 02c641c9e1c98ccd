"""What is known of a person leaves as a file, and is erased from everywhere."""

import json

from sqlalchemy import select, text

from conftest import headers, in_transaction
from credtrail.database import metadata


def everything(settings):
    """All that stands in any table, as one text."""

    def ask(transaction):
        rows = []
        for table in metadata.sorted_tables:
            rows += [str(tuple(row)) for row in transaction.connection.execute(select(table))]
        return "\n".join(rows)

    return in_transaction(settings, ask)


def test_export_and_erasure(ada_in, cast, settings):
    api = ada_in.client
    made = api.post(
        "/v1/credentials/create-issue-send",
        json={
            "groupId": cast.group_id,
            "recipient": {"name": "Zoë Quill", "email": "Zoe.Quill@learner.example"},
        },
        headers=headers(cast.ada, **{"Idempotency-Key": "once"}),
    ).json()
    api.post(
        "/v1/credential-interactions",
        json={
            "credentialId": made["id"],
            "eventType": "credential_viewed",
            "triggeredBy": "guest",
            "triggeredAt": "2024-03-12T17:33:05.784Z",
        },
        headers=headers(cast.ada),
    )
    ada_in.see(f"{ada_in.home}/persons")
    assert "Nobody here" in ada_in.post(f"{ada_in.home}/persons", email="nobody@learner.example")
    assert "Zoë Quill" in ada_in.post(f"{ada_in.home}/persons", email="zoe.quill@LEARNER.example")
    known = json.loads(ada_in.post(f"{ada_in.home}/persons/export", email="zoe.quill@learner.example"))
    [credential] = known["credentials"]
    assert credential["recipient"]["name"] == "Zoë Quill"
    assert [one["eventType"] for one in credential["interactions"]] == ["credential_viewed"]
    assert [one["status"] for one in credential["mails"]] == ["waiting"]

    assert "Zoë Quill" in everything(settings)
    ada_in.see(f"{ada_in.home}/persons")
    fields = {"email": "zoe.quill@learner.example"}
    assert "nothing was erased" in ada_in.post(
        f"{ada_in.home}/persons/erase", status=400, confirm="zoe", **fields
    )
    page = ada_in.post(f"{ada_in.home}/persons/erase", confirm="zoe.quill@learner.example", **fields)
    assert "Erased: 1 credential with all that belonged to it" in page
    left = everything(settings).casefold()
    assert "quill" not in left
    assert made["id"] not in left
    assert made["publicId"] not in left
    assert "robin" in left, "others stay"
    assert api.get(f"/credentials/{made['publicId']}").status_code == 404
    assert "erased a person" in ada_in.see(f"{ada_in.home}/audit-log")


def test_nobody_elses_persons_are_found(ada_in, cast, settings):
    def count(transaction):
        return transaction.connection.execute(text("select count(*) from credentials")).scalar()

    before = in_transaction(settings, count)
    ada_in.see(f"{ada_in.home}/persons")
    ada_in.post(
        f"{ada_in.home}/persons/erase", email="robin@learner.example", confirm="robin@learner.example"
    )
    assert in_transaction(settings, count) == before - 2, (
        "Cleo's workspace keeps its credential for the same person"
    )
