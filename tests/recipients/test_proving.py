"""Codes and proofs: who gets one, what is told to everybody else, and when they end."""

import time

import pytest
from sqlalchemy import Engine, delete, event, select, update

from conftest import SECRET_KEY, headers, in_transaction
from credtrail.credentials.store import credentials
from credtrail.interactions.log_sql import interactions
from credtrail.mail.notice_store import claim_notices, notices
from credtrail.pages.token import PageTokens
from credtrail.recipients import store
from credtrail.recipients.proofs import (
    CODE_TRIES,
    CODES_PER_DAY,
    CODES_PER_HOUR,
    MAILS_PER_DAY,
    MAILS_PER_HOUR,
)
from credtrail.recipients.store import recipient_codes, recipient_proofs
from credtrail.values import now
from recipients.conftest import ROBIN, latest_code, mails, rows_of

UNKNOWN = "00000000-0000-4000-8000-000000000000"
HOUR_MS = 3_600_000


def add_credential(client, cast, email):
    """Another issued credential; its public id."""
    known = headers(cast.ada)
    body = {"groupId": cast.group_id, "recipient": {"name": "Robin", "email": email}}
    made = client.post("/v1/credentials", json=body, headers=known).json()
    client.post(f"/v1/credentials/{made['id']}/issue", headers=known)
    return made["publicId"]


def age_codes(settings, ms):
    """As if all codes had been asked for so long before."""
    older = update(recipient_codes).values(
        created_at=recipient_codes.c.created_at - ms, expires_at=recipient_codes.c.expires_at - ms
    )
    in_transaction(settings, lambda tx: tx.connection.execute(older))


def test_a_code_in_the_mail_makes_a_proof(device, settings):
    robin = device()
    asked = robin.ask(" Robin@LEARNER.example ")
    assert asked.status_code == 202
    assert asked.json().keys() == {"challenge", "expiresInSeconds"}
    assert "set-cookie" not in asked.headers
    [mail] = mails(settings)
    assert mail.subject == "Your code for “Botany”"
    assert mail.from_name == "Open Meadow Academy"
    assert "http" not in mail.body  # nothing to open, for a scanner or anybody
    assert mail.expires_at - now() <= 600_000
    code = latest_code(settings)
    given = robin.type(f"{code[:3]} {code[3:]}")
    assert given.status_code == 201
    assert given.json()["privacyMode"] == "storage"
    assert 'data-recipient="verified"' in robin.see().text
    kept = str(rows_of(settings, recipient_proofs)) + str(rows_of(settings, recipient_codes))
    assert code not in kept
    assert robin.proof not in kept
    assert robin.challenge not in kept
    assert ROBIN not in kept


def test_the_mail_speaks_the_pages_language_and_digits_of_any_script_are_read(device, settings, client):
    robin = device()
    path = f"{robin.path}/recipient/code?lang=ar"
    robin.challenge = client.post(path, json={"email": ROBIN}, headers=robin.headers).json()["challenge"]
    assert "رمزك" in mails(settings)[-1].subject
    arabic = latest_code(settings).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert robin.type(arabic).status_code == 201


def test_whether_an_address_fits_is_told_to_nobody(device, client, cast, settings):
    draft = client.get(f"/v1/credentials/{cast.draft_id}", headers=headers(cast.ada)).json()["publicId"]
    nameless = add_credential(client, cast, None)
    asked = [
        (device(), ROBIN),
        (device(), "ben@elsewhere.example"),
        (device(), "no address at all"),
        (device(nameless), ROBIN),
        (device(draft), ROBIN),
        (device(UNKNOWN), ROBIN),
        (device("x" * 3_000), ROBIN),
        (device("%00"), ROBIN),
    ]
    answers = [one.ask(email) for one, email in asked]
    assert {answer.status_code for answer in answers} == {202}
    assert len({len(answer.content) for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"x-request-id"})) for answer in answers}) == 1
    assert len(mails(settings)) == 1
    assert len(rows_of(settings, recipient_codes)) == len(asked)
    for one, _ in asked[1:]:
        wrong = one.type("123456")
        assert wrong.status_code == 400
        assert wrong.json() == {"error": {"code": "wrong_code", "triesLeft": CODE_TRIES - 1}}


def test_the_work_is_the_same_whether_it_fits_or_not(idle, device):
    idle()  # so that nobody else works

    def statements(public_id, email):
        seen = []
        listen = ("before_cursor_execute", lambda *given: seen.append(given[2]))
        event.listen(Engine, *listen)
        began = time.perf_counter()
        try:
            device(public_id).ask(email)
        finally:
            event.remove(Engine, *listen)
        assert time.perf_counter() - began >= 0.15
        return [
            text for text in seen if text.lstrip()[:6].lower() in ("select", "insert", "update", "delete")
        ]

    right = statements(None, ROBIN)
    assert len(right) >= 4
    assert statements(None, "ben@elsewhere.example") == right
    assert statements(UNKNOWN, ROBIN) == right


def test_a_code_has_five_tries(device, settings):
    robin = device()
    robin.ask()
    code = latest_code(settings)
    wrong = "000000" if code != "000000" else "111111"
    told = [robin.type(wrong).json()["error"] for _ in range(CODE_TRIES + 1)]
    assert [one["triesLeft"] for one in told] == [4, 3, 2, 1, 0, 0]
    assert [one["code"] for one in told] == ["wrong_code"] * CODE_TRIES + ["too_many_tries"]
    assert robin.type(code).json()["error"]["code"] == "too_many_tries"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "no digits", "０" * 7])
def test_what_is_no_code_is_a_wrong_one(device, typed):
    robin = device()
    robin.ask()
    assert robin.type(typed).json()["error"]["code"] == "wrong_code"


def test_a_code_is_good_once_for_ten_minutes_on_its_own_page(device, client, cast, settings):
    robin, elsewhere = device(), device(add_credential(client, cast, ROBIN))
    robin.ask()
    code = latest_code(settings)
    elsewhere.challenge = robin.challenge
    assert elsewhere.type(code).json()["error"]["code"] == "wrong_code"
    assert robin.type(code).status_code == 201
    assert robin.type(code).json()["error"]["code"] == "expired_code"
    robin.ask()
    age_codes(settings, 600_000)
    assert robin.type(latest_code(settings)).json()["error"]["code"] == "expired_code"


def test_codes_are_bounded_by_the_hour_and_the_day_for_right_and_wrong_addresses_alike(device, settings):
    for email in (ROBIN, "ben@elsewhere.example"):
        robin = device()
        for _ in range(CODES_PER_HOUR):
            assert robin.ask(email).status_code == 202
        refused = robin.ask(email)
        assert refused.status_code == 429
        assert 3_500 < int(refused.headers["retry-after"]) <= 3_601
    age_codes(settings, HOUR_MS)
    robin = device()
    for _ in range(CODES_PER_DAY - CODES_PER_HOUR):
        assert robin.ask().status_code == 202
    age_codes(settings, HOUR_MS)
    refused = robin.ask()
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 3_600


def test_who_asks_on_one_page_after_the_other_fills_no_mailbox(device, client, cast, settings):
    """Each page by itself is far from its limit; the address has had enough, and the answer doesn't tell."""
    pages = [add_credential(client, cast, email) for email in ["Robin@Learner.example", ROBIN] * 4]
    devices = [device(page) for page in pages]
    answers = [robin.ask() for robin in [*devices, *devices]]
    assert {answer.status_code for answer in answers} == {202}
    assert len({len(answer.content) for answer in answers}) == 1
    sent = [mail.address.lower() for mail in rows_of_notices(settings)]
    assert sent.count(ROBIN) == MAILS_PER_HOUR
    last = devices[-1]
    assert last.type("123456").json() == {"error": {"code": "wrong_code", "triesLeft": CODE_TRIES - 1}}
    other = device(add_credential(client, cast, "ben@elsewhere.example"))
    other.ask("ben@elsewhere.example")
    assert [mail.address for mail in rows_of_notices(settings)].count("ben@elsewhere.example") == 1
    age_codes(settings, HOUR_MS)
    for robin in devices + devices:
        assert robin.ask().status_code == 202
    sent = [mail.address.lower() for mail in rows_of_notices(settings)]
    assert sent.count(ROBIN) == MAILS_PER_DAY
    age_codes(settings, 24 * HOUR_MS)
    assert devices[1].prove().proof
    kept = str(rows_of(settings, recipient_codes))
    assert ROBIN not in kept.lower()


def rows_of_notices(settings):
    """All that waits to be mailed."""
    return in_transaction(
        settings, lambda tx: list(tx.connection.execute(select(notices).order_by(notices.c.id)))
    )


def test_what_was_proved_no_longer_counts(device, client, cast, settings):
    """Who types each code can prove as many credentials as they like."""
    for _ in range(MAILS_PER_HOUR + 2):
        assert device(add_credential(client, cast, ROBIN)).prove().proof


@pytest.mark.parametrize("typed", ["\x00", "robin\x00@learner.example"])
def test_any_text_may_be_typed_for_an_address(device, settings, typed):
    assert device().ask(typed).status_code == 202
    assert mails(settings) == []


def test_what_comes_from_another_site_is_refused(device, settings):
    robin = device()
    for origin in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
    ):
        robin.headers = origin
        assert robin.ask().status_code == 404
    assert rows_of(settings, recipient_codes) == []


def test_a_proof_is_good_for_its_own_credential_alone(device, client, cast):
    robin, other = device().prove(), device(add_credential(client, cast, ROBIN))
    other.proof = robin.proof
    assert 'data-recipient="verified"' not in other.see().text
    assert other.send("offline", {"offline": True}).status_code == 404
    strange = {"Credtrail-Proof": "ä".encode("latin-1")}
    assert 'data-recipient="verified"' not in client.get(other.path, headers=strange).text
    for made_up in ("", "x", robin.proof[:-2] + "AA", "A" * 48):
        other.proof = made_up
        assert 'data-recipient="verified"' not in other.see().text


@pytest.mark.parametrize("end", ["sign_out", "sign_out_everywhere", "another_address", "time", "no_address"])
def test_a_proof_ends(device, client, cast, settings, end):
    robin, second = device().prove(), device().prove()
    if end.startswith("sign_out"):
        assert robin.send("sign-out", {"everywhere": end == "sign_out_everywhere"}).status_code == 204
        assert robin.send("sign-out", {}).status_code == 204
    elif end == "time":
        ended = update(recipient_proofs).values(expires_at=now())
        in_transaction(settings, lambda tx: tx.connection.execute(ended))
    else:
        email = None if end == "no_address" else "robin@new.example"
        path, body = f"/v1/credentials/{cast.credential_id}", {"recipient": {"email": email}}
        assert client.patch(path, json=body, headers=headers(cast.ada)).status_code == 200
    assert 'data-recipient="verified"' not in robin.see().text
    assert ('data-recipient="verified"' in second.see().text) == (end == "sign_out")


def test_an_address_written_otherwise_is_the_same(device, client, cast):
    robin = device().prove()
    path, body = f"/v1/credentials/{cast.credential_id}", {"recipient": {"email": "ROBIN@learner.example"}}
    assert client.patch(path, json=body, headers=headers(cast.ada)).status_code == 200
    assert 'data-recipient="verified"' in robin.see().text


def test_a_code_on_its_way_is_worth_nothing_once_the_address_is_another(device, client, cast, settings):
    robin = device()
    robin.ask()
    path, body = f"/v1/credentials/{cast.credential_id}", {"recipient": {"email": "robin@new.example"}}
    client.patch(path, json=body, headers=headers(cast.ada))
    assert robin.type(latest_code(settings)).json()["error"]["code"] == "expired_code"


def test_old_rows_go_and_those_of_a_deleted_credential_at_once(device, client, cast, settings):
    device().prove().ask()
    device().ask("ben@elsewhere.example")
    assert in_transaction(settings, store.forget_old) == 0
    age_codes(settings, 24 * HOUR_MS)
    ended = update(recipient_proofs).values(expires_at=now())
    in_transaction(settings, lambda tx: tx.connection.execute(ended))
    assert in_transaction(settings, store.forget_old) == 3
    device().prove().ask()
    gone = delete(credentials).where(credentials.c.id == cast.credential_id)
    in_transaction(settings, lambda tx: tx.connection.execute(gone))
    assert rows_of(settings, recipient_codes) == rows_of(settings, recipient_proofs) == []


def test_notices_to_nobody_are_deleted_unsent(device, settings):
    device().ask("ben@elsewhere.example")
    assert in_transaction(settings, claim_notices) == []
    assert rows_of(settings, notices) == []


def test_reports_of_a_verified_owner_are_sure(device, client, settings, cast):
    robin = device().prove()
    robin.send("privacy", {"privacy": "private"})
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}

    def report(**more):
        token = PageTokens(SECRET_KEY).make(cast.public_id, now() - 5_000)
        body = {
            "token": token,
            "eventType": "credential_downloaded",
            "triggeredBy": "recipient",
            "input": True,
        }
        return client.post(f"{robin.path}/interactions", json=body | more, headers=robin.headers | agent)

    assert report().status_code == 404
    assert report(proof="made up").status_code == 404
    assert report(proof=robin.proof).status_code == 204
    robin.send("privacy", {"privacy": "public"})
    assert report(proof="made up").status_code == 204
    assert report(proof=robin.proof, triggeredBy="guest").status_code == 204
    assert [row["certainty"] for row in rows_of(settings, interactions)] == ["verified", "claimed", "page"]
