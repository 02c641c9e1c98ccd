"""Signing: a proof within the document, or the document as a VC-JWT. Pure.

Sources: Data Integrity EdDSA Cryptosuites 1.0 (eddsa-rdfc-2022), Open Badges 3.0 section 8.2 (VC-JWT).
"""

from hashlib import sha256
from typing import Any

from credtrail.badges.keys import SigningKey, sign_compact, write_base58
from credtrail.badges.model import method_of, moment_text
from credtrail.badges.nquads import canonize_own, canonize_proof
from credtrail.values import Moment, parse_moment

CRYPTOSUITE = "eddsa-rdfc-2022"


def sign_document(document: dict[str, Any], key: SigningKey, did: str, at: Moment) -> dict[str, Any]:
    """The document with a proof by this key, made at that moment. Only for documents of ours, made by `model`."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": moment_text(at),
        "verificationMethod": method_of(did, key.id),
        "proofPurpose": "assertionMethod",
    }
    signed = hash_of(canonize_proof(proof), canonize_own(document))
    return {**document, "proof": {**proof, "proofValue": "z" + write_base58(key.sign(signed))}}


def hash_of(proof_text: str, document_text: str) -> bytes:
    """What is signed: both as canonical N-Quads, hashed, the proof first."""
    return sha256(proof_text.encode()).digest() + sha256(document_text.encode()).digest()


def sign_jwt(document: dict[str, Any], key: SigningKey, did: str) -> str:
    """The document as a VC-JWT.

    Its body is the credential itself, with the claims of a JWT that say the same. Assumed: a JWT is signed with
    EdDSA, by the same key as the proof; the specification's baseline is RS256, and others are allowed.
    """
    header = {"alg": "EdDSA", "kid": method_of(did, key.id), "typ": "JWT"}
    return sign_compact(key, header, {**document, **claims_of(document)})


def claims_of(document: dict[str, Any]) -> dict[str, Any]:
    """The registered claims that must say the same as the body. Source: Open Badges 3.0, section 8.2.4."""
    issuer, subject = document["issuer"], document["credentialSubject"]
    claims: dict[str, Any] = {
        "iss": issuer["id"] if isinstance(issuer, dict) else issuer,
        "jti": document["id"],
        "nbf": parse_moment(document["validFrom"]) // 1_000,
        "sub": subject["id"],
    }
    if "validUntil" in document:
        claims["exp"] = parse_moment(document["validUntil"]) // 1_000
    return claims
