"""What a verified owner decides: names, offline; what the issuer says to it, and what is written down and erased."""

import asyncio

import pytest

from conftest import in_transaction
from credtrail.accounts.session_store import audit_entries
from credtrail.credentials.store import find_public
from credtrail.database.open import open_database
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.persons import describe_person, erase_person
from credtrail.pages.documents import documents_of
from credtrail.recipients import acts
from credtrail.recipients.acts import NAMES_PER_DAY
from credtrail.recipients.store import name_requests, recipient_codes, recipient_proofs
from recipients.conftest import ROBIN, mails, rows_of

NEW = "Robin Müller"


def name_of(ada, cast):
    return ada.get(f"/v1/credentials/{cast.credential_id}").json()["recipient"]["name"]


def waiting(ada):
    return ada.get("/v1/name-requests?status=waiting").json()["data"]


def drawn(settings, cast):
    view = in_transaction(settings, lambda tx: find_public(tx, cast.public_id))
    return documents_of(view, settings.public_url)[0]


def test_a_correction_waits_for_the_issuer_and_is_accepted(ada, cast, device, settings, allow):
    allow(contact_email="contact@meadow.example")
    robin = device().prove()
    assert robin.send("name", {"name": "  Robin \t Müller "}).status_code == 204
    assert name_of(ada, cast) == "Robin Ñandú"
    [request] = waiting(ada)
    assert (request["name"], request["credentialId"]) == (NEW, cast.credential_id)
    [mail] = mails(settings, "contact@meadow.example")
    assert f"http://testserver/dashboard/w/{cast.workspace_id}/credentials/{cast.credential_id}" in mail.body
    assert NEW not in mail.body
    assert "Robin" not in mail.body
    before = drawn(settings, cast)
    assert ada.get(before.png_path).status_code == 200
    accepted = ada.post(f"/v1/name-requests/{request['id']}/accept")
    assert accepted.json()["status"] == "accepted"
    assert name_of(ada, cast) == NEW
    after = drawn(settings, cast)
    assert after.png_path != before.png_path
    moved = ada.get(f"{before.png_path}?again")
    assert moved.headers["location"].startswith(after.png_path)
    assert mails(settings)[-1].subject == "Your name was corrected"
    assert mails(settings)[-1].from_name == "Open Meadow Academy"
    assert ada.post(f"/v1/name-requests/{request['id']}/accept").status_code == 409
    assert ada.post(f"/v1/name-requests/{request['id']}/decline", json={}).status_code == 409


def test_what_was_drawn_with_the_former_name_is_deleted(ada, cast, device, settings, house, allow, tmp_path):
    allow(name_changes="at_once")
    robin = device().prove()
    ada.get(drawn(settings, cast).png_path)
    assert robin.send("name", {"name": NEW}).status_code == 204
    assert name_of(ada, cast) == NEW
    [request] = ada.get("/v1/name-requests").json()["data"]
    assert request["status"] == "accepted"
    assert "Robin Ñandú" not in robin.see().text


def test_a_correction_is_declined_with_a_reason_for_its_reader(ada, cast, device, settings):
    robin = device().prove()
    robin.send("name", {"name": NEW})
    [request] = waiting(ada)
    body = {"reason": "Please send us your new passport first."}
    assert (
        ada.post(f"/v1/name-requests/{request['id']}/decline", json=body).json()["reason"] == body["reason"]
    )
    assert name_of(ada, cast) == "Robin Ñandú"
    assert body["reason"] in mails(settings)[-1].body
    page = robin.see().text
    assert body["reason"] in page
    assert "The issuer has not taken this name over:" in page


def test_a_newer_correction_replaces_the_one_that_waits_and_null_withdraws_it(ada, cast, device):
    robin = device().prove()
    for name in (NEW, "Robin M."):
        robin.send("name", {"name": name})
    assert [one["name"] for one in waiting(ada)] == ["Robin M."]
    assert robin.send("name", {"name": None}).status_code == 204
    assert waiting(ada) == []
    states = [one["status"] for one in ada.get("/v1/name-requests").json()["data"]]
    assert states == ["withdrawn", "withdrawn"]


def test_corrections_are_bounded_and_checked(device, cast, allow):
    robin = device().prove()
    assert robin.send("name", {"name": " Robin  Ñandú "}).status_code == 400
    for wrong in ({}, {"name": ""}, {"name": " "}, {"name": "x" * 256}, {"name": "a\x00b"}, {"name": 1}):
        assert robin.send("name", wrong).status_code == 400
    for number in range(NAMES_PER_DAY):
        assert robin.send("name", {"name": f"Robin {number}"}).status_code == 204
    assert robin.send("name", {"name": NEW}).status_code == 429
    allow(name_changes="never")
    assert robin.send("name", {"name": NEW}).status_code == 403


@pytest.mark.parametrize("act", ["name", "privacy", "offline"])
def test_without_a_proof_nothing_is_decided(device, settings, act):
    stranger = device()
    body = {"name": NEW, "privacy": "private", "offline": True}
    assert stranger.send(act, {act: body[act]}).status_code == 404
    stranger.proof = "made-up"
    assert stranger.send(act, {act: body[act]}).status_code == 404
    assert rows_of(settings, audit_entries) == []


def test_offline_is_reversible_even_where_it_is_not_allowed_any_more(device, ada, cast, allow):
    robin = device().prove()
    robin.send("privacy", {"privacy": "public"})
    assert robin.send("offline", {"offline": True}).status_code == 204
    path = f"/v1/credentials/{cast.credential_id}/privacy"
    since = ada.get(path).json()["offlineSince"]
    assert since is not None
    assert ada.get(robin.path).status_code == 404
    robin.send("offline", {"offline": True})
    assert ada.get(path).json()["offlineSince"] == since
    allow(offline_choices=False)
    assert robin.send("offline", {"offline": True}).status_code == 403
    assert robin.send("offline", {"offline": False}).status_code == 204
    told = ada.get(path).json()
    assert (told["offlineSince"], told["privacy"], told["chosenBy"]) == (None, "public", "recipient")
    assert ada.get(robin.path).status_code == 200


def test_who_did_what_is_written_down_without_names(device, cast, settings, allow):
    robin = device().prove()
    robin.send("name", {"name": NEW})
    allow(name_changes="at_once")
    robin.send("name", {"name": "Robin M."})
    robin.send("privacy", {"privacy": "limited"})
    robin.send("offline", {"offline": True})
    robin.send("offline", {"offline": False})
    entries = sorted(rows_of(settings, audit_entries), key=lambda row: row["id"])
    assert [row["action"] for row in entries] == [
        "name_correction_requested",
        "name_corrected",
        "page_privacy_chosen",
        "page_taken_offline",
        "page_put_online",
    ]
    assert {(row["actor"], row["subject"]) for row in entries} == {("the recipient", cast.credential_id)}
    assert "Robin" not in str(entries)


def test_a_persons_file_holds_it_and_an_erasure_takes_it(device, cast, settings):
    robin = device().prove()
    robin.send("privacy", {"privacy": "private"})
    robin.send("name", {"name": NEW})
    robin.ask()
    known = in_transaction(settings, lambda tx: describe_person(tx, SqlLog(), cast.workspace_id, ROBIN))
    [first] = [one for one in known["credentials"] if one["id"] == cast.credential_id]
    assert first["page"]["privacy"] == "private"
    assert first["page"]["chosenBy"] == "recipient"
    assert [one["name"] for one in first["nameRequests"]] == [NEW]
    assert len(first["verifiedDevices"]) == len(first["codes"]) == 1
    assert robin.proof not in str(known)
    in_transaction(settings, lambda tx: erase_person(tx, cast.workspace_id, ROBIN))
    for table in (recipient_proofs, recipient_codes, name_requests):
        assert rows_of(settings, table) == []
    assert mails(settings) == []


def test_two_who_decide_at_once_both_come_through(settings, cast):
    view = in_transaction(settings, lambda tx: find_public(tx, cast.public_id))

    async def both():
        database = open_database(settings)
        await asyncio.gather(
            *(
                database.write(lambda tx, privacy=privacy: acts.choose_privacy(tx, view, privacy, 7))
                for privacy in ("private", "limited", "public", "link")
            )
        )
        await database.close()

    asyncio.run(both())
    view = in_transaction(settings, lambda tx: find_public(tx, cast.public_id))
    assert view.page.serial == 4
