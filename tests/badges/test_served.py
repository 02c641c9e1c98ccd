"""What is served of signed credentials: forms, states, addresses; and what it says the moment something changes."""

import io
import json

import pikepdf
import pytest

from badges.conftest import DOMAIN
from conftest import headers, in_transaction
from credtrail.badges import store
from credtrail.badges.bake import take_out
from credtrail.badges.keys import read_base64url
from credtrail.badges.presented import read_presented
from credtrail.badges.status import read_bit
from credtrail.badges.verify import Known, verify
from credtrail.designs.model import BUILT_IN
from credtrail.values import now


def get(client, address, **more):
    """What is at an address of the installation."""
    return client.get(address.removeprefix(DOMAIN), **more)


def signed(client, cast):
    """Cast's issued credential as JSON."""
    return get(client, f"/credentials/{cast.public_id}.json").json()


def known_of(client, cast):
    """What a verifier finds out by following the credential's own addresses."""
    status = signed(client, cast)["credentialStatus"]["statusListCredential"]
    did = signed(client, cast)["issuer"]["id"]
    documents = {did: get(client, f"/issuers/{cast.workspace_id}/did.json").json()}
    return Known(documents, {status: read_presented(get(client, status).content)}, {did: "Open Meadow"})


def test_every_form_holds_the_same_credential_and_verifies(client, cast):
    document = signed(client, cast)
    known = known_of(client, cast)
    page = client.get(f"/credentials/{cast.public_id}")
    found = {
        ending: get(client, f"/credentials/{cast.public_id}.{ending}")
        for ending in ("json", "jwt", "png", "svg")
    }
    pdf = next(part for part in page.text.split('"') if part.endswith(".pdf"))
    found["pdf"] = get(client, pdf)
    types = {ending: answer.headers["content-type"].split(";")[0] for ending, answer in found.items()}
    assert types == {
        "json": "application/vc+ld+json",
        "jwt": "text/plain",
        "png": "image/png",
        "svg": "image/svg+xml",
        "pdf": "application/pdf",
    }
    for ending, answer in found.items():
        presented = read_presented(answer.content)
        assert presented.container == ending
        unsigned = {name: value for name, value in document.items() if name != "proof"}
        assert {name: value for name, value in presented.credential.items() if name != "proof"} == unsigned
        verification = verify(presented, known, now(), recipient=" Robin@Learner.example")
        assert verification.verdict == "verified", verification
        assert all(check.outcome == "passed" for check in verification.checks), verification


def test_a_pdf_has_the_credential_as_a_file_and_stays_an_archive(client, cast):
    page = client.get(f"/credentials/{cast.public_id}").text
    pdf = get(client, next(part for part in page.split('"') if part.endswith(".pdf"))).content
    with pikepdf.open(io.BytesIO(pdf)) as document:
        [name] = document.attachments
        content = document.attachments[name].get_file().read_bytes()
        with document.open_metadata() as told:
            assert (told["pdfaid:part"], told["pdfaid:conformance"], told["pdfuaid:part"]) == ("3", "A", "1")
    assert name == "credential.json"
    assert json.loads(content) == signed(client, cast) == json.loads(take_out(pdf)[1])


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("application/vc", "application/vc"),
        ("application/ld+json;q=0.9, application/json;q=0.5", "application/ld+json"),
        ("application/json", "application/json"),
        ("application/vc+ld+json, text/html;q=0.2", "application/vc+ld+json"),
    ],
)
def test_the_page_s_own_address_gives_json_to_programs(client, cast, accept, type_):
    answer = client.get(f"/credentials/{cast.public_id}", headers={"accept": accept})
    assert answer.headers["content-type"].split(";")[0] == type_
    assert "accept" in answer.headers["vary"].split(", ")


def test_no_plain_address_and_no_name_is_in_what_is_signed(client, cast):
    text = get(client, f"/credentials/{cast.public_id}.json").text
    token = get(client, f"/credentials/{cast.public_id}.jwt").text
    claims = read_base64url(token.split(".")[1]).decode()
    for said in (text, claims):
        assert "robin" not in said.lower()
        assert "learner.example" not in said


def test_drafts_deleted_and_unknown_ones_are_not_told_apart(ada, cast):
    draft = ada.get(f"/v1/credentials/{cast.draft_id}").json()["publicId"]
    ada.get(f"/credentials/{cast.public_id}.json")
    ada.delete(f"/v1/credentials/{cast.credential_id}")
    for ending in ("json", "jwt", "png", "svg"):
        answers = [
            ada.get(f"/credentials/{public_id}.{ending}")
            for public_id in (draft, cast.public_id, "no-such", "a%00b")
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1


def test_revoking_reinstating_and_deleting_show_in_the_status_list_at_once(ada, cast):
    document = signed(ada, cast)
    entry = document["credentialStatus"]

    def outcome():
        presented = read_presented(json.dumps(document).encode())
        return verify(presented, known_now(), now()).verdict

    def known_now():
        status = read_presented(get(ada, entry["statusListCredential"]).content)
        documents = {document["issuer"]["id"]: get(ada, f"/issuers/{cast.workspace_id}/did.json").json()}
        return Known(documents, {entry["statusListCredential"]: status})

    assert outcome() == "verified"
    ada.post(f"/v1/credentials/{cast.credential_id}/revoke", json={"reason": "A mistake"})
    assert outcome() == "revoked"
    assert signed(ada, cast)["credentialStatus"] == entry
    ada.post(f"/v1/credentials/{cast.credential_id}/reinstate")
    assert outcome() == "verified"
    ada.post(f"/v1/credentials/{cast.credential_id}/revoke", json={})
    assert ada.get(f"/credentials/{cast.public_id}.png").status_code == 404
    ada.delete(f"/v1/credentials/{cast.credential_id}")
    assert outcome() == "revoked"


def test_a_credential_keeps_its_place_and_no_two_share_one(settings, client, cast):
    [first] = {signed(client, cast)["credentialStatus"]["statusListIndex"] for _ in range(3)}

    def act(transaction):
        entry = store.find_entry(transaction, cast.credential_id)
        again = store.take_entry(transaction, cast.workspace_id, cast.credential_id, cast.public_id)
        # Another that would get the very same place gets the next one.
        other = store.take_entry(transaction, cast.workspace_id, cast.draft_id, cast.public_id)
        return entry, again, other, store.list_set_positions(transaction, cast.workspace_id, 1)

    entry, again, other, set_ = in_transaction(settings, act)
    assert entry == again
    assert str(entry.position) == first
    assert other is not None
    assert other.position != entry.position
    assert set_ == []


def test_a_list_that_is_full_is_followed_by_another(settings, ada, cast, monkeypatch):
    monkeypatch.setattr(store, "_ROOM", 1)
    ada.post(f"/v1/credentials/{cast.draft_id}/issue")
    public_id = ada.get(f"/v1/credentials/{cast.draft_id}").json()["publicId"]
    found = [
        get(ada, f"/credentials/{one}.json").json()["credentialStatus"] for one in (cast.public_id, public_id)
    ]
    lists = [one["statusListCredential"] for one in found]
    assert [address.rsplit("/", 1)[1] for address in lists] == ["1", "2"]
    ada.post(f"/v1/credentials/{cast.draft_id}/revoke", json={})
    bits = [
        read_bit(
            get(ada, one["statusListCredential"]).json()["credentialSubject"]["encodedList"],
            int(one["statusListIndex"]),
        )
        for one in found
    ]
    assert bits == [False, True]
    assert ada.get(f"/issuers/{cast.workspace_id}/status/3").status_code == 404


def test_the_issuer_and_the_achievement_are_described_where_the_credential_says(client, cast):
    assert client.get(f"/issuers/{cast.workspace_id}").status_code == 404
    assert client.get(f"/issuers/{cast.workspace_id}/did.json").status_code == 404
    document = signed(client, cast)
    achievement = document["credentialSubject"]["achievement"]
    told = get(client, achievement["id"]).json()
    assert {name: value for name, value in told.items() if name != "@context"} == achievement
    profile = client.get(f"/issuers/{cast.workspace_id}").json()
    assert {name: value for name, value in profile.items() if name != "@context"} == document["issuer"]
    assert document["issuer"]["id"] == f"did:web:credentials.example:issuers:{cast.workspace_id}"
    assert "image" not in achievement, "a certificate bears a name"
    assert client.get(f"/achievements/{cast.group_id}/image.png").status_code == 404
    assert client.get(f"/achievements/{cast.group_id}x").status_code == 404
    assert client.get(f"/issuers/{cast.workspace_id}x").status_code == 404


def test_a_badge_is_the_picture_of_its_achievement(ada, cast):
    badge = next(design for design in BUILT_IN if design.type == "badge")
    ada.patch(f"/v1/groups/{cast.group_id}", json={"designIds": [badge.id]})
    achievement = signed(ada, cast)["credentialSubject"]["achievement"]
    assert achievement["achievementType"] == "Badge"
    assert get(ada, achievement["image"]["id"]).headers["content-type"] == "image/png"


def test_a_group_with_drafts_alone_is_nobody_s_business(ada, cast):
    made = ada.post(
        "/v1/groups", json={"name": "Secret plan", "designIds": [cast.design_id]}, headers=headers(cast.ada)
    )
    assert client_status(ada, made.json()["id"]) == 404


def client_status(client, group_id):
    """What is said of a group's achievement."""
    return client.get(f"/achievements/{group_id}").status_code


def test_what_is_asked_for_again_is_not_sent_again(client, cast):
    for ending in ("json", "jwt", "png"):
        first = get(client, f"/credentials/{cast.public_id}.{ending}")
        again = get(
            client,
            f"/credentials/{cast.public_id}.{ending}",
            headers={"if-none-match": first.headers["etag"]},
        )
        assert again.status_code == 304
