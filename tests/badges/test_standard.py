"""The standard: its schema takes what we sign, its examples are understood, its test vector comes out."""

import json
import os
import re
from copy import deepcopy
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft201909Validator

from badges.complete import W3C, complete
from badges.published import faults, schema, text_of, validator
from badges.samples import CREDENTIAL, DOMAIN, LOOPBACK, VIEW, Issuer
from conftest import examples
from credtrail.badges import contexts
from credtrail.badges.contexts import canonize, find_unsigned
from credtrail.badges.keys import SigningKey, is_signed, read_base58, read_base64url, read_multikey
from credtrail.badges.nquads import canonize_own, canonize_proof
from credtrail.badges.presented import read_presented
from credtrail.badges.sign import hash_of, sign_jwt
from credtrail.badges.verify import NOTHING, verify
from credtrail.designs.model import BUILT_IN
from credtrail.values import now

FOLDER = Path(__file__).parent / "standard"


def read(name):
    """One of the published files."""
    return json.loads((FOLDER / name).read_text())


BASIC, VECTOR = read("basic.json"), read("signed.json")


@given(
    st.fixed_dictionaries(
        {
            "recipient_email": st.none() | st.just("Robin@learner.example"),
            "expiry_date": st.none() | st.just("2099-01-01"),
            "evidence": st.lists(
                st.just({"name": "Herbarium", "url": "https://evidence.example/1"})
                | st.just({"name": "نبات", "url": "https://evidence.example/ 植|物"}),
                max_size=3,
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "description": st.none() | st.just("Thirty hours\n\tof *field work*"),
            "learning_event_url": st.none() | st.just("https://learning.example/botany?über=ja"),
            "skills": st.just(()) | st.just(("Botany", "植物", "Botany")),
            "design_ids": st.sampled_from(BUILT_IN).map(lambda design: (design.id,)),
        }
    ),
    st.fixed_dictionaries(
        {
            "website_url": st.none() | st.just("https://meadow.example"),
            "contact_email": st.none() | st.just("hello@meadow.example"),
            "logo_digest": st.none() | st.just("ab" * 32),
        }
    ),
    st.sampled_from([DOMAIN, LOOPBACK]),
    st.booleans(),
)
@settings(max_examples=examples(80))
def test_the_schema_takes_what_we_sign_as_json_and_as_jwt(
    credential, group, profile, public_url, with_status
):
    view = VIEW._replace(
        credential=CREDENTIAL._replace(**credential),
        group=VIEW.group._replace(**group),
        profile=VIEW.profile._replace(**profile),
    )
    issuer = Issuer(public_url, view)
    signed = issuer.signed(with_status=with_status)
    assert faults(signed) == []
    unsigned = {name: part for name, part in signed.items() if name != "proof"}
    token = sign_jwt(unsigned, issuer.key, issuer.did)
    assert faults(read_presented(token.encode()).credential) == []
    assert faults(json.loads(read_base64url(token.split(".")[1]))) == []
    assert verify(read_presented(json.dumps(signed).encode()), issuer.known(), now()).verdict == "verified"


@pytest.mark.parametrize("missing", ["issuer", "validFrom", "credentialSubject", "id", "type"])
def test_the_schema_and_we_refuse_what_lacks_something(missing):
    signed = Issuer().signed()
    del signed[missing]
    assert faults(signed) != []
    if missing not in ("credentialSubject", "id"):
        presented = read_presented(json.dumps(signed).encode())
        assert verify(presented, NOTHING, now()).of("structure").reason == "malformed"


def objects(value):
    """Each object in it, in all its depth."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(one)


def test_the_schema_takes_a_credential_that_has_each_property_it_knows():
    document = complete()
    assert faults(document) == []
    classes = [schema(), *schema()["$defs"].values()]
    known = {name for one in classes for name in one.get("properties", {})}
    assert {name for one in objects(document) for name in one} == known
    for one in objects(document):
        for name, value in list(one.items()):
            one[name] = [[]]  # which is right for nothing
            assert not validator().is_valid(document), (one, name)
            one[name] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["validFrom"], "2024-03-12"),
        (["type"], ["VerifiableCredential"]),
        (["@context"], [W3C]),
        (["issuer", "otherIdentifier", 0, "identifierType"], "catalogue"),
        (["issuer", "otherIdentifier", 0, "more"], "of it"),
        (["issuer", "endorsement", 0, "issuer", "dateOfBirth"], "29 February 1980"),
        (["issuer", "address", "geo", "latitude"], "north"),
        (["endorsementJwt", 0], "two.parts"),
        (["credentialSubject", "achievement", "related", 0, "inLanguage"], "Chinese"),
        (["credentialSubject", "result", 0, "status"], "Passed"),
        (["credentialSubject", "type"], []),
    ],
)
def test_the_schema_refuses_other_values(path, value):
    document = complete()
    *way, name = path
    node = document
    for step in way:
        node = node[step]
    node[name] = value
    assert not validator().is_valid(document)


@pytest.mark.parametrize("endorsed", [True, False])
def test_a_credential_that_has_all_is_understood(endorsed):
    verification = verify(read_presented(json.dumps(complete(endorsed=endorsed)).encode()), NOTHING, now())
    assert verification.of("structure").reason == "well_formed"
    assert verification.of("status").reason == "status_not_known"


def published():
    """The examples that are kept here, and those in a copy of 1EdTech's repository, by file. Those in the form for
    Verifiable Credentials 1.1 are passed over."""
    yield pytest.param(BASIC, id="basic")
    yield pytest.param(VECTOR["credential"], id="signed")
    folder = os.environ.get("OPENBADGES_SPECIFICATION")
    for path in sorted(Path(folder, "ob_v3p0/examples").glob("*.html")) if folder else ():
        for text in re.findall(r"<pre[^>]*>\s*(\{.*?\})\s*</pre", path.read_text(), re.DOTALL):
            # The file is a text within a script: two backslashes in it are one.
            document = json.loads(text.replace("\\\\", "\\"))
            if W3C in document["@context"]:
                yield pytest.param(document, id=path.stem)


@pytest.mark.parametrize("document", list(published()))
def test_published_examples_are_valid_and_say_it_all(document):
    document = deepcopy(document)
    kind = "EndorsementCredential" if "EndorsementCredential" in document["type"] else ""
    assert faults(document, kind) == []
    assert find_unsigned({name: part for name, part in document.items() if name != "proof"}) is None
    verification = verify(read_presented(json.dumps(document).encode()), NOTHING, now())
    if not kind:
        assert verification.of("structure").reason == "well_formed"
    if "proof" in document:
        # Its key is at an https address, where nobody looks here: that is open, and so is the whole.
        assert verification.of("issuer_key")[1:3] == ("unchecked", "key_not_known")
        assert verification.of("signature").reason == "needs_key"
        assert verification.verdict == "incomplete"
    else:
        assert verification.of("signature").reason == "no_signature"
        assert verification.verdict == "failed"
    del document["issuer"]["id"]
    assert faults(document, kind) != []


def test_the_profile_of_an_issuer_is_valid():
    profile = complete()["issuer"]
    theirs = Draft201909Validator(schema("profile"), validate_formats=True)
    for told in (Issuer().document()["issuer"], Issuer(LOOPBACK).document()["issuer"], profile):
        assert [error.message for error in theirs.iter_errors(told)] == []
    assert not theirs.is_valid(profile | {"id": 5})


def test_the_first_example_of_the_specification_is_understood():
    assert find_unsigned(BASIC) is None
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


def test_the_test_vector_of_the_cryptosuite_comes_out(monkeypatch):
    """W3C's own, of Data Integrity EdDSA Cryptosuites 1.0: hashes and signature; its second context is for examples."""
    address = "https://www.w3.org/ns/credentials/examples/v2"
    read, examples_context = contexts._read, json.loads(text_of("vc_di_eddsa/credentials-examples-v2.json"))
    monkeypatch.setattr(contexts, "KNOWN", contexts.KNOWN | {address})
    monkeypatch.setattr(contexts, "_FILES", contexts._FILES | {address: ("", "")})
    monkeypatch.setattr(contexts, "_read", lambda one: examples_context if one == address else read(one))
    document = json.loads(text_of("vc_di_eddsa/signed-credential.json"))
    proof = document.pop("proof")
    value = proof.pop("proofValue")
    words = proof | {"@context": document["@context"]}
    assert sha256(canonize(document).encode()).hexdigest() == text_of("vc_di_eddsa/doc-hash.txt").strip()
    assert (
        sha256(canonize(words).encode()).hexdigest() == text_of("vc_di_eddsa/proof-config-hash.txt").strip()
    )
    key = read_multikey(proof["verificationMethod"].partition("#")[2])
    signed = hash_of(canonize(words), canonize(document))
    assert is_signed(key, read_base58(value[1:]), signed)
    assert not is_signed(
        key, read_base58(value[1:]), hash_of(canonize(words), canonize(document | {"name": "x"}))
    )
