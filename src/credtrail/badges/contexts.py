"""JSON-LD: the contexts we ship, and what is done with documents in them. The only file that knows PyLD.

Nothing is fetched: a context is one of those in the folder `contexts`, each pinned by its SHA-256, or the document is
refused. Called by `verify`, and by the tests that hold `nquads` against it. Source: JSON-LD 1.1, RDFC-1.0.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from math import factorial
from pathlib import Path
from typing import Any

from pyld import jsonld
from pyld.canon import URDNA2015

from credtrail.badges.nquads import Quad, canonical_text, hash_blank_nodes, literal
from credtrail.badges.reading import JSON_LITERAL, UnsignedError, read_document

_FOLDER = Path(__file__).parent / "contexts"
_OB = "https://purl.imsglobal.org/spec/ob/v3p0"
_FILES = {
    "https://www.w3.org/ns/credentials/v2": (
        "credentials-v2.json",
        "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
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

_MOST_CONTEXTS = 60
"""In all its depth: a credential that others have endorsed names some for each endorsement."""
_UNREADABLE = (jsonld.JsonLdError, RecursionError, TypeError, AttributeError, KeyError, OverflowError)
_MOST_STEPS = 2_000
"""Of telling nodes without a name apart that look the same, each about a tenth of a millisecond; a credential with all
that Open Badges knows, endorsed six times, takes 57."""


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
        quads = _quads(dataset)
        if len(set(hash_blank_nodes(quads).values())) == len(_blank_nodes(quads)):
            return canonical_text(quads)
        text: str = _Canon().main(dataset, {"format": "application/n-quads"})
    except _UNREADABLE as problem:
        raise MalformedError(f"it can't be read as JSON-LD: {type(problem).__name__}") from problem
    return text


class _Canon(URDNA2015):  # type: ignore[misc]  # PyLD has no types
    """The library's RDFC-1.0, which gives up where nodes without a name look so much alike that it takes too long.

    To tell them apart, each order of them is tried: they can be made to take longer than anybody lives.
    """

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def create_hash_to_related(self, id_: str, issuer: Any) -> dict[str, list[str]]:
        self._steps += len(self.blank_node_info[id_]["quads"])
        found: dict[str, list[str]] = super().create_hash_to_related(id_, issuer)
        self._steps += sum(factorial(len(alike)) for alike in found.values() if len(set(alike)) > 1)
        if self._steps > _MOST_STEPS:
            raise MalformedError("too many nodes without a name that look the same")
        return found


def find_unsigned(document: dict[str, Any]) -> str | None:
    """The first member that a signature over the document's statements doesn't cover, by its path; None where it covers all.

    Its statements are read twice, by the library and member by member: where the two differ, something is not as it
    looks, and the path is empty. Raises as `canonize` does.
    """
    _check_contexts(document)
    try:
        found = _quads(jsonld.to_rdf(document, _options()))
        read = read_document(document, _read)
    except UnsignedError as unsigned:
        return unsigned.path
    except (*_UNREADABLE, ValueError) as problem:
        raise MalformedError(f"it can't be read as JSON-LD: {type(problem).__name__}") from problem
    return None if _shapes(found) == _shapes(read) else ""


def _quads(dataset: dict[str, Any]) -> list[Quad]:
    return [
        (*_quad(triple), *(() if graph == "@default" else (graph,)))
        for graph, triples in dataset.items()
        for triple in triples
    ]


def _blank_nodes(quads: list[Quad]) -> set[str]:
    return {term for quad in quads for term in quad if term.startswith("_:")}


def _shapes(quads: list[Quad]) -> list[Quad]:
    """Statements without the names that nodes were given, and without the text of values that are JSON."""
    return sorted(
        tuple(
            "_:" if term.startswith("_:") else JSON_LITERAL if term.endswith(JSON_LITERAL) else term
            for term in quad
        )
        for quad in set(quads)
    )


def _check_contexts(document: dict[str, Any]) -> None:
    named = list(_find_contexts(document))
    if len(named) > _MOST_CONTEXTS:
        raise MalformedError("too many contexts")
    if "@context" not in document:
        raise UnknownContextError("none")
    for one in named:
        if not isinstance(one, str) or one not in KNOWN:
            raise UnknownContextError(one if isinstance(one, str) else "a context of its own")


def _find_contexts(value: Any) -> Iterator[Any]:
    """Each context that it names, in all its depth."""
    if isinstance(value, list):
        for one in value:
            yield from _find_contexts(one)
    elif isinstance(value, dict):
        for name, told in value.items():
            if name == "@context":
                yield from told if isinstance(told, list) else [told]
            else:
                yield from _find_contexts(told)


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
