"""What the terms of JSON-LD contexts mean, as far as the contexts that we ship go. Pure.

`reading.py` reads documents with it, and holds what it finds against what a JSON-LD library finds: two readers that
know nothing of each other. A context that uses more of JSON-LD than ours do is refused when it is read. Source:
JSON-LD 1.1, sections 4.1 (contexts), 5.2 (IRI expansion) and 9.15 (what stands in a context).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

ID, TYPE, JSON, VOCAB = "@id", "@type", "@json", "@vocab"

Load = Callable[[str], Any]
"""Gives the document with the context of that address."""


class Term(NamedTuple):
    """A term: its address or keyword; `coercion` is `@id`, `@vocab`, `@json`, a datatype's address, or nothing."""

    iri: str
    coercion: str = ""
    container: str = ""
    is_prefix: bool = False
    has_context: bool = False
    context: Any = None


class Meaning(NamedTuple):
    """What terms mean at a place of a document. `before`: what they mean in the nodes below, where that is other."""

    terms: Mapping[str, Term]
    before: Mapping[str, Term] | None = None

    def outside(self) -> "Meaning":
        """As it is in a node below: what a type brings with it ends with the node that has the type."""
        return self if self.before is None else Meaning(self.before)

    def find(self, name: str) -> Term | None:
        """What a member's name or a type's means; None where no context says."""
        return self.terms.get(name)

    def is_compact(self, text: str) -> bool:
        """Whether it is an address shortened by a prefix."""
        prefix, colon, rest = text.partition(":")
        term = self.terms.get(prefix)
        return bool(colon and term and term.is_prefix and not rest.startswith("//"))

    def has_term_for(self, iri: str) -> bool:
        """Whether there is a shorter way to name it."""
        return any(term.iri == iri for term in self.terms.values())


NOTHING = Meaning({})


def add_context(meaning: Meaning, context: Any, load: Load, *, of_type: bool = False) -> Meaning:
    """The meaning where this context was named, too; `of_type`: it comes with a type.

    Raises ValueError for a context with more in it than ours have.
    """
    terms = dict(meaning.terms)
    for one in context if isinstance(context, list) else [context]:
        if one is None:
            terms = {}
            continue
        defined = load(one)["@context"] if isinstance(one, str) else one
        if isinstance(defined, list):
            terms = dict(add_context(Meaning(terms), defined, load).terms)
            continue
        terms |= {
            name: _define(name, told, defined, terms)
            for name, told in defined.items()
            if _is_term(name, told)
        }
    before = meaning.before
    if of_type and before is None:
        before = meaning.terms
    return Meaning(terms, before)


_ALLOWED = {"@id", "@type", "@container", "@context", "@protected"}


def _is_term(name: str, told: Any) -> bool:
    if not name.startswith("@"):
        return True
    if name != "@protected" or told is not True:
        raise ValueError(f"a context says {name}")
    return False


def _define(name: str, told: Any, context: Mapping[str, Any], known: Mapping[str, Term]) -> Term:
    if isinstance(told, str):
        iri = _expand(told, context, known)
        return Term(iri, is_prefix=iri[-1:] in tuple(":/?#[]@"))
    if not isinstance(told, dict) or "@id" not in told or set(told) - _ALLOWED:
        raise ValueError(f"a context says more of {name} than its address, type, container and context")
    container = told.get("@container", "")
    if container not in ("", "@set", "@list", "@graph"):
        raise ValueError(f"a context says {container} of {name}")
    return Term(
        _expand(told["@id"], context, known),
        _expand(told.get("@type", ""), context, known),
        container,
        has_context="@context" in told,
        context=told.get("@context"),
    )


def _expand(text: str, context: Mapping[str, Any], known: Mapping[str, Term]) -> str:
    """An address in full: from the name of another term, or one shortened by a prefix."""
    if text.startswith("@") or not text:
        return text
    prefix, colon, rest = text.partition(":")
    if rest.startswith("//"):
        return text
    told = context.get(prefix)
    found = told if isinstance(told, str) else told["@id"] if told else None
    if found is None and prefix in known:
        found = known[prefix].iri
    return text if found is None else found + rest if colon else found
