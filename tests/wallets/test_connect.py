"""A wallet is connected by a mailed code, gets what is the person's, and loses it again."""

import asyncio
import json
import re

from sqlalchemy import func, select, update

from conftest import in_transaction
from credtrail.badges.presented import read_presented
from credtrail.badges.verify import Known, verify
from credtrail.credentials.store import add_credential, credentials, delete_credential, revoke_credential
from credtrail.database.open import open_database
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.persons import describe_person, erase_person
from credtrail.mail.notice_store import notices
from credtrail.mail.notify import NoticeDelivery
from credtrail.recipients import acts
from credtrail.values import now
from credtrail.wallets import store
from wallets.conftest import PROFILE, READ, ROBIN, Wallet

WRONG_CODE = "12 34 5"


def known_of(client, credential):
    """What a verifier finds out by following a credential's own addresses."""
    status = credential["credentialStatus"]["statusListCredential"]
    return Known(
        {}, {status: read_presented(client.get(status.removeprefix("http://testserver")).content)}, {}
    )


def held(answer):
    """The ids in an answer."""
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["credential"]]


def test_the_whole_way(client, cast, wallet, robin):
    brought = wallet.came_back(robin.connect(wallet))
    assert brought["scope"] == f"{READ} {PROFILE} offline_access"
    first = wallet.fetch(brought["code"])
    assert first.headers["cache-control"] == "no-store"
    told = first.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, brought["scope"])

    answer = wallet.get("credentials", told["access_token"])
    assert (answer.headers["x-total-count"], set(answer.json())) == ("2", {"credential"})
    for credential in answer.json()["credential"]:  # of both workspaces, and none that isn't issued
        presented = read_presented(json.dumps(credential).encode())
        verification = verify(presented, known_of(client, credential), now(), recipient=ROBIN)
        assert verification.verdict == "verified", verification
    [jwt, _] = wallet.get("credentials", told["access_token"], format="vc_jwt").json()["compactJwsString"]
    assert read_presented(jwt.encode()).credential["id"] == answer.json()["credential"][0]["id"]
    profile = wallet.get("profile", told["access_token"]).json()
    assert (profile["email"], profile["name"], profile["type"]) == (ROBIN, "Robin Ñandú", ["Profile"])

    second = wallet.refresh(told["refresh_token"]).json()
    assert second["refresh_token"] != told["refresh_token"]
    assert len(held(wallet.get("credentials", second["access_token"]))) == 2
    again = wallet.refresh(told["refresh_token"])  # somebody else has it, too
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert wallet.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert wallet.get("credentials", second["access_token"]).status_code == 401


def test_a_wallet_lets_go(wallet, tokens, robin):
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    other = Wallet(wallet.client)
    other.register()
    assert other.post(other.revoke_at, {"token": refresh}).json()["error"] == "invalid_grant"
    assert wallet.post(wallet.revoke_at, {"token": access}).status_code == 200
    assert wallet.get("profile", access).status_code == 401
    next_ = wallet.refresh(refresh).json()
    fields = {"token": next_["refresh_token"], "token_type_hint": "refresh_token"}
    assert wallet.post(wallet.revoke_at, fields).status_code == 200
    assert wallet.get("profile", next_["access_token"]).status_code == 401
    assert wallet.post(wallet.revoke_at, {"token": "never made"}).status_code == 200


def test_a_code_is_good_once_for_its_wallet_its_verifier_and_its_way_back(wallet, robin):
    code = wallet.came_back(robin.connect(wallet))["code"]
    other = Wallet(wallet.client)
    other.register()
    other.verifier = wallet.verifier

    def refused(answer):
        return answer.status_code == 400 and answer.json()["error"]

    assert refused(wallet.fetch(code, code_verifier="x" * 43)) == "invalid_grant"
    assert refused(wallet.fetch(code, code_verifier=None)) == "invalid_request"
    assert refused(wallet.fetch(code, redirect_uri="https://wallet.example/other")) == "invalid_grant"
    assert refused(other.fetch(code)) == "invalid_grant"
    assert refused(wallet.fetch("made up")) == "invalid_grant"
    wallet.secret, secret = "wrong", wallet.secret
    assert (wallet.fetch(code).status_code, wallet.fetch(code).json()["error"]) == (401, "invalid_client")
    wallet.secret = secret
    tokens = wallet.fetch(code).json()
    assert wallet.get("profile", tokens["access_token"]).status_code == 200
    assert refused(wallet.fetch(code)) == "invalid_grant"
    assert wallet.get("profile", tokens["access_token"]).status_code == 401  # a code in two hands


def test_an_authorization_code_ends_after_two_minutes(settings, wallet, robin):
    code = wallet.came_back(robin.connect(wallet))["code"]
    _make_older(settings, store.wallet_grants, created_at=120_000)
    assert wallet.fetch(code).json()["error"] == "invalid_grant"


def test_access_ends_after_an_hour_and_a_connection_after_ninety_days(settings, wallet, tokens):
    _make_older(settings, store.wallet_tokens, kind="access_token", expires_at=3_600_000)
    assert wallet.get("profile", tokens["access_token"]).status_code == 401
    assert in_transaction(settings, store.forget_old) == 1
    _make_older(settings, store.wallet_grants, expires_at=90 * 86_400_000)
    assert wallet.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    in_transaction(settings, store.forget_old)
    assert _count(settings, store.wallet_tokens) == _count(settings, store.wallet_grants) == 0
    assert _count(settings, store.wallet_clients) == 1
    _make_older(settings, store.wallet_clients, used_at=91 * 86_400_000)
    in_transaction(settings, store.forget_old)
    assert _count(settings, store.wallet_clients) == 0


def test_nothing_of_tokens_codes_and_secrets_is_kept_as_it_is(settings, wallet, robin):
    code = wallet.came_back(robin.connect(wallet))["code"]
    tokens = wallet.fetch(code).json()

    def rows(transaction):
        tables = (store.wallet_clients, store.wallet_grants, store.wallet_tokens)
        return repr([list(transaction.connection.execute(select(table))) for table in tables])

    kept = in_transaction(settings, rows)
    assert wallet.id in kept
    assert not any(
        secret in kept for secret in (code, wallet.secret, tokens["access_token"], tokens["refresh_token"])
    )


def test_scopes_are_asked_for_granted_in_part_and_needed(wallet, robin):
    upsert = "https://purl.imsglobal.org/spec/ob/v3p0/scope/credential.upsert"
    brought = wallet.came_back(robin.connect(wallet, scope=f"{upsert} {PROFILE}"))
    assert brought["scope"] == PROFILE
    tokens = wallet.fetch(brought["code"]).json()
    answer = wallet.get("credentials", tokens["access_token"])
    assert (answer.status_code, _minor(answer)) == (403, "forbidden")
    assert READ in answer.headers["www-authenticate"]
    assert wallet.refresh(tokens["refresh_token"], scope=READ).json()["error"] == "invalid_scope"
    assert wallet.get("profile", tokens["access_token"]).status_code == 200


def test_each_sees_their_own(settings, cast, wallet, robin, tokens):
    def act(transaction):
        guest = (None, "Guest", "guest@learner.example")
        dates = ("2024-03-12", None)
        return add_credential(
            transaction, cast.workspace_id, cast.group_id, guest, dates, status="issued"
        ).public_id

    guests = in_transaction(settings, act)
    code = wallet.came_back(robin.connect(wallet, "Guest@Learner.example"))["code"]
    theirs = wallet.fetch(code).json()["access_token"]
    assert held(wallet.get("credentials", theirs)) == [f"http://testserver/credentials/{guests}"]
    assert guests not in wallet.get("credentials", tokens["access_token"]).text
    assert wallet.get("profile", theirs).json()["email"] == "guest@learner.example"


def test_pages_of_credentials(settings, cast, wallet, tokens):
    def act(transaction):
        for number in range(3):
            robin = (None, f"Robin {number}", ROBIN)
            add_credential(
                transaction, cast.workspace_id, cast.group_id, robin, ("2024-03-12", None), status="issued"
            )
        return transaction.at

    before = in_transaction(settings, lambda transaction: transaction.at)
    in_transaction(settings, act)
    access = tokens["access_token"]
    everything = held(wallet.get("credentials", access))
    seen, offset = [], 0
    while offset is not None:
        answer = wallet.get("credentials", access, limit=2, offset=offset)
        assert answer.headers["x-total-count"] == "5"
        seen += held(answer)
        links = {
            rel: int(re.search(r"offset=(\d+)", address)[1])
            for address, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["link"])
        }
        assert (links["first"], links["last"]) == (0, 4)
        assert ("prev" in links) == (offset > 0)
        offset = links.get("next")
    assert seen == everything
    assert len(everything) == 5
    since = wallet.get("credentials", access, since="2020-01-01T00:00:00")
    assert len(held(since)) == 5
    assert len(held(wallet.get("credentials", access, since="2999-01-01T00:00:00+02:00"))) == 0
    moment = f"{before // 1000 - 86400}"
    for wrong in ({"limit": 0}, {"limit": "x"}, {"offset": -1}, {"since": moment}, {"format": "xml"}):
        answer = wallet.get("credentials", access, **wrong)
        assert (answer.status_code, _minor(answer)) == (400, "invalid_query_parameter")


def test_what_the_recipient_hides_from_others_and_what_was_revoked_stays_the_recipients(
    settings, cast, wallet, tokens
):
    def act(transaction):
        view = store.find_public(transaction, cast.public_id)
        acts.set_offline(transaction, view, offline=True)
        revoke_credential(transaction, cast.workspace_id, cast.credential_id, "By mistake")

    in_transaction(settings, act)
    assert wallet.client.get(f"/credentials/{cast.public_id}.json").status_code == 404
    assert f"http://testserver/credentials/{cast.public_id}" in held(
        wallet.get("credentials", tokens["access_token"])
    )


def test_deletion_and_erasure_reach_wallets(settings, cast, wallet, tokens):
    access = tokens["access_token"]
    in_transaction(settings, lambda tx: delete_credential(tx, cast.workspace_id, cast.credential_id))
    assert len(held(wallet.get("credentials", access))) == 1
    told = in_transaction(settings, lambda tx: describe_person(tx, SqlLog(), cast.workspace_id, ROBIN))
    assert [one["name"] for one in told["wallets"]] == ["Pocket of Robin"]
    in_transaction(settings, lambda tx: erase_person(tx, cast.workspace_id, ROBIN.upper()))
    assert wallet.get("credentials", access).status_code == 401
    assert wallet.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert _count(settings, store.wallet_tokens) == 0


def test_with_the_last_credential_of_an_address_its_connections_go(settings, wallet, tokens):
    in_transaction(settings, store.forget_old)
    assert _count(settings, store.wallet_grants) == 1

    def act(transaction):
        transaction.connection.execute(
            update(credentials).values(
                folded_email="other@learner.example", recipient_email="other@learner.example"
            )
        )

    in_transaction(settings, act)
    in_transaction(settings, store.forget_old)
    assert _count(settings, store.wallet_grants) == 0


def test_the_same_answer_whether_there_are_credentials_or_not(settings, client, cast, wallet, robin):
    pages = {}
    for email in (ROBIN, "nobody@learner.example"):
        page = client.get(wallet.authorize_at, params=wallet.request())
        answer = robin.press(page, "ask", email=email)
        pages[email] = re.sub(r'value="[^"]+"', "", answer.text).replace(email, "…")
        assert answer.elapsed.total_seconds() >= 0.15
    assert len(set(pages.values())) == 1
    waiting = in_transaction(
        settings, lambda tx: list(tx.connection.execute(select(notices.c.address)).scalars())
    )
    assert sorted(waiting) == ["", ROBIN]


def test_codes_are_bound_and_bounded(client, cast, wallet, robin, read_code):
    other = Wallet(client)
    other.register(client_name="Another")
    page = robin.press(client.get(wallet.authorize_at, params=wallet.request()), "ask", email=ROBIN)
    another = robin.press(client.get(other.authorize_at, params=other.request()), "ask", email=ROBIN)
    code = read_code()  # of the latest: it is the other wallet's
    assert "That is not the code" in robin.press(page, "prove", code=code).text
    spread = " ".join(digit for digit in code)
    assert wallet.came_back is not None
    assert other.came_back(robin.press(another, "prove", code=spread))["code"]
    for _ in range(3):
        page = robin.press(client.get(wallet.authorize_at, params=wallet.request()), "ask", email=ROBIN)
    code = read_code()
    for _ in range(5):
        assert "That is not the code" in robin.press(page, "prove", code=WRONG_CODE).text
    assert "Too many tries" in robin.press(page, "prove", code=code).text
    for _ in range(3):
        answer = robin.press(client.get(wallet.authorize_at, params=wallet.request()), "ask", email=ROBIN)
    assert (answer.status_code, "Too many codes" in answer.text) == (429, True)


def test_codes_for_wallets_count_with_those_for_pages(settings, client, cast, wallet, robin, monkeypatch):
    monkeypatch.setattr("credtrail.recipients.proving.MAILS_PER_HOUR", 2)

    def waiting():
        query = select(notices.c.address).where(notices.c.address == ROBIN)
        return len(in_transaction(settings, lambda tx: list(tx.connection.execute(query))))

    path = f"/credentials/{cast.public_id}/recipient/code"
    answers = [client.post(path, json={"email": ROBIN}, headers={"Origin": "http://testserver"})]
    asked = [client.get(wallet.authorize_at, params=wallet.request()) for _ in range(2)]
    pages = [robin.press(page, "ask", email=ROBIN) for page in asked]
    answers.append(client.post(path, json={"email": ROBIN}, headers={"Origin": "http://testserver"}))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert waiting() == 2
    told = [re.sub(r'name="form" value="[^"]+"', "", page.text) for page in pages]
    assert told[0] == told[1]
    assert "That is not the code" in robin.press(pages[1], "prove", code=WRONG_CODE).text


def test_no_is_an_answer(client, cast, wallet, robin):
    page = client.get(wallet.authorize_at, params=wallet.request())
    assert wallet.came_back(robin.press(page, "refuse"))["error"] == "access_denied"


def test_the_person_disconnects_by_themselves(client, wallet, tokens, robin, read_code):
    page = robin.press(client.get("/wallets"), "ask", email=ROBIN)
    listed = robin.press(page, "prove", code=read_code())
    assert "Pocket of Robin" in listed.text
    grant_id = re.search(r'name="connection" value="([^"]+)"', listed.text)[1]
    assert "No wallet is connected" in robin.press(listed, "disconnect", connection=grant_id).text
    assert wallet.get("profile", tokens["access_token"]).status_code == 401
    # A form that proves nothing disconnects nobody, and a proof for this page connects no wallet.
    assert client.post("/wallets", data={"step": "disconnect"}).status_code == 400


def test_the_code_comes_by_real_mail(mailing, settings, client, cast, wallet, robin, postbox):
    async def deliver():
        database = open_database(settings)
        await NoticeDelivery(database, mailing).run()
        await database.close()

    page = robin.press(client.get(wallet.authorize_at, params=wallet.request()), "ask", email=ROBIN)
    asyncio.run(deliver())
    [mail] = postbox.taken
    text = mail.message.get_content()
    assert (mail.recipient, mail.message["Subject"]) == (ROBIN, "Your code for connecting a wallet")
    assert "“Pocket of Robin”" in text
    code = re.search(r"^(\d{6})\s*$", text, re.M)[1]
    assert wallet.came_back(robin.press(page, "prove", code=code))["code"]


def _minor(answer):
    [field] = answer.json()["imsx_codeMinor"]["imsx_codeMinorField"]
    return field["imsx_codeMinorFieldValue"]


def _count(settings, table):
    query = select(func.count()).select_from(table)
    return in_transaction(settings, lambda tx: tx.connection.execute(query).scalar_one())


def _make_older(settings, table, kind=None, **columns):
    def act(transaction):
        changed = update(table).values({name: table.c[name] - ms for name, ms in columns.items()})
        if kind:
            changed = changed.where(table.c.kind == kind)
        transaction.connection.execute(changed)

    in_transaction(settings, act)
