"""Verifies a credential, item by item: what holds, what doesn't, and what could not be checked. Pure.

`read_presented` takes a credential out of what somebody presents; `find_needs` says what has to be known of its issuer
and its status; `verify` judges with what is known, and asks nobody. `desk.py` puts the three together for what this
server knows by itself. Sources: Open Badges 3.0 section 9.1, Data Integrity 1.0, Bitstring Status List 1.0.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from credtrail.badges.contexts import MalformedError, UnknownContextError, canonize, find_unsigned
from credtrail.badges.keys import PublicKey, is_signed, read_base58, read_jwk, read_multikey
from credtrail.badges.model import hash_identity, normal_email, normal_name
from credtrail.badges.presented import Presented
from credtrail.badges.sign import CRYPTOSUITE, claims_of, hash_of
from credtrail.badges.status import read_bit
from credtrail.values import Moment, parse_moment

Outcome = Literal["passed", "failed", "unchecked"]
Item = Literal[
    "structure", "signature", "issuer_key", "issuer_domain", "issuer", "status", "dates", "recipient"
]
Verdict = Literal["verified", "incomplete", "expired", "not_yet_valid", "revoked", "failed"]
Reason = Literal[
    # structure
    "well_formed",
    "malformed",
    "unsigned_words",
    "unknown_context",
    # signature
    "signature_holds",
    "signature_broken",
    "no_signature",
    "unknown_signature",
    "needs_key",
    "claims_differ",
    "signature_expired",
    # issuer_key
    "key_of_issuer",
    "key_not_of_issuer",
    "key_not_listed",
    "key_not_known",
    "key_withdrawn",
    # issuer_domain, issuer
    "not_proven",
    # issuer_domain
    "same_domain",
    "other_domain",
    "no_domain",
    # issuer
    "issuer_known",
    "issuer_not_known",
    # status
    "not_revoked",
    "revoked",
    "suspended",
    "no_status",
    "status_not_known",
    "status_not_trusted",
    # dates
    "in_force",
    "without_end",
    "expired",
    "not_yet",
    # recipient
    "email_matches",
    "name_matches",
    "no_match",
    "not_asked",
    "no_identity",
]
"""Why an item came out so. A page has a sentence for each."""


_SKEW_MS = 300_000
"""Clocks differ: what begins within five minutes has begun."""


class Check(NamedTuple):
    """One item: how it came out and why; `about` is what it is about: an address, a DID, a moment, a name."""

    item: Item
    outcome: Outcome
    reason: Reason
    about: str = ""


class Verification(NamedTuple):
    """What was found out of a credential, in the order of the items; each item stands once."""

    presented: Presented
    checks: tuple[Check, ...]

    def of(self, item: Item) -> Check:
        """One item."""
        return next(check for check in self.checks if check.item == item)

    @property
    def verdict(self) -> Verdict:
        """All of it in one word; `incomplete` when nothing failed and something that matters could not be checked."""
        proof = [self.of(item) for item in ("structure", "signature", "issuer_key")]
        status, dates = self.of("status"), self.of("dates")
        if any(check.outcome == "failed" for check in (*proof, self.of("recipient"))):
            return "failed"
        if status.outcome == "failed":
            return "revoked"
        if dates.outcome == "failed":
            return "not_yet_valid" if dates.reason == "not_yet" else "expired"
        if any(check.outcome == "unchecked" and check.reason != "no_status" for check in (*proof, status)):
            return "incomplete"
        return "verified"


class Needs(NamedTuple):
    """What somebody has to find out before a credential can be judged whole: DIDs other than did:key, and addresses of
    status lists."""

    dids: tuple[str, ...]
    status_lists: tuple[str, ...]


class Known(NamedTuple):
    """What was found out: DID documents by DID, status lists (as presented) by address, the names of issuers whom this
    server vouches for by DID, and the DIDs (did:key) whose key was withdrawn."""

    did_documents: Mapping[str, Any] = {}
    status_lists: Mapping[str, Presented] = {}
    issuers: Mapping[str, str] = {}
    withdrawn: frozenset[str] = frozenset()


NOTHING = Known()


def find_needs(presented: Presented) -> Needs:
    """What to find out. A status list may need another DID: ask again with the list."""
    credential = presented.credential
    named = {_did_of(issuer_id(credential)), _did_of(_method(presented))} - {""}
    lists = [entry.get("statusListCredential") for entry in _bitstring_entries(credential)]
    return Needs(
        tuple(sorted(did for did in named if not did.startswith("did:key:"))),
        tuple(dict.fromkeys(address for address in lists if isinstance(address, str))),
    )


def verify(presented: Presented, known: Known, at: Moment, *, recipient: str | None = None) -> Verification:
    """Every item, at that moment. `recipient` is an e-mail address or a name as somebody typed it, to be compared."""
    credential = presented.credential
    structure = _check_structure(presented)
    signature, key = _check_proof(presented, known, at, structure)
    is_proven = structure.outcome == signature.outcome == key.outcome == "passed"
    return Verification(
        presented,
        (
            structure,
            signature,
            key,
            _if_proven(is_proven, _check_domain(credential)),
            _if_proven(is_proven, _check_issuer(credential, known)),
            _check_status(credential, known, at),
            _check_dates(credential, at),
            _check_recipient(credential, recipient),
        ),
    )


def issuer_id(credential: dict[str, Any]) -> str:
    """Who says to have issued it; empty where nobody does."""
    issuer = credential.get("issuer")
    told = issuer.get("id") if isinstance(issuer, dict) else issuer
    return told if isinstance(told, str) else ""


def _check_structure(presented: Presented) -> Check:
    if not _is_open_badge(presented.credential):
        return Check("structure", "failed", "malformed")
    return _check_words(presented)


def _check_words(presented: Presented) -> Check:
    """In a document with a proof, that no word stands outside of what is signed; a JWT is signed as a whole."""
    if presented.format == "vc_jwt":
        return Check("structure", "passed", "well_formed")
    unsecured, proof = _take_apart(presented.credential)
    try:
        unsigned = find_unsigned(unsecured)
        if unsigned is None and proof is not None:
            unsigned = find_unsigned(_proof_words(unsecured, proof))
            unsigned = None if unsigned is None else f"proof.{unsigned}".rstrip(".")
        if unsigned is not None:
            return Check("structure", "failed", "unsigned_words", unsigned)
    except UnknownContextError as unknown:
        return Check("structure", "unchecked", "unknown_context", str(unknown))
    except MalformedError:
        return Check("structure", "failed", "malformed")
    return Check("structure", "passed", "well_formed")


def _is_open_badge(credential: dict[str, Any]) -> bool:
    types = _several(credential.get("type"))
    subject = credential.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    return (
        "VerifiableCredential" in types
        and bool({"OpenBadgeCredential", "AchievementCredential"} & set(map(str, types)))
        and bool(issuer_id(credential))
        and _moment(credential.get("validFrom")) is not None
        and ("validUntil" not in credential or _moment(credential["validUntil"]) is not None)
        and isinstance(achievement, dict)
        and isinstance(achievement.get("name"), str)
    )


def _check_proof(presented: Presented, known: Known, at: Moment, structure: Check) -> tuple[Check, Check]:
    """The signature, and whose key made it."""
    method = _method(presented)
    if not method:
        absent: Reason = (
            "unknown_signature" if presented.token or "proof" in presented.credential else "no_signature"
        )
        outcome: Outcome = "unchecked" if absent == "unknown_signature" else "failed"
        return Check("signature", outcome, absent), Check("issuer_key", "unchecked", "key_not_known")
    key, told = _find_key(method, issuer_id(presented.credential), known)
    if key is None:
        return Check("signature", "unchecked", "needs_key"), told
    if presented.token is not None:
        return _check_token(presented, key), told
    if structure.reason == "unknown_context":
        return Check("signature", "unchecked", "unknown_signature"), told
    return _check_data_integrity(presented.credential, key, at), told


def _check_data_integrity(credential: dict[str, Any], key: PublicKey, at: Moment) -> Check:
    unsecured, proof = _take_apart(credential)
    broken = Check("signature", "failed", "signature_broken")
    if proof is None or not isinstance(proof.get("proofValue"), str):
        return broken
    if proof.get("proofPurpose") != "assertionMethod" or "@context" in proof:
        return broken
    ends_at = _moment(proof["expires"]) if "expires" in proof else None
    if "expires" in proof and (ends_at is None or ends_at < at):
        return Check("signature", "failed", "signature_expired")
    try:
        value = proof["proofValue"]
        signature = read_base58(value[1:]) if value.startswith("z") else b""
        signed = hash_of(canonize(_proof_words(unsecured, proof)), canonize(unsecured))
    except (ValueError, UnknownContextError, MalformedError):
        return broken
    return Check("signature", "passed", "signature_holds") if is_signed(key, signature, signed) else broken


def _check_token(presented: Presented, key: PublicKey) -> Check:
    token = presented.token
    if token is None or not is_signed(key, token.signature, token.signed):
        return Check("signature", "failed", "signature_broken")
    try:
        said = claims_of(presented.credential)
    except (KeyError, TypeError, ValueError, AttributeError):
        said = {}
    claims = token.claims
    differs = any(claims.get(name, value) != value for name, value in said.items())
    if differs or not said or ("exp" in claims and "exp" not in said):
        return Check("signature", "failed", "claims_differ")
    return Check("signature", "passed", "signature_holds")


def _method(presented: Presented) -> str:
    """The address of the key that is said to have signed; empty where it is signed in a way that we don't know."""
    if presented.token is not None:
        header = presented.token.header
        kid = header.get("kid")
        if (
            header.get("alg") not in ("EdDSA", "Ed25519", "ES256")
            or "crit" in header
            or not isinstance(kid, str)
        ):
            return ""
        return kid if kid.startswith("did:") else f"{issuer_id(presented.credential)}#{kid.removeprefix('#')}"
    _, proof = _take_apart(presented.credential)
    method = proof.get("verificationMethod") if proof else None
    return method if isinstance(method, str) else ""


def _take_apart(credential: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The document without its proofs, and the first of them that we know how to check."""
    unsecured = {name: value for name, value in credential.items() if name != "proof"}
    for proof in _several(credential.get("proof")):
        if isinstance(proof, dict) and (proof.get("type"), proof.get("cryptosuite")) == (
            "DataIntegrityProof",
            CRYPTOSUITE,
        ):
            return unsecured, proof
    return unsecured, None


def _proof_words(unsecured: dict[str, Any], proof: dict[str, Any]) -> dict[str, Any]:
    words = {name: value for name, value in proof.items() if name != "proofValue"}
    return {**words, "@context": unsecured.get("@context")}


def _find_key(method: str, issuer: str, known: Known) -> tuple[PublicKey | None, Check]:
    did = _did_of(method)
    if method.partition("#")[0] != issuer:
        return None, Check("issuer_key", "failed", "key_not_of_issuer", method)
    if not did:
        return None, Check("issuer_key", "unchecked", "key_not_known", method)
    if did in known.withdrawn:
        return None, Check("issuer_key", "failed", "key_withdrawn", method)
    document = did_key_document(did) if did.startswith("did:key:") else known.did_documents.get(did)
    if not isinstance(document, dict):
        return None, Check("issuer_key", "unchecked", "key_not_known", method)
    try:
        key = _key_in(document, did, method)
    except ValueError:
        return None, Check("issuer_key", "unchecked", "key_not_known", method)
    if key is None:
        return None, Check("issuer_key", "failed", "key_not_listed", method)
    return key, Check("issuer_key", "passed", "key_of_issuer", method)


def _key_in(document: dict[str, Any], did: str, method: str) -> PublicKey | None:
    """A key of a DID document that may sign what the DID says. Raises ValueError for a kind that we don't know."""
    if document.get("id") != did:
        return None
    allowed = _several(document.get("assertionMethod"))
    described = [
        *_several(document.get("verificationMethod")),
        *(one for one in allowed if isinstance(one, dict)),
    ]
    names = {
        one.get("id") if isinstance(one, dict) else one for one in allowed if isinstance(one, dict | str)
    }
    if not {method, "#" + method.partition("#")[2]} & names:
        return None
    for one in described:
        if not isinstance(one, dict) or one.get("id") not in (method, "#" + method.partition("#")[2]):
            continue
        if one.get("controller", did) != did or "revoked" in one:
            return None
        if isinstance(one.get("publicKeyJwk"), dict):
            return read_jwk(one["publicKeyJwk"])
        return read_multikey(str(one.get("publicKeyMultibase", "")))
    return None


def did_key_document(did: str) -> dict[str, Any] | None:
    """What a did:key says by itself. Source: did:key."""
    key = did.removeprefix("did:key:")
    method = f"{did}#{key}"
    return {
        "id": did,
        "verificationMethod": [{"id": method, "controller": did, "publicKeyMultibase": key}],
        "assertionMethod": [method],
    }


def _if_proven(is_proven: bool, check: Check) -> Check:
    """What rests on the proof is open without it: anybody can write somebody else's name and address into a file."""
    if is_proven or check.outcome != "passed":
        return check
    return Check(check.item, "unchecked", "not_proven", check.about)


def _check_domain(credential: dict[str, Any]) -> Check:
    """Whether the credential's own address is on the issuer's domain."""
    issuer, address = issuer_id(credential), credential.get("id")
    if not issuer.startswith("did:web:"):
        return Check("issuer_domain", "unchecked", "no_domain")
    domain = unquote(issuer.split(":")[2]).lower()
    if isinstance(address, str) and _domain_of(address) == domain:
        return Check("issuer_domain", "passed", "same_domain", domain)
    return Check("issuer_domain", "unchecked", "other_domain", domain)


def _domain_of(address: str) -> str:
    """Host and port of an https address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme == "https" else ""


def _check_issuer(credential: dict[str, Any], known: Known) -> Check:
    name = known.issuers.get(issuer_id(credential))
    if name is None:
        return Check("issuer", "unchecked", "issuer_not_known", issuer_id(credential))
    return Check("issuer", "passed", "issuer_known", name)


def _check_status(credential: dict[str, Any], known: Known, at: Moment) -> Check:
    named = _several(credential.get("credentialStatus"))
    if not named:
        return Check("status", "unchecked", "no_status")
    entries = _bitstring_entries(credential)
    checks = [_check_entry(entry, credential, known, at) for entry in entries]
    if len(entries) < len(named):
        checks.append(Check("status", "unchecked", "status_not_known"))
    return min(checks, key=lambda check: ("failed", "unchecked", "passed").index(check.outcome))


def _check_entry(entry: dict[str, Any], credential: dict[str, Any], known: Known, at: Moment) -> Check:
    address = entry.get("statusListCredential")
    found = known.status_lists.get(address) if isinstance(address, str) else None
    if found is None:
        return Check("status", "unchecked", "status_not_known", str(address))
    subject, purpose = found.credential.get("credentialSubject"), entry.get("statusPurpose")
    if not _is_trusted_list(found, str(address), credential, known, at) or not isinstance(subject, dict):
        return Check("status", "unchecked", "status_not_trusted", str(address))
    if purpose not in _several(subject.get("statusPurpose")) or entry.get("statusSize", 1) != 1:
        return Check("status", "unchecked", "status_not_known", str(address))
    try:
        is_set = read_bit(str(subject.get("encodedList")), int(str(entry.get("statusListIndex"))))
    except ValueError:
        return Check("status", "unchecked", "status_not_trusted", str(address))
    if purpose not in ("revocation", "suspension"):
        return Check("status", "unchecked", "status_not_known", str(address))
    if is_set:
        return Check("status", "failed", "revoked" if purpose == "revocation" else "suspended", str(address))
    return Check("status", "passed", "not_revoked", str(address))


def _is_trusted_list(
    found: Presented, address: str, credential: dict[str, Any], known: Known, at: Moment
) -> bool:
    """Whether the list is this very one, by the same issuer, signed, and of now."""
    listed = found.credential
    words = _check_words(found)
    signature, key = _check_proof(found, known, at, words)
    return (
        "BitstringStatusListCredential" in _several(listed.get("type"))
        and listed.get("id") in (address, None)
        and issuer_id(listed) == issuer_id(credential)
        and all(check.outcome == "passed" for check in (words, signature, key))
        and _check_dates(listed, at).outcome == "passed"
    )


def _bitstring_entries(credential: dict[str, Any]) -> list[dict[str, Any]]:
    named = _several(credential.get("credentialStatus"))
    return [
        one
        for one in named
        if isinstance(one, dict) and "BitstringStatusListEntry" in _several(one.get("type"))
    ]


def _check_dates(credential: dict[str, Any], at: Moment) -> Check:
    begin, end = credential.get("validFrom"), credential.get("validUntil")
    begins_at, ends_at = _moment(begin), _moment(end)
    if begins_at is not None and at + _SKEW_MS < begins_at:
        return Check("dates", "failed", "not_yet", str(begin))
    if ends_at is not None and at > ends_at + 999:  # the last second is part of it
        return Check("dates", "failed", "expired", str(end))
    if end is None:
        return Check("dates", "passed", "without_end")
    return Check("dates", "passed", "in_force", str(end))


def _check_recipient(credential: dict[str, Any], typed: str | None) -> Check:
    """Assumed: a typed address is tried as it is and in lower case, a typed name as it is."""
    if typed is None or not typed.strip():
        return Check("recipient", "unchecked", "not_asked")
    subject = credential.get("credentialSubject")
    identities = _several(subject.get("identifier")) if isinstance(subject, dict) else []
    known = [one for one in identities if isinstance(one, dict) and isinstance(one.get("identityHash"), str)]
    if not known:
        return Check("recipient", "unchecked", "no_identity")
    for one in known:
        if _is_identity(one, typed):
            is_email = one.get("identityType") == "emailAddress"
            return Check("recipient", "passed", "email_matches" if is_email else "name_matches")
    return Check("recipient", "failed", "no_match")


def _is_identity(identity: dict[str, Any], typed: str) -> bool:
    forms = {typed.strip(), normal_email(typed), normal_name(typed), normalize("NFC", typed.strip())}
    told, salt = identity["identityHash"], identity.get("salt")
    if identity.get("hashed") is not True:
        return told in forms
    salts = {salt if isinstance(salt, str) else ""}
    return any(told.lower() == hash_identity(form, one) for form in forms for one in salts)


def _did_of(method: str) -> str:
    return method.partition("#")[0] if method.startswith("did:") else ""


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _moment(text: Any) -> Moment | None:
    try:
        return parse_moment(text) if isinstance(text, str) else None
    except ValueError:
        return None
