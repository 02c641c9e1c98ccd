"""Two verifiers that have nothing to do with us accept what we sign and refuse what somebody has changed.

Neither reaches the network: the one has a loader that refuses every address but those it was given, the other asks
resolvers that are handed to it.
"""

import copy
import json

import pytest
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier
from openvc import VerificationPolicy, verify_credential
from openvc.did.base import DidResolverRegistry
from openvc.did.did_key import DidKeyResolver
from openvc.did.did_web import DidWebResolver
from openvc.errors import OpenvcError
from openvc.status.status_list import CredentialRevoked

from badges.complete import complete
from badges.samples import DOMAIN, ENTRY, LOOPBACK, Issuer
from credtrail.badges.contexts import KNOWN, _read, canonize
from credtrail.badges.desk import write_json
from credtrail.badges.keys import SigningKey, write_base58
from credtrail.badges.presented import read_presented
from credtrail.badges.sign import CRYPTOSUITE, hash_of, sign_document, sign_jwt
from credtrail.badges.verify import verify
from credtrail.values import now

CONTEXTS = {address: _read(address) for address in KNOWN}


def openvc_accepts(credential, documents):
    """PyPI's openvc-core: whether it takes the credential; raises CredentialRevoked where it is revoked."""

    def fetch_did(address):
        return next(found for name, found in documents.items() if name.startswith("did:web:"))

    def fetch_list(address):
        openvc_accepts(documents[address], documents)
        return documents[address]

    resolver = DidResolverRegistry([DidKeyResolver(), DidWebResolver(fetch_did)])
    try:
        verify_credential(
            copy.deepcopy(credential),
            resolver=resolver,
            resolve_status_list=fetch_list,
            extra_contexts=CONTEXTS,
            policy=VerificationPolicy(require_status_issuer_binding="credentialStatus" in credential),
        )
    except CredentialRevoked:
        raise
    except OpenvcError:
        return False
    return True


def we_find(credential, issuer, positions=()):
    """Our own verdict."""
    return verify(read_presented(write_json(credential)), issuer.known(positions), now()).verdict


def change(credential, *path, to):
    """The credential with one thing in it replaced; a missing member is added."""
    changed = copy.deepcopy(credential)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = to
    return changed


def tamperings(credential, issuer):
    """Ten ways to make of a credential another one."""
    subject = ("credentialSubject",)
    value = credential["proof"]["proofValue"]
    stranger = Issuer(issuer.public_url)
    forged = {name: part for name, part in credential.items() if name != "proof"}
    return {
        "another title": change(credential, "name", to="Doctor of Botany"),
        "another achievement": change(credential, *subject, "achievement", "name", to="Zoology"),
        "another recipient": change(
            credential, *subject, "identifier", 0, "identityHash", to="sha256$" + "0" * 64
        ),
        "a recipient less": change(
            credential, *subject, "identifier", to=credential["credentialSubject"]["identifier"][1:]
        ),
        "a longer life": change(credential, "validUntil", to="2199-03-12T00:00:00Z"),
        "an earlier beginning": change(credential, "validFrom", to="2004-03-12T00:00:00Z"),
        "another issuer's name": change(credential, "issuer", "name", to="Royal Academy"),
        "words that nobody signed": change(credential, "honours", to="summa cum laude"),
        "another signature": change(
            credential, "proof", "proofValue", to=value[:-1] + ("1" if value[-1] != "1" else "2")
        ),
        "somebody else's key": {
            **forged,
            "proof": sign_document(forged, stranger.key, issuer.did, now())["proof"],
        },
    }


@pytest.mark.parametrize("with_status", [True, False], ids=["status", "no_status"])
@pytest.mark.parametrize("public_url", [DOMAIN, LOOPBACK], ids=["did_web", "did_key"])
def test_both_accept_what_we_sign_and_refuse_what_was_changed(judge, public_url, with_status):
    issuer = Issuer(public_url)
    credential = issuer.signed(with_status=with_status)
    assert issuer.did.startswith("did:web:" if public_url == DOMAIN else "did:key:")
    changed = tamperings(credential, issuer)
    assert len(changed) == 10
    documents = issuer.documents()
    found = judge(documents, [credential, *changed.values()])
    assert found[0] == {"verified": True, "status": [False] if with_status else None, "error": None}
    assert openvc_accepts(credential, documents)
    assert we_find(credential, issuer) == "verified"
    for (name, forged), finding in zip(changed.items(), found[1:], strict=True):
        assert not finding["verified"], name
        assert not openvc_accepts(forged, documents), name
        assert we_find(forged, issuer) == "failed", name


def test_both_read_that_it_is_revoked(judge):
    """The one tells that the list is genuine (`verified`) and the credential revoked: the bit is what counts."""
    issuer = Issuer()
    credential, documents = issuer.signed(), issuer.documents([3, ENTRY.position])
    [finding] = judge(documents, [credential])
    assert finding["status"] == [True]
    with pytest.raises(CredentialRevoked):
        openvc_accepts(credential, documents)
    assert we_find(credential, issuer, [3, ENTRY.position]) == "revoked"


def test_a_status_list_by_somebody_else_is_not_believed(judge):
    issuer, stranger = Issuer(), Issuer(LOOPBACK)
    credential = issuer.signed()
    forged = sign_document(
        {
            **{name: part for name, part in stranger.status_list().items() if name != "proof"},
            "id": issuer.list_address,
        },
        stranger.key,
        stranger.did,
        now(),
    )
    documents = {**issuer.documents([ENTRY.position]), issuer.list_address: forged}
    [finding] = judge(documents, [credential])
    assert not finding["verified"]
    assert not openvc_accepts(credential, documents)
    known = issuer.known()._replace(status_lists={issuer.list_address: read_presented(write_json(forged))})
    verification = verify(read_presented(write_json(credential)), known, now())
    assert (verification.verdict, verification.of("status").reason) == ("incomplete", "status_not_trusted")


def test_a_key_that_was_retired_still_vouches_and_one_that_is_not_listed_does_not(judge):
    issuer = Issuer()
    credential, documents = issuer.signed(), issuer.documents()
    later = SigningKey.make()
    methods = documents[issuer.did]["verificationMethod"]
    added = {**methods[0], "id": f"{issuer.did}#{later.id}", "publicKeyMultibase": later.id}
    rotated = {**documents[issuer.did], "verificationMethod": [added, *methods]}
    rotated["assertionMethod"] = [added["id"], *documents[issuer.did]["assertionMethod"]]
    [finding] = judge({**documents, issuer.did: rotated}, [credential])
    assert finding["verified"]
    assert openvc_accepts(credential, {**documents, issuer.did: rotated})
    gone = {**rotated, "verificationMethod": [added], "assertionMethod": [added["id"]]}
    [finding] = judge({**documents, issuer.did: gone}, [credential])
    assert not finding["verified"]
    assert not openvc_accepts(credential, {**documents, issuer.did: gone})
    known = issuer.known()._replace(did_documents={issuer.did: gone})
    verification = verify(read_presented(write_json(credential)), known, now())
    assert (verification.verdict, verification.of("issuer_key").reason) == ("failed", "key_not_listed")


def test_the_jwt_is_taken_by_a_library_for_open_badges_and_refused_when_changed():
    issuer = Issuer()
    document = issuer.document()
    token = sign_jwt(document, issuer.key, issuer.did)
    did_json = json.dumps(issuer.documents()[issuer.did]).encode()
    verifier = OB3Verifier.for_issuer_did(issuer.did, download=lambda address, *_, **__: did_json)
    taken = verifier.verify(token)
    assert (taken.id, taken.name) == (document["id"], document["name"])
    for forged in (
        sign_jwt({**document, "name": "Doctor"}, SigningKey.make(), issuer.did),
        sign_jwt(
            {**document, "issuer": {**document["issuer"], "id": "did:web:other.example"}},
            issuer.key,
            issuer.did,
        ),
        token[:-3] + ("AAA" if not token.endswith("AAA") else "BBB"),
        ".".join(
            [
                token.split(".")[0],
                sign_jwt({**document, "name": "x"}, issuer.key, issuer.did).split(".")[1],
                token.split(".")[2],
            ]
        ),
    ):
        with pytest.raises(OB3VerificationError):
            verifier.verify(forged)
        assert verify(read_presented(forged.encode()), issuer.known(), now()).verdict == "failed"


def sign_any(document, issuer):
    """A document that we would not write ourselves, signed over the statements that are read in it."""
    words = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": "2024-03-12T09:00:00Z",
        "verificationMethod": f"{issuer.did}#{issuer.key.id}",
        "proofPurpose": "assertionMethod",
    }
    signed = hash_of(canonize(words | {"@context": document["@context"]}), canonize(document))
    return document | {"proof": words | {"proofValue": "z" + write_base58(issuer.key.sign(signed))}}


@pytest.mark.parametrize("endorsed", [True, False])
def test_an_unrelated_library_reads_the_same_in_a_credential_that_has_everything(judge, endorsed):
    """Lists, coordinates, endorsements with contexts and proofs of their own, the same alignment in many places."""
    issuer = Issuer(LOOPBACK)
    document = complete(endorsed=endorsed)
    del document["proof"], document["credentialStatus"]
    document["issuer"]["id"] = issuer.did
    credential = sign_any(document, issuer)
    changed = copy.deepcopy(credential)
    changed["issuer"]["address"]["geo"]["latitude"] = 35.8
    found = judge(CONTEXTS, [credential, changed])
    assert [finding["verified"] for finding in found] == [True, False], found
    assert [we_find(one, issuer) for one in (credential, changed)] == ["verified", "failed"]
