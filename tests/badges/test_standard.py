"""What 1EdTech has published: its schema takes what we sign, its examples are understood, its test vector comes out."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft201909Validator

from badges.samples import CREDENTIAL, DOMAIN, LOOPBACK, VIEW, Issuer
from conftest import examples
from credtrail.badges.contexts import canonize, says_only_what_is_signed
from credtrail.badges.keys import SigningKey, is_signed, read_base58, read_multikey
from credtrail.badges.nquads import canonize_own, canonize_proof
from credtrail.badges.presented import read_presented
from credtrail.badges.verify import NOTHING, verify
from credtrail.designs.model import BUILT_IN
from credtrail.values import now

FOLDER = Path(__file__).parent / "standard"


def read(name):
    """One of the published files."""
    return json.loads((FOLDER / name).read_text())


SCHEMA = Draft201909Validator(read("achievementcredential.json"), validate_formats=True)
BASIC, VECTOR = read("basic.json"), read("signed.json")


@given(
    st.none() | st.just("Robin@learner.example"),
    st.none() | st.just("2099-01-01"),
    st.lists(st.just({"name": "Herbarium", "url": "https://evidence.example/1"}), max_size=2),
    st.sampled_from(BUILT_IN),
    st.sampled_from([DOMAIN, LOOPBACK]),
)
@settings(max_examples=examples(40), deadline=None)
def test_the_schema_takes_what_we_sign(email, expiry, evidence, design, public_url):
    credential = CREDENTIAL._replace(recipient_email=email, expiry_date=expiry, evidence=evidence)
    group = VIEW.group._replace(design_ids=(design.id,))
    signed = Issuer(public_url, VIEW._replace(credential=credential, group=group)).signed()
    assert [error.message for error in SCHEMA.iter_errors(signed)] == []


@pytest.mark.parametrize("missing", ["issuer", "validFrom", "credentialSubject", "id", "type"])
def test_the_schema_and_we_refuse_what_lacks_something(missing):
    signed = Issuer().signed()
    del signed[missing]
    assert not SCHEMA.is_valid(signed)
    if missing not in ("credentialSubject", "id"):
        presented = read_presented(json.dumps(signed).encode())
        assert verify(presented, NOTHING, now()).of("structure").reason == "malformed"


def test_the_first_example_of_the_specification_is_understood():
    assert SCHEMA.is_valid(BASIC)
    assert says_only_what_is_signed(BASIC)
    assert canonize_own(BASIC) == canonize(BASIC)
    verification = verify(read_presented(json.dumps(BASIC).encode()), NOTHING, now())
    assert verification.of("structure").outcome == "passed"
    assert (verification.verdict, verification.of("signature").reason) == ("failed", "no_signature")


def test_the_statements_of_the_test_vector_come_out_to_the_last_byte():
    credential = VECTOR["credential"]
    document = {name: part for name, part in credential.items() if name != "proof"}
    proof = {name: part for name, part in credential["proof"].items() if name != "proofValue"}
    assert canonize(document) == canonize_own(document) == (FOLDER / "document-canon.txt").read_text()
    assert canonize_proof(proof) == (FOLDER / "proof-canon.txt").read_text()


def test_the_signature_of_the_test_vector_comes_out():
    """Over the hashes that the guide gives, which belong to an earlier revision of its texts."""
    signed = bytes.fromhex(VECTOR["proofHash"] + VECTOR["documentHash"])
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTOR["secretKeyHex"])))
    assert key.id == VECTOR["publicKeyMultibase"]
    assert key.sign(signed).hex() == VECTOR["signatureHex"]
    value = VECTOR["credential"]["proof"]["proofValue"]
    assert read_base58(value[1:]).hex() == VECTOR["signatureHex"]
    assert is_signed(read_multikey(key.id), key.sign(signed), signed)
