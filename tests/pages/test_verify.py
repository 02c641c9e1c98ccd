"""`/verify`: what anybody may present, what is answered, what is counted, and that nothing hostile breaks it."""

import asyncio
import json
import re
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from badges.samples import DOMAIN, LOOPBACK, MADE_AT, Issuer
from chromium import PERSON
from conftest import ON_ONE, SECRET_KEY, examples, headers, in_transaction
from credtrail.app import build
from credtrail.badges.bake import bake_png, bake_svg
from credtrail.badges.desk import write_json
from credtrail.badges.presented import UnreadableError
from credtrail.badges.sign import sign_document, sign_jwt
from credtrail.credentials.privacy import PagePrivacy
from credtrail.credentials.privacy_store import save_privacy
from credtrail.credentials.store import find_public
from credtrail.pages.posted import MOST_BYTES
from credtrail.pages.token import LIFETIME_SECONDS, PageTokens, Visit
from credtrail.pages.verify import PAGE
from credtrail.recipients.access import Access
from credtrail.values import now

HONEST = {"origin": "http://testserver", "sec-fetch-site": "same-origin", "user-agent": PERSON}
SCRIPT = {**HONEST, "x-requested-with": "credtrail", "accept": "text/html"}
JSON = {"accept": "application/json"}
FORMS = ("json", "jwt", "png", "svg", "pdf")
TOKENS = PageTokens(SECRET_KEY)


@pytest.fixture
def copies(client, cast):
    """Robin's credential in every form."""
    page = client.get(f"/credentials/{cast.public_id}").text
    found = {
        form: client.get(f"/credentials/{cast.public_id}.{form}").content for form in FORMS if form != "pdf"
    }
    pdf = next(part for part in page.split('"') if part.endswith(".pdf"))
    return found | {"pdf": client.get(pdf.removeprefix("http://testserver")).content}


def post(client, content=b"", sent=HONEST, **fields):
    """What the page's form sends: a file, or a text, and more fields."""
    files = {"file": ("credential", content)} if isinstance(content, bytes) else None
    text = {"credential": content} if isinstance(content, str) else {}
    return client.post("/verify", files=files or {"file": ("", b"")}, data={**text, **fields}, headers=sent)


def ask(client, credential, recipient=None):
    """The answer for programs."""
    return client.post("/verify", json={"credential": credential, "recipient": recipient}, headers=JSON)


def outcomes(answer):
    """Reasons by item."""
    return {check["item"]: check["reason"] for check in answer.json()["checks"]}


def hide(settings, cast, **privacy):
    """Choose who sees Robin's page."""
    chosen = PagePrivacy(serial=1, **privacy)
    in_transaction(settings, lambda transaction: save_privacy(transaction, cast.credential_id, chosen))


def test_every_form_is_verified_as_a_file_and_a_text_by_people_and_programs(client, cast, copies):
    for form in FORMS:
        page = post(client, copies[form], recipient=" ROBIN@learner.example")
        assert page.status_code == 200
        for words in (
            "Genuine and in force",
            "It was issued to the e-mail address that you typed.",
            f'href="http://testserver/credentials/{cast.public_id}"',
            "Open Meadow Academy</bdi> issues credentials on this server, testserver",
            "Who stands behind the issuer’s name",
        ):
            assert words in page.text, (form, words)
        told = client.post(
            "/verify", content=copies[form], headers={"content-type": "application/octet-stream"}
        )
        assert told.headers["content-type"] == "application/json"
        said = told.json()
        assert (said["verdict"], said["container"]) == ("verified", form)
        assert said["page"] == f"http://testserver/credentials/{cast.public_id}"
        assert [check["item"] for check in said["checks"]] == [
            "structure", "signature", "issuer_key", "issuer_domain", "issuer", "status", "dates", "recipient",
        ]  # fmt: skip
    for form in ("json", "jwt"):
        assert "Genuine and in force" in post(client, copies[form].decode(), recipient="Robin  Ñandú").text
        assert ask(client, copies[form].decode()).json()["verdict"] == "verified"
    assert (
        ask(client, json.loads(copies["json"]), "Robin Ñandú").json()["checks"][-1]["reason"]
        == "name_matches"
    )
    urlencoded = client.post("/verify", data={"credential": copies["jwt"].decode()}, headers=HONEST)
    assert "Genuine and in force" in urlencoded.text


@pytest.mark.parametrize(
    "address",
    [
        "{id}",
        "http://testserver/credentials/{id}",
        "http://testserver/credentials/{id}?recipient=true&key=x#top",
        "http://testserver/credentials/{id}.json",
        "http://TESTSERVER/credentials/{id}/verification?lang=de",
    ],
)
def test_an_address_of_this_server_is_enough(client, cast, address):
    given = address.format(id=cast.public_id)
    assert "Genuine and in force" in post(client, given).text
    assert ask(client, given).json()["verdict"] == "verified"


@ON_ONE
@pytest.mark.parametrize(
    ("given", "words", "reason"),
    [
        ("", "Choose a file, or paste", "or the address of one on this server"),
        ("hello", "neither whole JSON nor", "in which each name stands once"),
        ('{"a": 1, "a": 2}', "neither whole JSON nor", "in which each name stands once"),
        ("[1]", "neither whole JSON nor", "in which each name stands once"),
        ('{"a": 1}', "no verifiable credential", "a verifiable credential"),
        ("<svg/>", "There is no signed credential in it", "with one inside"),
        ('{"credentialSubject":' + "[" * 60 + "]" * 60 + "}", "more in it than", "with less in it"),
        ('{"credentialSubject":[' + "1," * 2_000 + "1]}", "more in it than", "with less in it"),
        ("http://testserver/credentials/unknown", "no credential that you may see", "can be seen"),
        ("http://testserver/elsewhere", "no credential that you may see", "can be seen"),
        ("00000000-0000-4000-8000-000000000000", "no credential that you may see", "can be seen"),
        ("https://badges.example/credentials/1", "address of another site", "of another site"),
    ],
)
def test_what_holds_no_credential_is_told_so(client, given, words, reason):
    page = post(client, given)
    assert page.status_code == 400
    assert words in page.text
    told = client.post("/verify", content=given.encode(), headers={**JSON, "content-type": "text/plain"})
    assert told.status_code == 400
    assert told.json()["error"]["details"][0]["field"] == "credential"
    assert reason in told.json()["error"]["message"]


def tampered(document, **more):
    """Said otherwise, after it was signed."""
    return json.dumps({**document, **more})


def test_each_way_to_fail_is_told(ada, cast, copies):
    document = json.loads(copies["json"])
    holds = outcomes(ask(ada, document))
    assert holds["recipient"] == "not_asked"

    changed = tampered(document, name="Zoology")
    unproven = {**holds, "issuer": "not_proven"}
    assert outcomes(ask(ada, changed)) == {**unproven, "signature": "signature_broken"}
    assert "Not genuine" in post(ada, changed).text
    assert "which counts only once the proof holds" in post(ada, changed).text

    added = tampered(document, rank="first")
    assert outcomes(ask(ada, added)) == {**unproven, "structure": "unsigned_words"}
    [structure, *_] = ask(ada, added).json()["checks"]
    assert structure["about"] == "rank"
    assert '<code class="did" dir="ltr">rank</code>' in post(ada, added).text
    elsewhere = tampered(document, **{"@context": [*document["@context"], "https://words.example/v1"]})
    assert outcomes(ask(ada, elsewhere))["structure"] == "unknown_context"
    assert "Not everything could be checked" in post(ada, elsewhere).text
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    assert outcomes(ask(ada, unsigned))["signature"] == "no_signature"

    stranger = post(ada, copies["json"], recipient="ben@learner.example")
    assert "Not this recipient’s" in stranger.text
    assert ask(ada, document, "ben@learner.example").json()["verdict"] == "failed"

    ada.post(f"/v1/credentials/{cast.credential_id}/revoke", json={"reason": "A mistake"})
    for form in FORMS:
        assert "Genuine, but revoked" in post(ada, copies[form]).text
    assert outcomes(ask(ada, cast.public_id)) == {**holds, "status": "revoked"}


def test_dates_are_told_by_day_and_time(ada, cast):
    for dates, verdict, words in (
        ({"issueDate": "2020-01-31", "expiryDate": "2021-02-28"}, "expired", "Expired on <time"),
        ({"issueDate": "2999-01-31"}, "not_yet_valid", "Not in force before <time"),
        ({"expiryDate": "2999-12-31"}, "verified", "It expires on <time"),
    ):
        body = {"groupId": cast.group_id, "recipient": {"name": "Robin"}, **dates}
        made = ada.post("/v1/credentials", json=body).json()
        ada.post(f"/v1/credentials/{made['id']}/issue")
        assert ask(ada, made["publicId"]).json()["verdict"] == verdict
        assert words in post(ada, made["publicId"]).text


def test_other_issuers_are_verified_as_far_as_that_goes_without_asking_anybody(client):
    other = Issuer(LOOPBACK)
    told = ask(client, other.signed(with_status=False))
    assert told.json()["verdict"] == "verified"
    assert outcomes(told)["issuer"] == "issuer_not_known"
    assert outcomes(told)["status"] == "no_status"
    assert told.json()["page"] is None
    assert (
        ask(client, sign_jwt(other.document(with_status=False), other.key, other.did)).json()["verdict"]
        == "verified"
    )
    listed = post(client, json.dumps(other.signed())).text
    assert "Not everything could be checked" in listed
    assert "this server asks no others" in listed
    domain = ask(client, Issuer(DOMAIN).signed())
    assert domain.json()["verdict"] == "incomplete"
    assert outcomes(domain)["issuer_key"] == "key_not_known"


def test_who_signs_in_another_s_name_is_not_taken_for_them(client, cast, copies):
    """A stranger's key, the issuer of this server in the text, and the address of a credential here."""
    document = json.loads(copies["json"])
    other = Issuer(LOOPBACK)
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    forged = sign_document(unsigned, other.key, other.did, MADE_AT)
    assert outcomes(ask(client, forged))["issuer_key"] == "key_not_of_issuer"
    own = sign_document(
        {**unsigned, "issuer": {**unsigned["issuer"], "id": other.did}}, other.key, other.did, MADE_AT
    )
    told = ask(client, own)
    assert outcomes(told)["issuer"] == "issuer_not_known"
    assert told.json()["page"] is None
    assert "data-token" not in post(client, json.dumps(own), sent=SCRIPT, token=old_token()).text


def old_token(age_ms=5_000):
    """The token of a page that was opened a while ago."""
    return TOKENS.make(PAGE, now() - age_ms)


def report(client, answer, **more):
    """What the page's script sends after an answer; None where it has nothing to report by."""
    found = re.search(r'data-credential="([^"]+)" data-token="([^"]+)"', answer.text)
    if found is None:
        return None
    body = {
        "token": found[2],
        "eventType": "credential_verified",
        "triggeredBy": "guest",
        "input": True,
        **more,
    }
    return client.post(
        f"/credentials/{found[1]}/interactions", json=body, headers={**HONEST, **more.pop("sent", {})}
    )


def listed(client, cast):
    """What the API lists."""
    answer = client.get("/v1/credential-interactions", headers=headers(cast.ada))
    return [(one["eventType"], one["triggeredBy"]) for one in reversed(answer.json()["data"])]


def test_a_person_s_verification_counts_once_for_each_run(client, cast, copies):
    token = old_token()
    first = report(client, post(client, copies["pdf"], sent=SCRIPT, token=token))
    assert first.headers.get("credtrail-set-aside") is None
    answer = post(client, cast.public_id, sent=SCRIPT, token=token)
    assert report(client, answer, triggeredBy="recipient").status_code == 204
    assert listed(client, cast) == [("credential_verified", "guest"), ("credential_verified", "recipient")]


def test_what_is_no_person_s_run_of_one_of_ours_counts_nothing(client, cast, copies):
    document = json.loads(copies["json"])
    page = client.get("/verify").text
    assert client.get(f"/verify?credential={cast.public_id}").status_code == 200
    fresh = re.search(r'name="token" value="([^"]+)"', page)[1]
    assert isinstance(TOKENS.read(fresh, PAGE, now()), Visit)
    at_once = report(client, post(client, copies["json"], sent=SCRIPT, token=old_token(-60_000)))
    assert at_once.headers["credtrail-set-aside"] == "impossible_timing"
    for token in (
        "",
        "x",
        TOKENS.make(cast.public_id, now() - 5_000),
        old_token(LIFETIME_SECONDS * 1_000 + 1),
    ):
        assert report(client, post(client, copies["json"], sent=SCRIPT, token=token)) is None
    token = old_token()
    for content in (
        tampered(document, name="x"),
        json.dumps(Issuer(LOOPBACK).signed(with_status=False)),
        "x",
    ):
        assert report(client, post(client, content, sent=SCRIPT, token=token)) is None
    assert (
        report(client, post(client, copies["json"], sent=SCRIPT, token=token, recipient="ben@x.example"))
        is None
    )
    assert "token" not in ask(client, cast.public_id).text
    robot = report(client, post(client, copies["json"], sent=SCRIPT, token=token), automated=True)
    assert robot.headers["credtrail-set-aside"] == "automation"
    forged = report(
        client, post(client, copies["json"], sent=SCRIPT, token=token), sent={"origin": "https://x.example"}
    )
    assert forged.headers["credtrail-set-aside"] == "wrong_origin"
    assert listed(client, cast) == []


def test_a_private_page_is_like_none_by_its_address_and_its_file_verifies_without_a_word_of_it(
    client, cast, settings, copies
):
    hide(settings, cast, chosen="private")
    private, unknown = (
        post(client, f"http://testserver/credentials/{id_}")
        for id_ in (cast.public_id, "00000000-0000-4000-8000-000000000000")
    )
    assert private.status_code == unknown.status_code == 400

    def bare(answer):
        return re.sub(r'value="[\w-]{50,}"|[0-9a-f-]{36}', "", answer.text)

    assert bare(private) == bare(unknown)
    answer = post(client, copies["json"], sent=SCRIPT, token=old_token())
    assert "Genuine and in force" in answer.text
    assert "Robin" not in answer.text
    assert "href=" not in answer.text
    assert ask(client, json.loads(copies["json"])).json()["page"] is None
    assert report(client, answer, eventType="credential_viewed").status_code == 404
    assert report(client, answer, token=old_token()).status_code == 404
    assert report(client, answer).status_code == 204
    assert listed(client, cast) == [("credential_verified", "guest")]


def test_a_page_s_verification_leads_here_where_an_address_is_enough(client, cast, settings):
    path = f"/credentials/{cast.public_id}/verification?lang=de"
    link = f'href="/verify?credential={cast.public_id}&amp;lang=de"'
    assert link in client.get(path).text.replace("&lang", "&amp;lang")
    assert "Nachweis" in client.get(f"/verify?credential={cast.public_id}&lang=de").text
    hide(settings, cast, chosen="limited", link_expires_at=now() + 60_000)
    view = in_transaction(settings, lambda transaction: find_public(transaction, cast.public_id))
    limited = client.get(f"{path}&access={Access(SECRET_KEY).make_link_key(view)}")
    assert limited.status_code == 200
    assert "/verify?" not in limited.text


def test_a_limited_link_is_verified_by_whoever_has_it(client, cast, settings):
    hide(settings, cast, chosen="limited", link_expires_at=now() + 60_000)
    view = in_transaction(settings, lambda transaction: find_public(transaction, cast.public_id))
    key = Access(SECRET_KEY).make_link_key(view)
    address = f"http://testserver/credentials/{cast.public_id}"
    assert post(client, address).status_code == 400
    assert "Genuine and in force" in post(client, f"{address}?access={key}").text


def test_bounds_of_size_and_number(settings, cast):
    with TestClient(build(settings.model_copy(update={"verify_limit_per_network": 3})).application) as client:
        large = post(client, b"x" * (MOST_BYTES + 1))
        assert large.status_code == 413
        assert "at most 10 MB" in large.text
        told = client.post("/verify", content=b"x" * (MOST_BYTES + 1), headers=JSON)
        assert told.json()["error"]["code"] == "validation_error"
    outside = TestClient(
        build(settings.model_copy(update={"verify_limit_per_network": 3})).application,
        client=("203.0.113.9", 1),
    )
    with outside as client:
        answers = [ask(client, cast.public_id) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].headers["retry-after"] == "60"
        page = post(client, cast.public_id)
        assert page.status_code == 429
        assert "Try again in a minute" in page.text
        assert client.get("/verify").status_code == 200


def status(address, **more):
    """A status entry."""
    entry = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "1"}
    return {**entry, "statusListCredential": address, **more}


BOMB = zlib.compress(b'{"VerifiableCredential"' + b" " * 50_000_000, 9)
CHUNK = b"openbadgecredential\x00\x01\x00\x00\x00" + BOMB
HOSTILE = [
    b"x" * 9_000_000,
    b'{"credential": "' + b"x" * 9_000_000 + b'"}',
    b'{"credentialSubject": ' + b"[" * 9_000_000,
    b"{" + b",".join(b'"a%d":1' % number for number in range(700_000)) + b"}",
    b"credential=" + b"%7B" * 3_000_000,
    b".".join([b"a" * 3_000_000] * 3),
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0tEXt\0\0\0\0" * 700_000,
    b"%PDF-1.7\n" + b"stream\nendstream" * 600_000,
    b"<svg>" + b"<g>" * 2_000_000,
    b"<svg " + b" ".join(b'a%d="1"' % number for number in range(500_000)) + b">",
    b"\x89PNG\r\n\x1a\n" + len(CHUNK).to_bytes(4) + b"iTXt" + CHUNK + b"\x00" * 4,
    b"\x89PNG\r\n\x1a\n" + b"\xff" * 1_000,
    b"%PDF-1.7\n" + b"stream\n" * 200_000,
    b"%PDF-1.7\n" + (b"stream\n" + BOMB + b"endstream") * 40,
    b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
    b"<a>" * 20_000,
    b"\xff\xfe{\x00}\x00",
    b"[" * 100_000,
    b'{"credentialSubject": 1e999, "issuer": "\\ud800"}',
    b'{"credentialSubject": ' + b"9" * 10_000 + b"}",
    b"a.b.c",
    b"e30.e30.e30",
]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "application/json", "application/x-www-form-urlencoded"]
)
def test_no_upload_causes_more_than_seconds_of_work(client, kind, dialect):
    for content in HOSTILE:
        began = time.process_time()
        answer = client.post("/verify", content=content, headers={**HONEST, **JSON, "content-type": kind})
        assert answer.status_code == 400, content[:30]
        assert time.process_time() - began < 4, content[:30]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_who_would_wait_too_long_for_others_is_told_to_come_back(settings, cast, monkeypatch, dialect):
    begun, held = threading.Semaphore(0), threading.Event()

    def read(_):
        begun.release()
        held.wait(20)
        raise UnreadableError("not_a_credential")

    monkeypatch.setattr("credtrail.pages.verify._WAIT_SECONDS", 0.05)
    monkeypatch.setattr("credtrail.pages.verify.read_presented", read)
    with TestClient(build(settings).application) as client, ThreadPoolExecutor(2) as others:
        waiting = [others.submit(ask, client, {"a": 1}) for _ in range(2)]
        try:
            assert begun.acquire(timeout=10)
            assert begun.acquire(timeout=10)
            told, page = ask(client, {"a": 1}), post(client, "{}")
        finally:
            held.set()
        assert (told.status_code, told.json()["error"]["code"]) == (503, "service_unavailable")
        assert told.headers["retry-after"] == "60"
        assert page.status_code == 503
        assert "Try again in a minute" in page.text
        assert [one.result().status_code for one in waiting] == [400, 400]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_sites_that_never_answer_hold_nobody_up(settings, cast, monkeypatch, dialect):
    asked = []

    async def get(_, address):
        asked.append(address)
        await asyncio.sleep(60)

    monkeypatch.setattr("credtrail.pages.verify._ASK_SECONDS", 0.2)
    monkeypatch.setattr("credtrail.web.egress.Fetcher.get", get)
    slow = Issuer(DOMAIN)
    entries = [status(f"https://slow.example/{number}") for number in range(4)]
    document = slow.signed() | {"credentialStatus": entries}
    began = time.monotonic()
    with TestClient(build(settings.model_copy(update={"verify_foreign_hosts": "*"})).application) as client:
        told = ask(client, document)
    assert told.json()["verdict"] in ("incomplete", "failed")
    assert outcomes(told)["status"] == "status_not_known"
    assert time.monotonic() - began < 10
    assert asked == ["https://slow.example/0"]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_nothing_hostile_is_more_than_refused(client, copies, dialect):
    document = json.loads(copies["json"])
    names = [*document, "@context", "proof"]
    words = st.sampled_from([*names, "id", "type"]) | st.text(max_size=5)
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    junk = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
        max_leaves=12,
    )
    bits = st.sampled_from(FORMS).flatmap(
        lambda form: st.tuples(
            st.just(form), st.integers(0, len(copies[form]) - 1), st.binary(min_size=1, max_size=8)
        )
    )

    def refused_or_answered(answer):
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert answer.json()["verdict"]

    for content in HOSTILE:
        assert post(client, content).status_code == 400, content[:30]

    @hypothesis_settings(max_examples=examples(160))
    @given(st.data())
    def hold(data):
        match data.draw(st.sampled_from(["bytes", "form", "json", "part", "cut"])):
            case "bytes":
                content = data.draw(st.binary(max_size=200))
                refused_or_answered(client.post("/verify", content=content, headers=JSON))
            case "form":
                kinds = [
                    "multipart/form-data",
                    "multipart/form-data; boundary=x",
                    "application/x-www-form-urlencoded",
                ]
                kind = data.draw(st.sampled_from(kinds))
                content = data.draw(
                    st.binary(max_size=80)
                    | st.just(b"--x\r\n").flatmap(lambda begin: st.binary(max_size=80).map(begin.__add__))
                )
                answer = client.post("/verify", content=content, headers={"content-type": kind})
                assert answer.status_code == 400
            case "json":
                content = json.dumps(data.draw(junk)).encode()
                refused_or_answered(
                    client.post(
                        "/verify", content=content, headers={**JSON, "content-type": "application/json"}
                    )
                )
            case "part":
                changed = {**document, data.draw(st.sampled_from(names)): data.draw(junk)}
                content = json.dumps(changed).encode()
                answer = client.post("/verify", content=content, headers=JSON)
                refused_or_answered(answer)
                same = json.dumps(changed, sort_keys=True) == json.dumps(document, sort_keys=True)
                assert same or answer.status_code == 400 or answer.json()["verdict"] != "verified"
                page = client.post("/verify", content=content, headers={"accept": "text/html"})
                assert page.status_code in (200, 400)
            case "cut":
                form, place, other = data.draw(bits)
                content = copies[form][:place] + other + copies[form][place + len(other) :]
                refused_or_answered(client.post("/verify", content=content, headers=JSON))

    hold()


@ON_ONE
@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "did:web:testserver:issuers:\x00"},
        {"issuer": "did:web:["},
        {"issuer": "did:web:%5B%5D", "id": "https://[/credentials/x"},
        {"issuer": "did:key:\x00"},
        {"id": "http://testserver/credentials/\x00"},
        {"credentialStatus": status("http://[/issuers/x/status/1")},
        {"credentialStatus": status("http://testserver/issuers/\x00/status/1")},
        {"credentialStatus": status("http://testserver/issuers/x/status/999999")},
        {"credentialStatus": status("x", statusListIndex="9" * 5_000)},
        {"proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofValue": "zz"}},
    ],
)
def test_addresses_that_are_none_lead_nowhere(client, copies, changes):
    told = ask(client, {**json.loads(copies["json"]), **changes})
    assert told.status_code == 200
    assert told.json()["verdict"] in ("failed", "incomplete")
    jwt = Issuer(LOOPBACK)
    document = {
        **jwt.document(),
        **{name: value for name, value in changes.items() if name == "credentialStatus"},
    }
    assert ask(client, sign_jwt(document, jwt.key, jwt.did)).json()["verdict"] == "incomplete"


def test_a_copy_in_somebody_else_s_picture_is_the_same_credential(client, copies):
    png = bake_png(copies["png"], copies["jwt"].decode())
    svg = bake_svg(
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", write_json(json.loads(copies["json"])).decode()
    )
    for content in (png, svg):
        told = client.post("/verify", content=content, headers=JSON)
        assert told.json()["verdict"] == "verified"
