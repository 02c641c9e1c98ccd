"""JSON-LD: the contexts we ship, and what is done with documents in them. The only file that knows PyLD.

Nothing is fetched: a context is one of those in the folder `contexts`, each pinned by its SHA-256, or the document is
refused. Called by `verify`, and by the tests that hold `nquads` against it. Source: JSON-LD 1.1, RDFC-1.0.
"""

import json
from collections import Counter
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pyld import jsonld

from credtrail.badges.nquads import Quad, canonical_text, hash_blank_nodes, literal

_FOLDER = Path(__file__).parent / "contexts"
_OB = "https://purl.imsglobal.org/spec/ob/v3p0"
_FILES = {
    "https://www.w3.org/ns/credentials/v2": (
        "credentials-v2.json",
        "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
    ),
    f"{_OB}/context-3.0.1.json": (
        "ob-v3p0-context-3.0.1.json",
        "5f3d9dd6288ef437ff8286cf95ffbff609c748a66f24a1e9450c45ca64be1571",
    ),
    f"{_OB}/context-3.0.2.json": (
        "ob-v3p0-context-3.0.2.json",
        "00666ad080ba407687ed1846b7f5e7495f5019042b202a727de47c48a1755c53",
    ),
    f"{_OB}/context-3.0.3.json": (
        "ob-v3p0-context-3.0.3.json",
        "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
    ),
    f"{_OB}/extensions.json": (
        "ob-v3p0-extensions.json",
        "87c06c81bc2317663bf288d740d94fddd2818c4342b186270ff6371dfaa63f93",
    ),
    "https://w3id.org/security/data-integrity/v2": (
        "security-data-integrity-v2.json",
        "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
    ),
}
KNOWN = frozenset(_FILES)
"""The addresses of the contexts we have."""

_MOST_CONTEXTS = 8
_MOST_ALIKE = 6
"""Nodes without a name that look the same: to tell them apart takes time that grows with their factorial."""


class UnknownContextError(ValueError):
    """A document names a context that we don't have, or brings one of its own."""


class MalformedError(ValueError):
    """A document that JSON-LD can't read, says more than is signed, or would take too long."""


def canonize(document: dict[str, Any]) -> str:
    """The document's statements as canonical N-Quads. Raises UnknownContextError, MalformedError.

    Exactly RDFC-1.0; a document made to take endless time is refused.
    """
    _check_contexts(document)
    try:
        dataset = jsonld.to_rdf(document, _options())
        quads = [_quad(triple) for triple in dataset.get("@default", [])]
        if set(dataset) - {"@default"}:
            raise MalformedError("named graphs are not accepted")
        alike = Counter(hash_blank_nodes(quads).values())
        count = sum(number for number in alike.values() if number > 1)
        if count == 0:
            return canonical_text(quads)
        if count > _MOST_ALIKE:
            raise MalformedError("too many nodes without a name that look the same")
        text: str = jsonld.normalize(document, _options(algorithm="URDNA2015", format="application/n-quads"))
    except (jsonld.JsonLdError, RecursionError, TypeError, AttributeError, KeyError) as problem:
        raise MalformedError(f"it can't be read as JSON-LD: {type(problem).__name__}") from problem
    return text


def says_only_what_is_signed(document: dict[str, Any]) -> bool:
    """Whether the document is its own compacted form, so that every word in it has a meaning that is signed.

    RDF drops a member whose name no context defines: a signature over the statements doesn't cover it, and a text that
    rides along would look signed. Raises as `canonize` does.
    """
    _check_contexts(document)
    try:
        expanded = jsonld.expand(document, _options())
        compacted = jsonld.compact(expanded, document["@context"], _options())
    except (jsonld.JsonLdError, RecursionError, TypeError, AttributeError, KeyError) as problem:
        raise MalformedError(f"it can't be read as JSON-LD: {type(problem).__name__}") from problem
    if len(expanded) != 1 or not _keeps_all(expanded[0], expanded[0].get("@id"), top=True):
        return False
    return bool(_plain(compacted) == _plain(document))


def _check_contexts(document: dict[str, Any]) -> None:
    contexts = document.get("@context")
    named = contexts if isinstance(contexts, list) else [contexts]
    if len(named) > _MOST_CONTEXTS:
        raise MalformedError("too many contexts")
    for one in named:
        if not isinstance(one, str) or one not in KNOWN:
            raise UnknownContextError(one if isinstance(one, str) else "a context of its own")
    if any(_has_context(value) for key, value in document.items() if key != "@context"):
        raise UnknownContextError("a context of its own")


def _has_context(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_context, value))
    return isinstance(value, dict) and ("@context" in value or any(map(_has_context, value.values())))


def _keeps_all(node: Any, top_id: Any, *, top: bool = False) -> bool:
    """Whether the conversion to RDF drops nothing of the expanded form, and moves nothing to another place."""
    if isinstance(node, list):
        return all(_keeps_all(one, top_id) for one in node)
    if not isinstance(node, dict):
        return True
    if "@value" in node:
        return True
    if {"@reverse", "@included", "@graph", "@nest", "@index"} & set(node):
        return False
    names = [node["@id"]] if "@id" in node else []
    types = node.get("@type", [])
    if not all(isinstance(one, str) and ":" in one and not one.startswith("_:") for one in [*names, *types]):
        return False
    if not top and top_id is not None and node.get("@id") == top_id and len(node) > 1:
        return False
    return all(_keeps_all(value, top_id) for key, value in node.items() if key not in ("@id", "@type"))


def _plain(value: Any) -> Any:
    """So that a list of one and that one alone are the same, and 1 isn't true, nor 1.0 the same as 1 in the text."""
    if isinstance(value, list):
        plain = [_plain(one) for one in value]
        return plain[0] if len(plain) == 1 else plain
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return json.dumps(value)


def _quad(triple: dict[str, Any]) -> Quad:
    object_ = triple["object"]
    if object_["type"] == "literal":
        if "language" in object_:
            told = f"{literal(object_['value'])}@{object_['language']}"
        else:
            told = literal(object_["value"], object_["datatype"])
    else:
        told = _name(object_)
    return _name(triple["subject"]), _name(triple["predicate"]), told


def _name(term: dict[str, Any]) -> str:
    value: str = term["value"]
    if term["type"] == "blank node":
        return value
    if any(character in '<>"{}|^`\\' or character <= " " for character in value):
        raise MalformedError("an address in it has characters that addresses don't have")
    return f"<{value}>"


def _options(**more: Any) -> dict[str, Any]:
    return {"documentLoader": _load, **more}


def _load(address: str, _: Any = None) -> dict[str, Any]:
    if address not in _FILES:
        raise UnknownContextError(address)
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": address,
        "document": _read(address),
    }


@lru_cache(maxsize=len(_FILES))
def _read(address: str) -> Any:
    name, digest = _FILES[address]
    content = (_FOLDER / name).read_bytes()
    if sha256(content).hexdigest() != digest:
        raise RuntimeError(f"{name} is not the file that was shipped")
    return json.loads(content)
