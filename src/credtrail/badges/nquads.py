"""Statements as canonical N-Quads, and the statements of the very documents that we sign. Pure.

To sign is to say which statements a document makes, in the one order and spelling that everybody comes to (RDFC-1.0).
`contexts.py` does that for any document, in milliseconds; ours have one shape, and here it takes a twentieth. A property
test holds the two against each other. Called by `sign` and `contexts`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count
from typing import Any

Quad = tuple[str, ...]
"""Subject, predicate and object as N-Quads spell them, and the graph's name where it isn't the one without a name. A
name that begins with `_:` is a node without a name."""

_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_OB = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
_VC = "https://www.w3.org/2018/credentials#"
_STATUS = "https://www.w3.org/ns/credentials/status#"
_SCHEMA = "https://schema.org/"
_STRING = "http://www.w3.org/2001/XMLSchema#string"
_MOMENT = "http://www.w3.org/2001/XMLSchema#dateTime"

_TYPES = {
    "VerifiableCredential": f"{_VC}VerifiableCredential",
    "OpenBadgeCredential": f"{_OB}OpenBadgeCredential",
    "Profile": f"{_OB}Profile",
    "Image": f"{_OB}Image",
    "AchievementSubject": f"{_OB}AchievementSubject",
    "Achievement": f"{_OB}Achievement",
    "Criteria": f"{_OB}Criteria",
    "IdentityObject": f"{_OB}IdentityObject",
    "Evidence": f"{_OB}Evidence",
    "BitstringStatusListEntry": f"{_STATUS}BitstringStatusListEntry",
    "BitstringStatusListCredential": f"{_STATUS}BitstringStatusListCredential",
    "BitstringStatusList": f"{_STATUS}BitstringStatusList",
}
_NODE = ""
"""In place of a datatype: the value is a node of its own, or its name."""
_TERMS = {
    "name": (f"{_SCHEMA}name", _STRING),
    "description": (f"{_SCHEMA}description", _STRING),
    "image": (f"{_OB}image", _NODE),
    "caption": (f"{_SCHEMA}caption", _STRING),
    "url": (f"{_SCHEMA}url", "https://www.w3.org/2001/XMLSchema#anyURI"),
    "email": (f"{_SCHEMA}email", _STRING),
    "issuer": (f"{_VC}issuer", _NODE),
    "validFrom": (f"{_VC}validFrom", _MOMENT),
    "validUntil": (f"{_VC}validUntil", _MOMENT),
    "credentialSubject": (f"{_VC}credentialSubject", _NODE),
    "credentialStatus": (f"{_VC}credentialStatus", _NODE),
    "evidence": (f"{_VC}evidence", _NODE),
    "identifier": (f"{_OB}identifier", _NODE),
    "hashed": (f"{_OB}hashed", "https://www.w3.org/2001/XMLSchema#boolean"),
    "identityHash": (f"{_OB}identityHash", _STRING),
    "identityType": (f"{_OB}identityType", _STRING),
    "salt": (f"{_OB}salt", _STRING),
    "achievement": (f"{_OB}achievement", _NODE),
    "achievementType": (f"{_OB}achievementType", _STRING),
    "criteria": (f"{_OB}Criteria", _NODE),
    "narrative": (f"{_OB}narrative", _STRING),
    "tag": (f"{_SCHEMA}keywords", _STRING),
    "statusPurpose": (f"{_STATUS}statusPurpose", _STRING),
    "statusListIndex": (f"{_STATUS}statusListIndex", _STRING),
    "statusListCredential": (f"{_STATUS}statusListCredential", _NODE),
    "encodedList": (f"{_STATUS}encodedList", "https://w3id.org/security#multibase"),
}
"""What the contexts say of the terms that we use. Source: the files in `contexts`."""


def canonize_own(document: dict[str, Any]) -> str:
    """The canonical N-Quads of a document of ours, without its proof. Raises KeyError for a term we don't use.

    Raises ValueError when two nodes without a name say the same: we make none such.
    """
    quads = list(dict.fromkeys(_quads(document)))
    hashes = hash_blank_nodes(quads)
    if len(set(hashes.values())) < len(hashes):
        raise ValueError("two nodes without a name are alike")
    return canonical_text(quads)


def canonize_proof(proof: dict[str, str]) -> str:
    """The canonical N-Quads of the proof's own words, before it has a value."""
    said = (
        ("http://purl.org/dc/terms/created", literal(proof["created"], _MOMENT)),
        (_TYPE[1:-1], "<https://w3id.org/security#DataIntegrityProof>"),
        (
            "https://w3id.org/security#cryptosuite",
            literal(proof["cryptosuite"], "https://w3id.org/security#cryptosuiteString"),
        ),
        ("https://w3id.org/security#proofPurpose", f"<https://w3id.org/security#{proof['proofPurpose']}>"),
        ("https://w3id.org/security#verificationMethod", f"<{proof['verificationMethod']}>"),
    )
    return "".join(f"_:c14n0 <{predicate}> {told} .\n" for predicate, told in said)


def literal(text: str, datatype: str = _STRING) -> str:
    """A text as an object. Source: N-Quads, canonical form."""
    escaped = (
        text.replace("\\", "\\\\")
        .replace("\t", "\\t")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace('"', '\\"')
    )
    return f'"{escaped}"' if datatype == _STRING else f'"{escaped}"^^<{datatype}>'


def hash_blank_nodes(quads: list[Quad]) -> dict[str, str]:
    """What is said of each node without a name, as a digest. Source: RDFC-1.0, hash first degree quads."""
    about = defaultdict(list)
    for quad in quads:
        for name in set(_names(quad)):
            if name.startswith("_:"):
                about[name].append(quad)
    return {name: _hash(name, said) for name, said in about.items()}


def _hash(name: str, quads: list[Quad]) -> str:
    def told(term: str) -> str:
        return term if not term.startswith("_:") else "_:a" if term == name else "_:z"

    return sha256("".join(sorted(_line(quad, told) for quad in quads)).encode()).hexdigest()


def _names(quad: Quad) -> tuple[str, ...]:
    """What can be a node: all but the predicate."""
    return quad[:1] + quad[2:]


def _line(quad: Quad, spell: Callable[[str], str]) -> str:
    one, predicate, *others = quad
    return f"{' '.join([spell(one), predicate, *map(spell, others)])} .\n"


def canonical_text(quads: list[Quad]) -> str:
    """The statements in their canonical order and names. Only where all `hash_blank_nodes` differ."""
    hashes = hash_blank_nodes(quads)
    named = {name: f"_:c14n{number}" for number, name in enumerate(sorted(hashes, key=hashes.__getitem__))}
    return "".join(sorted({_line(quad, lambda name: named.get(name, name)) for quad in quads}))


def _quads(document: dict[str, Any]) -> Iterator[Quad]:
    numbers = count()

    def walk(node: dict[str, Any], name: str) -> Iterator[Quad]:
        for term, value in node.items():
            if term in ("id", "@context", "proof"):
                continue
            values = value if isinstance(value, list) else [value]
            if term == "type":
                for one in values:
                    yield name, _TYPE, f"<{_TYPES[one]}>"
                continue
            iri, datatype = _TERMS[term]
            for one in values:
                if datatype != _NODE:
                    text = one if isinstance(one, str) else str(one).lower()
                    yield name, f"<{iri}>", literal(text, datatype)
                elif isinstance(one, str):
                    yield name, f"<{iri}>", f"<{one}>"
                else:
                    other = f"<{one['id']}>" if "id" in one else f"_:b{next(numbers)}"
                    yield name, f"<{iri}>", other
                    yield from walk(one, other)

    yield from walk(document, f"<{document['id']}>" if "id" in document else f"_:b{next(numbers)}")
