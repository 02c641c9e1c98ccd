"""Laws of signing: our own short way to the statements is the long one's; bits, keys and numbers come back as they went."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from badges.samples import CREDENTIAL, DOMAIN, ENTRY, GROUP, LOOPBACK, MADE_AT, PROFILE, VIEW, Issuer
from conftest import examples
from credtrail.badges import contexts
from credtrail.badges.contexts import UnknownContextError, canonize, find_unsigned
from credtrail.badges.keys import (
    SigningKey,
    read_base58,
    read_multikey,
    write_base58,
    write_multikey,
)
from credtrail.badges.model import StatusEntry, did_of, open_badge
from credtrail.badges.nquads import canonize_own, canonize_proof
from credtrail.badges.status import SIZE, encode_bits, position_of, read_bit

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30
).filter(str.strip)
urls = st.builds(lambda text: f"https://evidence.example/{''.join(text.split())}", texts)
days = st.dates().map(str)


@given(
    st.builds(
        lambda name, group, description, skills, url, address, evidence, day, expiry: VIEW._replace(
            credential=CREDENTIAL._replace(
                recipient_name=name,
                recipient_email=address,
                issue_date=day,
                expiry_date=expiry,
                evidence=evidence,
            ),
            group=GROUP._replace(
                name=group, description=description, skills=tuple(skills), learning_event_url=url
            ),
            issuer_name=group,
            profile=PROFILE._replace(website_url=url, contact_email=address),
        ),
        texts,
        texts,
        st.none() | texts,
        st.lists(texts, max_size=4),
        st.none() | urls,
        st.none() | st.just("Robin@learner.example"),
        st.lists(st.fixed_dictionaries({"name": texts, "url": urls}), max_size=3),
        days,
        st.none() | days,
    ),
    st.sampled_from([DOMAIN, LOOPBACK]),
)
@settings(max_examples=examples(200))
def test_our_statements_are_those_of_a_json_ld_library(view, public_url):
    document = open_badge(view, public_url, did_of(public_url, "w", "z6Mk"), ENTRY)
    assert canonize_own(document) == canonize(document)
    assert find_unsigned(document) is None
    assert json.loads(json.dumps(document)) == document


def test_evidence_at_one_address_is_one_thing_and_nothing_else_in_the_document():
    page = open_badge(VIEW, DOMAIN, "did:web:x", ENTRY)
    urls = [
        "https://e.example/1",
        page["id"],
        "https://e.example/1",
        page["credentialSubject"]["achievement"]["id"],
    ]
    evidence = [
        {"name": f"Herbarium {number % 3}", "url": url} for number, url in enumerate([*urls, urls[0]])
    ]
    document = open_badge(
        VIEW._replace(credential=CREDENTIAL._replace(evidence=evidence)), DOMAIN, "did:web:x", ENTRY
    )
    assert document["evidence"] == [
        {"id": urls[0], "type": ["Evidence"], "name": "Herbarium 0, Herbarium 2, Herbarium 1"},
        {"narrative": urls[1], "type": ["Evidence"], "name": "Herbarium 1"},
        {"narrative": urls[3], "type": ["Evidence"], "name": "Herbarium 0"},
    ]
    assert canonize_own(document) == canonize(document)
    assert find_unsigned(document) is None


def test_the_statements_of_a_proof_and_of_a_status_list_are_the_library_s():
    issuer = Issuer()
    for signed in (issuer.signed(), issuer.status_list([1, 70_007])):
        document = {name: part for name, part in signed.items() if name != "proof"}
        proof = {name: part for name, part in signed["proof"].items() if name != "proofValue"}
        assert canonize_proof(proof) == canonize({**proof, "@context": signed["@context"]})
        assert canonize_own(document) == canonize(document)
        assert find_unsigned(document) is None


def test_no_context_is_ever_fetched_nor_one_of_a_document_s_own_taken():
    document = Issuer().document()
    for named in (
        [*document["@context"], "https://contexts.example/more.json"],
        [*document["@context"], {"name": "https://schema.org/alternateName"}],
        "https://contexts.example/more.json",
        None,
    ):
        with pytest.raises(UnknownContextError):
            canonize({**document, "@context": named})
    inside = {
        **document,
        "evidence": [{**document["evidence"][0], "@context": "https://contexts.example/x.json"}],
    }
    with pytest.raises(UnknownContextError):
        find_unsigned(inside)


def test_a_context_that_was_changed_is_not_used(tmp_path, monkeypatch):
    address = "https://www.w3.org/ns/credentials/v2"
    (tmp_path / "credentials-v2.json").write_text('{"@context": {}}')
    monkeypatch.setattr(contexts, "_FOLDER", tmp_path)
    with pytest.raises(RuntimeError, match="not the file that was shipped"):
        contexts._read.__wrapped__(address)


@given(st.sets(st.integers(0, SIZE - 1), max_size=50))
@settings(max_examples=examples(40))
def test_every_bit_comes_back_as_it_was_set(positions):
    encoded = encode_bits(positions)
    for position in {*positions, 0, 7, 8, SIZE - 1}:
        assert read_bit(encoded, position) == (position in positions)
    with pytest.raises(ValueError, match="no such place"):
        read_bit(encoded, SIZE)


def test_lists_that_are_none_are_refused_and_bombs_not_unpacked():
    import gzip
    from base64 import urlsafe_b64encode

    bomb = "u" + urlsafe_b64encode(gzip.compress(b"\0" * 50_000_000)).decode()
    for encoded in (bomb, "", "z123", "unot base64", "uAAAA"):
        with pytest.raises(ValueError):  # noqa: PT011 - which words, is nobody's business
            read_bit(encoded, 5)


@given(st.binary(max_size=80))
@settings(max_examples=examples(100))
def test_base58_comes_back(raw):
    assert read_base58(write_base58(raw)) == raw


def test_keys_are_written_as_others_do():
    """The example of the did:key specification, and round."""
    text = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    assert write_multikey(read_multikey(text)) == text
    key = SigningKey.make()
    again = SigningKey.read(key.write())
    assert (again.id, again.sign(b"x")) == (key.id, key.sign(b"x"))


def test_places_are_spread_and_the_same_when_asked_again():
    places = [position_of(f"id-{number}", 1, 0) for number in range(2_000)]
    assert places == [position_of(f"id-{number}", 1, 0) for number in range(2_000)]
    assert len(set(places)) > 1_950
    assert max(places) > SIZE * 0.99
    assert position_of("id-1", 1, 0) != position_of("id-1", 1, 1) != position_of("id-1", 2, 1)


@pytest.mark.parametrize(
    ("public_url", "did"),
    [
        ("https://credentials.example", "did:web:credentials.example:issuers:w"),
        (
            "https://credentials.example:8443",
            "did:web:credentials.example%3A8443:issuers:w",
        ),
        ("https://bücher.example", "did:web:xn--bcher-kva.example:issuers:w"),
        ("http://credentials.example", "did:key:z6Mk"),
        ("https://192.0.2.7", "did:key:z6Mk"),
        ("https://[2001:db8::1]:8443", "did:key:z6Mk"),
        ("https://localhost:8000", "did:key:z6Mk"),
    ],
)
def test_an_issuer_is_called_by_its_domain_where_there_is_one_else_by_its_key(public_url, did):
    assert did_of(public_url, "w", "z6Mk") == did


def test_each_moment_and_text_is_signed_as_it_is_meant():
    document = open_badge(VIEW, DOMAIN, "did:web:x", StatusEntry(2, 5))
    assert (document["validFrom"], document["validUntil"]) == ("2024-03-11T15:00:00Z", "2099-03-12T14:59:59Z")
    assert document["evidence"][0]["id"] == "https://evidence.example/%20a%7Cb"
    assert document["credentialStatus"]["statusListCredential"].endswith("/status/2")
    assert document["credentialSubject"]["achievement"]["tag"] == ["Botany", "نبات"]
    assert CREDENTIAL.created_at == MADE_AT
