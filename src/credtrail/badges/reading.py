"""Reads what a document says, member by member, and refuses by name each member that no signature can cover. Pure.

A signature covers statements, not text. What makes no statement rides along unsigned, and looks as if it were signed;
and the same statements can be written as another text, which means something else to whoever reads the text. So a
document is good only if

1. each member of it makes a statement, which is also what a JSON-LD library finds in it (`contexts` compares),
2. in the one way to write it: a term and not its address, a number and not its digits, each value once,
3. and, of the credential itself, at the top: what ends it can't be moved to where nobody looks.

What stays free: the order of members and of sets, one value or a list of one, a thing with nothing but a name as that
name, one of two terms for the same type, at which of the places where another thing with a name stands something is
said of it, and the contexts' own names. Called by `contexts`. Source: JSON-LD 1.1.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from credtrail.badges.nquads import Quad, literal
from credtrail.badges.terms import ID, JSON, NOTHING, TYPE, VOCAB, Load, Meaning, Term, add_context

_XSD = "http://www.w3.org/2001/XMLSchema#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDF_TYPE, _NIL = f"<{_RDF}type>", f"<{_RDF}nil>"
JSON_LITERAL = f"^^<{_RDF}JSON>"
"""How a value that is JSON ends; here it is its mark alone, since the library has the canonical text."""


_NUMBERS, _TRUTH = (
    # The contexts of Open Badges say https where XML Schema says http: other datatypes, meant as the same.
    {f"{start}{name}" for start in (_XSD, _XSD.replace("http:", "https:")) for name in names.split()}
    for names in ("decimal double float integer int long nonNegativeInteger positiveInteger", "boolean")
)


class UnsignedError(ValueError):
    """A member that no statement holds, or that can be written or placed otherwise; `path` names it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Node(NamedTuple):
    """A thing, by its name if it has one, and what is said of it: predicate and object."""

    name: str | None
    said: list[tuple[str, "str | Node | Sequence | Graph"]]
    path: str


class Sequence(NamedTuple):
    """Values in an order that counts."""

    values: list["str | Node | Sequence | Graph"]


class Graph(NamedTuple):
    """A node whose statements are kept apart."""

    node: Node


Value = str | Node | Sequence | Graph


def read_document(document: dict[str, Any], load: Load) -> list[Quad]:
    """Its statements, nodes without a name numbered as they come. Raises UnsignedError, and ValueError as `terms`."""
    top = _Reader(load).read_node(document, NOTHING, "")
    _check_places(top)
    writer = _Writer()
    return list(writer.write(top, writer.name_of(top)))


class _Reader:
    def __init__(self, load: Load) -> None:
        self._load = load

    def read_node(self, told: dict[str, Any], meaning: Meaning, path: str) -> Node:
        if "@context" in told:
            meaning = add_context(meaning, told["@context"], self._load)
        types = self._read_types(told, meaning, path)
        inside = meaning
        for name in sorted(types):
            term = meaning.find(name)
            if term and term.has_context:
                inside = add_context(inside, term.context, self._load, of_type=True)
        node = Node(self._read_name(told, inside, path), [], path)
        node.said.extend((_RDF_TYPE, f"<{iri}>") for iri in types.values())
        for member, value in told.items():
            term = inside.find(member)
            if member == "@context" or (term and term.iri in (ID, TYPE)):
                continue
            here = f"{path}.{member}" if path else member
            if term is None or ":" not in term.iri or member[:1].isupper():  # a class is no property
                raise UnsignedError(here)
            node.said.extend((f"<{term.iri}>", one) for one in self._read_values(term, value, inside, here))
        _check_once(node, path)
        return node

    def _read_types(self, told: dict[str, Any], meaning: Meaning, path: str) -> dict[str, str]:
        """The addresses of the types by what they are called."""
        found: dict[str, str] = {}
        for member, value in told.items():
            term = meaning.find(member)
            if term is None or term.iri != TYPE:
                continue
            here = f"{path}.{member}" if path else member
            for one in _several(value, here):
                if not isinstance(one, str):
                    raise UnsignedError(here)
                iri = _full(one, meaning, here)
                if iri in found.values():
                    raise UnsignedError(here)
                found[one] = iri
        return found

    def _read_name(self, told: dict[str, Any], meaning: Meaning, path: str) -> str | None:
        names = [member for member in told if (term := meaning.find(member)) and term.iri == ID]
        if not names:
            return None
        here = f"{path}.{names[0]}" if path else names[0]
        value = told[names[0]]
        if len(names) > 1 or not isinstance(value, str):
            raise UnsignedError(here)
        return _address(value, meaning, here)

    def _read_values(self, term: Term, value: Any, meaning: Meaning, path: str) -> list[Value]:
        if term.coercion == JSON:
            return [JSON_LITERAL]
        if term.container == "@list":
            listed = value if isinstance(value, list) else [value]
            return [Sequence([self._read_value(term, one, meaning, path) for one in listed])]
        return [self._read_value(term, one, meaning, path) for one in _several(value, path)]

    def _read_value(self, term: Term, value: Any, meaning: Meaning, path: str) -> Value:
        if isinstance(value, dict) and "@value" in value:
            return _read_literal(term, value, meaning, path)
        inside = meaning
        if isinstance(value, dict):
            inside = inside.outside()
        if term.has_context:
            inside = add_context(inside, term.context, self._load)
        if isinstance(value, dict):
            node = self.read_node(value, inside, path)
            return Graph(node) if term.container == "@graph" else node
        if term.container == "@graph":
            raise UnsignedError(path)
        if isinstance(value, str) and term.coercion == ID:
            return Node(_address(value, inside, path), [], path)
        if isinstance(value, str) and term.coercion == VOCAB:
            return Node(f"<{_full(value, inside, path)}>", [], path)
        return _plain(value, "" if term.coercion in (ID, VOCAB) else term.coercion, path)


def _read_literal(term: Term, told: dict[str, Any], meaning: Meaning, path: str) -> str:
    """A value with its language or its type beside it, where it couldn't be said without."""
    value = told["@value"]
    beside = [name for name in told if name != "@value"]
    if not isinstance(value, str) or not beside:
        raise UnsignedError(path)
    for name in beside:
        about, about_term = told[name], meaning.find(name)
        if len(beside) > 1 or not isinstance(about, str):
            continue
        if name == "@language" and about.isascii() and about.replace("-", "").isalnum():
            return f"{literal(value)}@{about.lower()}"
        if about_term and about_term.iri == TYPE:
            datatype = _full(about, meaning, path)
            if datatype not in (term.coercion, f"{_XSD}string"):
                return _plain(value, datatype, path)
    raise UnsignedError(f"{path}.{beside[-1]}")


def _plain(value: Any, datatype: str, path: str) -> str:
    """A text, a number, true or false: each where it belongs, since a number and its digits are the same statement."""
    if isinstance(value, str):
        if (datatype in _NUMBERS and _is_number(value)) or (
            datatype in _TRUTH and value in ("true", "false")
        ):
            raise UnsignedError(path)
        return literal(value, datatype or f"{_XSD}string")
    if isinstance(value, bool) and datatype in ("", *_TRUTH):
        return literal("true" if value else "false", datatype or f"{_XSD}boolean")
    if not isinstance(value, int | float) or isinstance(value, bool) or datatype not in ("", *_NUMBERS):
        raise UnsignedError(path)
    if float(value).is_integer() and abs(value) < 1e21 and datatype != f"{_XSD}double":
        return literal(str(int(value)), datatype or f"{_XSD}integer")
    text = _double(value)
    if float(text) != value:  # more digits than a statement has
        raise UnsignedError(path)
    return literal(text, datatype or f"{_XSD}double")


def _is_number(text: str) -> bool:
    """Whether a number would come to the same text."""
    try:
        return text in (str(int(float(text))), _double(float(text)))
    except (ValueError, OverflowError):
        return False


def _double(value: float) -> str:
    """Source: XML Schema, canonical form of double, with the digits that JSON-LD 1.1 says (section 8.6)."""
    digits, _, power = f"{value:.15E}".partition("E")
    whole, _, rest = digits.partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}E{int(power)}"


def _several(value: Any, path: str) -> list[Any]:
    """What stands there, one or several. Nothing, and lists in lists, say nothing."""
    values = value if isinstance(value, list) else [value]
    if not values or any(one is None or isinstance(one, list) for one in values):
        raise UnsignedError(path)
    return values


def _address(text: str, meaning: Meaning, path: str) -> str:
    if ":" not in text or text.startswith(("_:", "@", ":")) or meaning.is_compact(text):
        raise UnsignedError(path)
    return f"<{text}>"


def _full(text: str, meaning: Meaning, path: str) -> str:
    """The address of a type, or of a value that is a term: by a term where there is one."""
    term = meaning.find(text)
    if term is not None and not term.iri.startswith("@"):
        return term.iri
    iri = _address(text, meaning, path)[1:-1]
    if term is not None or meaning.has_term_for(iri):
        raise UnsignedError(path)
    return iri


def _check_once(node: Node, path: str) -> None:
    """Whether each value of a property stands there once: the same twice is one statement."""
    seen = set()
    for predicate, value in node.said:
        name = value.name if isinstance(value, Node) else value if isinstance(value, str) else None
        if name is None:
            continue
        told = (predicate, name)
        if told in seen:
            raise UnsignedError(value.path if isinstance(value, Node) else path)
        seen.add(told)


def _check_places(top: Node) -> None:
    """Whether what is said of the document's own thing can't be moved to another place where it stands, too.

    Elsewhere it may only have a type that it hasn't at the top: a service can be at the credential's own address.
    """
    types = {value for predicate, value in top.said if predicate == _RDF_TYPE}
    for node in _nodes(top):
        if node is top or node.name is None or node.name != top.name:
            continue
        for predicate, value in node.said:
            if predicate != _RDF_TYPE or value in types:
                raise UnsignedError(node.path)


def _nodes(node: Node) -> Iterator[Node]:
    """It and those below, but for what is kept apart."""
    yield node
    for _, value in node.said:
        for one in value.values if isinstance(value, Sequence) else [value]:
            if isinstance(one, Node):
                yield from _nodes(one)


class _Writer:
    """Statements of nodes, those without a name numbered as they come."""

    def __init__(self) -> None:
        self._numbers = count()

    def name_of(self, value: Value) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, Node) and value.name:
            return value.name
        if isinstance(value, Sequence) and not value.values:
            return _NIL
        return f"_:b{next(self._numbers)}"

    def write(self, node: Node, name: str, graph: tuple[str, ...] = ()) -> Iterator[Quad]:
        for predicate, value in node.said:
            other = self.name_of(value)
            yield (name, predicate, other, *graph)
            yield from self._write_below(value, other, graph)

    def _write_below(self, value: Value, name: str, graph: tuple[str, ...]) -> Iterator[Quad]:
        if isinstance(value, Node):
            yield from self.write(value, name, graph)
        elif isinstance(value, Graph):
            yield from self.write(value.node, self.name_of(value.node), (name,))
        elif isinstance(value, Sequence):
            rests = [f"_:b{next(self._numbers)}" for _ in value.values[1:]]
            for place, one, rest in zip([name, *rests], value.values, [*rests, _NIL], strict=False):
                first = self.name_of(one)
                yield (place, f"<{_RDF}first>", first, *graph)
                yield from self._write_below(one, first, graph)
                yield (place, f"<{_RDF}rest>", rest, *graph)
