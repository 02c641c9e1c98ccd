"""The standard: its schema takes what we sign, its examples are understood, its test vector comes out."""

import json
import os
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft201909Validator

from badges.complete import complete
from badges.samples import CREDENTIAL, DOMAIN, LOOPBACK, VIEW, Issuer
from badges.schema import CLASSES, SCHEMA
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


def validator(name):
    """For credentials of that class."""
    return Draft201909Validator(SCHEMA | {"$ref": f"#/$defs/{name}"}, validate_formats=True)


ACHIEVEMENT, ENDORSEMENT = validator("AchievementCredential"), validator("EndorsementCredential")
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
    assert [error.message for error in ACHIEVEMENT.iter_errors(signed)] == []


@pytest.mark.parametrize("missing", ["issuer", "validFrom", "credentialSubject", "id", "type"])
def test_the_schema_and_we_refuse_what_lacks_something(missing):
    signed = Issuer().signed()
    del signed[missing]
    assert not ACHIEVEMENT.is_valid(signed)
    if missing not in ("credentialSubject", "id"):
        presented = read_presented(json.dumps(signed).encode())
        assert verify(presented, NOTHING, now()).of("structure").reason == "malformed"


def objects(value):
    """Each object in it, in all its depth."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(one)


def test_the_schema_knows_each_property_of_a_credential_that_has_all():
    document = complete()
    assert [error.message for error in ACHIEVEMENT.iter_errors(document)] == []
    properties = {
        name.strip("!") for told in CLASSES.values() for names in told.values() for name in names.split()
    }
    assert {name for one in objects(document) for name in one} == properties
    for one in objects(document):
        for name, value in list(one.items()):
            one[name] = [[]]  # which is right for nothing
            assert not ACHIEVEMENT.is_valid(document), (one, name)
            one[name] = value


def test_the_schema_refuses_each_class_that_lacks_something():
    document = complete()
    lacking = set()
    for one in objects(document):
        for name, value in list(one.items()):
            del one[name]
            if not ACHIEVEMENT.is_valid(document):
                lacking.add((str(one.get("type")), name))
            one[name] = value
    required = [
        name for told in CLASSES.values() for names in told.values() for name in names.split() if "!" in name
    ]
    assert {name for _, name in lacking} == {name.strip("!") for name in required}
    assert ("['Profile']", "name") not in lacking
    assert ("['Address']", "type") not in lacking
    assert ("GeoCoordinates", "latitude") in lacking
    assert ("['ResultDescription']", "resultType") in lacking


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["validFrom"], "2024-03-12"),
        (["issuer", "otherIdentifier", 0, "identifierType"], "catalogue"),
        (["issuer", "otherIdentifier", 0, "more"], "of it"),
        (["issuer", "endorsement", 0, "issuer", "dateOfBirth"], "29 February 1980"),
        (["endorsementJwt", 0], "two.parts"),
        (["credentialSubject", "achievement", "related", 0, "@language"], "Chinese"),
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
    assert [error.instance_path for error in ACHIEVEMENT.iter_errors(document)] != []
    assert not ACHIEVEMENT.is_valid(document)


def test_a_credential_that_has_all_is_understood():
    document = complete(endorsed=False)
    # No statement holds the language of an achievement, and the type of coordinates has the address of `geo` itself.
    del document["credentialSubject"]["achievement"]["related"][0]["@language"]
    del document["issuer"]["address"]["geo"]
    verification = verify(read_presented(json.dumps(document).encode()), NOTHING, now())
    assert verification.of("structure").reason == "well_formed"
    assert verification.of("status").reason == "status_not_known"


def test_what_carries_contexts_inside_is_not_judged():
    verification = verify(read_presented(json.dumps(complete()).encode()), NOTHING, now())
    assert verification.of("structure")[1:3] == ("unchecked", "unknown_context")
    assert verification.verdict == "incomplete"


def published():
    """The examples in a copy of 1EdTech's repository that are in the form for Verifiable Credentials 2.0, by file."""
    folder = os.environ.get("OPENBADGES_SPECIFICATION")
    for path in sorted(Path(folder, "ob_v3p0/examples").glob("*.html")) if folder else ():
        for text in re.findall(r"<pre[^>]*>\s*(\{.*?\})\s*</pre>", path.read_text(), re.DOTALL):
            document = json.loads(text)
            if "https://www.w3.org/ns/credentials/v2" in document["@context"]:
                yield pytest.param(document, id=path.stem)


@pytest.mark.parametrize("document", list(published()))
def test_the_schema_takes_the_published_examples(document):
    schema = ENDORSEMENT if "EndorsementCredential" in document["type"] else ACHIEVEMENT
    assert [error.message for error in schema.iter_errors(document)] == []
    del document["issuer"]["id"]
    assert not schema.is_valid(document)


def test_the_first_example_of_the_specification_is_understood():
    assert ACHIEVEMENT.is_valid(BASIC)
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
