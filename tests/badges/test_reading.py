"""The law of signed words: whoever changes anything in a document changes its statements, or the document is refused.

And the other way round: every term that the contexts have is taken where it belongs.
"""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from badges.complete import EXTENSIONS, IMAGE, OPEN_BADGES, W3C, complete
from conftest import examples
from credtrail.badges.contexts import (
    KNOWN,
    MalformedError,
    UnknownContextError,
    _read,
    canonize,
    find_unsigned,
)
from credtrail.badges.terms import NOTHING, add_context

INTEGRITY = "https://w3id.org/security/data-integrity/v2"
OLDER = OPEN_BADGES.replace("3.0.3", "3.0.2")


def rich(*, endorsed=True):
    """A credential that has everything, in which each thing with a name stands once."""
    document = complete(endorsed=endorsed)
    seen = set()
    for one in objects(document):
        if "id" in one and one is not document["refreshService"]:
            while one["id"] in seen:
                one["id"] += "1"
            seen.add(one["id"])
    document["credentialSubject"]["result"][0]["resultDescription"] = "urn:uuid:1"
    document["description"] = {"@value": "Robin kennt die Wiese", "@language": "de"}
    document["proof"] = [document["proof"]]
    return document


def objects(value):
    """Each object in it, in all its depth."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(one)


RICH = rich()
STATEMENTS = canonize(RICH)
PLACES = len(list(objects(RICH)))


def test_a_document_that_has_everything_says_it_all():
    assert find_unsigned(RICH) is None
    for word in ("latitude", "refreshService", "endorsementComment", "termsOfUse", "@de", "allowedValue"):
        assert word in STATEMENTS


def as_meant(value):
    """Without what stays free: the order of sets, one value or a list of one, a name or a thing with that name alone."""
    if isinstance(value, list):
        told = [as_meant(one) for one in value]
        return told[0] if len(told) == 1 else sorted(told, key=repr)
    if isinstance(value, dict):
        told = {name: as_meant(one) for name, one in value.items() if name != "@context"}
        if set(told) == {"id"}:
            return told["id"]
        return {name: told[name] for name in sorted(told)}
    return (
        {"AchievementCredential": "OpenBadgeCredential"}.get(value, value)
        if isinstance(value, str)
        else (
            type(value).__name__,
            value,
        )
    )


def is_refused(document, statements=STATEMENTS):
    """Whether a signature over these statements isn't one over the document, in whatever way."""
    try:
        return canonize(document) != statements or find_unsigned(document) is not None
    except (MalformedError, UnknownContextError):
        return True


WORDS = sorted({name for address in KNOWN for one in objects(_read(address)) for name in one} - {"@context"})
KEYWORDS = ["@id", "@type", "@value", "@language", "@direction", "@index", "@nest", "@included", "@reverse"]
KEYWORDS += ["@graph", "@list", "@set", "@json"]
OTHERS = [
    None, [], {}, "", "x", True, False, 0, 1, 4.5, "4.5", "4.5E0", "1", "true", "en", "_:b0", "urn:x:1", "relative",
    "https://schema.org/name", "xsd:string", [None], [[]], {"@list": []}, {"id": None}, {"type": []}, {"@set": []},
]  # fmt: skip
others = st.sampled_from(OTHERS) | st.recursive(
    st.sampled_from(OTHERS),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS + KEYWORDS), inner, max_size=2)
    ),
    max_leaves=4,
)
disguises = st.sampled_from(
    [
        lambda old: [old, old],
        lambda old: [old, None],
        lambda old: [[old]],
        lambda old: str(old),
        lambda old: str(old).lower(),
        lambda old: {"@value": old},
        lambda old: {"@set": [old]},
        lambda old: {"@list": [old]},
        lambda old: {"@graph": [old]},
        lambda old: {"@id": old},
        lambda old: {"id": old},
        lambda old: {"@value": old, "@language": "en"},
        lambda old: {"@value": old, "@type": "http://www.w3.org/2001/XMLSchema#string"},
        lambda old: {"@value": old, "type": "https://www.w3.org/2001/XMLSchema#float"},
        lambda old: {"@value": old, "@index": "1"},
        lambda old: {"@value": old, "@language": "en", "@direction": "rtl"},
        lambda old: {"@included": old},
        lambda old: old | {"@index": "1"} if isinstance(old, dict) else old,
        lambda old: old | {"@type": old["type"]} if isinstance(old, dict) and "type" in old else old,
    ]
)
changes = st.one_of(
    st.tuples(st.just("delete")),
    st.tuples(st.just("replace"), others),
    st.tuples(st.just("disguise"), disguises),
    st.tuples(
        st.just("add"), st.sampled_from(WORDS + KEYWORDS + ["x", "x:y", "https://schema.org/name"]), others
    ),
    st.tuples(st.just("rename"), st.sampled_from(WORDS + KEYWORDS)),
    st.tuples(st.just("move"), st.integers(0, PLACES - 1)),
    st.tuples(st.just("copy"), st.integers(0, PLACES - 1)),
)


@given(st.integers(0, PLACES - 1), st.integers(0, 30), changes)
@settings(max_examples=examples(150))
def test_whoever_changes_anything_changes_the_statements_or_is_refused(place, number, change):
    document = rich()
    places = list(objects(document))
    node = places[place]
    member = list(node)[number % len(node)]
    kind, *more = change
    if kind == "delete":
        del node[member]
    elif kind == "replace":
        node[member] = more[0]
    elif kind == "disguise":
        node[member] = more[0](node[member])
    elif kind == "add":
        node.setdefault(more[0], more[1])
    elif kind == "rename":
        node.setdefault(more[0], node.pop(member))
    else:
        places[more[0]].setdefault(member, deepcopy(node[member]))
        if kind == "move" and more[0] != place:
            del node[member]
    assert as_meant(document) == as_meant(RICH) or is_refused(document)


def test_no_member_can_be_left_out_in_any_place_nor_written_by_another_name():
    document = rich(endorsed=False)
    statements, tried = canonize(document), set()
    for node in list(objects(document)):
        for member in [name for name in node if name not in ("@context", "@value", "@language")]:
            value = node.pop(member)
            assert is_refused(document, statements), member
            for other in (member.upper(), f"https://schema.org/{member}", f"@{member}"):
                if member not in tried:
                    node[other] = value
                    assert is_refused(document, statements), other
                    del node[other]
            node[member] = value
            tried.add(member)
    assert canonize(document) == statements
    assert len(tried) > 90


DOCUMENT = {
    "@context": [W3C, OPEN_BADGES, EXTENSIONS],
    "id": "urn:uuid:1",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": "did:web:meadow.example", "type": ["Profile"], "name": "Open Meadow Academy"},
    "validFrom": "2024-03-12T00:00:00Z",
    "validUntil": "2025-03-12T00:00:00Z",
    "credentialSubject": {"id": "urn:uuid:2", "type": ["AchievementSubject"], "creditsEarned": 4.5},
}
ADDRESS = {"type": "Address", "addressCountryCode": "JP"}
GEO = {"type": ["GeoCoordinates"], "latitude": 35.7, "longitude": 139.8}
REFRESH = {"id": DOCUMENT["id"], "type": "1EdTechCredentialRefresh"}


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"honours": "summa cum laude"}, "honours"),
        ({"name": None}, "name"),
        ({"evidence": []}, "evidence"),
        ({"name": ["Botany", None]}, "name"),
        ({"name": [["Botany"]]}, "name"),
        ({"name": {"@value": "Botany"}}, "name"),
        ({"name": {"@value": "Botany", "@index": "1"}}, "name.@index"),
        ({"name": {"@value": "نبات", "@language": "ar", "@direction": "rtl"}}, "name.@direction"),
        ({"name": {"@value": "Botany", "type": "http://www.w3.org/2001/XMLSchema#string"}}, "name.type"),
        ({"name": {"@set": ["Botany"]}}, "name.@set"),
        ({"@language": "en"}, "@language"),
        ({"@index": "1"}, "@index"),
        ({"@nest": {"name": "Botany"}}, "@nest"),
        ({"@included": [{"id": "urn:uuid:3", "name": "x"}]}, "@included"),
        ({"@reverse": {"issuer": {"id": "urn:uuid:3"}}}, "@reverse"),
        ({"@graph": [{"id": "urn:uuid:3", "name": "x"}]}, "@graph"),
        ({"@type": "Achievement"}, "@type"),
        ({"https://schema.org/name": "Botany"}, "https://schema.org/name"),
        ({"type": ["VerifiableCredential", "OpenBadgeCredential", "Diploma"]}, "type"),
        ({"type": ["VerifiableCredential", "OpenBadgeCredential", "AchievementCredential"]}, "type"),
        ({"type": ["VerifiableCredential", "OpenBadgeCredential", "_:b"]}, "type"),
        ({"type": ["VerifiableCredential", f"{OPEN_BADGES}#x", f"{OPEN_BADGES}#x"]}, "type"),
        ({"id": "relative"}, "id"),
        ({"id": "_:b0"}, "id"),
        ({"credentialSubject": {"creditsEarned": 4.5}}, "credentialSubject.creditsEarned"),
        ({"credentialSubject": {"type": "AchievementSubject", "creditsEarned": "4.5E0"}}, "credentialSubject.creditsEarned"),
        ({"credentialSubject": {"type": "AchievementSubject", "creditsEarned": 0.1 + 0.2}}, "credentialSubject.creditsEarned"),
        ({"evidence": [{"id": "urn:uuid:3"}, {"id": "urn:uuid:3", "type": "Evidence"}]}, "evidence"),
        ({"image": ["urn:uuid:3", {"id": "urn:uuid:3"}]}, "image"),
        ({"issuer": {"type": "Profile", "address": ADDRESS | {"GeoCoordinates": GEO}}}, "issuer.address.GeoCoordinates"),
        ({"issuer": {"type": "Profile", "address": ADDRESS | {"geo": GEO | {"type": "geo"}}}}, "issuer.address.geo.type"),
        ({"refreshService": REFRESH | {"validUntil": "2025-03-12T00:00:00Z"}}, "refreshService.validUntil"),
        ({"refreshService": REFRESH | {"type": ["VerifiableCredential", "1EdTechCredentialRefresh"]}}, "refreshService"),
        ({"refreshService": REFRESH | {"name": "x"}}, "refreshService"),
    ],
)  # fmt: skip
def test_each_trap_of_json_ld_is_refused_by_name(more, path):
    assert find_unsigned(DOCUMENT) is None
    assert find_unsigned(DOCUMENT | more) == path


@pytest.mark.parametrize(
    "more",
    [
        {"issuer": {"type": "Profile", "address": ADDRESS | {"geo": GEO}}},
        {"refreshService": REFRESH},
        {"refreshService": {"id": "urn:uuid:1", "type": "1EdTechCredentialRefresh"}, "image": IMAGE},
        {"type": ["VerifiableCredential", "AchievementCredential"]},
        {"type": ["VerifiableCredential", "OpenBadgeCredential", "https://meadow.example/terms#Diploma"]},
        {"name": {"@value": "Botanik", "@language": "de-AT"}},
        {"name": [{"@value": "Botanik", "@language": "de"}, {"@value": "植物学", "@language": "zh-Hant-TW"}]},
        {"issuer": "did:web:meadow.example"},
        {"issuer": {"id": "did:web:meadow.example"}},
        {"image": "https://meadow.example/flower.png"},
        {"credentialSubject": {"id": "did:web:meadow.example", "type": "AchievementSubject", "role": "Teacher"}},
        {"credentialSubject": {"type": "AchievementSubject", "creditsEarned": 3.0, "source": DOCUMENT["issuer"]}},
        {"credentialSubject": {"type": "AchievementSubject", "source": {"id": "did:web:meadow.example", "type": "Profile"}}},
        {"endorsement": [{"@context": DOCUMENT["@context"], **DOCUMENT, "id": "urn:uuid:3"}]},
        {"credentialSchema": {"id": "https://meadow.example/s", "type": "JsonSchema", "jsonSchema": {"a": [None, []]}}},
    ],
)  # fmt: skip
def test_what_is_signed_is_not_refused(more):
    assert find_unsigned(DOCUMENT | more) is None
    assert canonize(DOCUMENT | more) != canonize(DOCUMENT) or as_meant(DOCUMENT | more) == as_meant(DOCUMENT)


def test_what_ends_a_credential_cannot_be_moved_to_where_nobody_looks():
    """A refresh service that is the credential itself: its statements are the credential's, the place is another."""
    whole = DOCUMENT | {
        "refreshService": REFRESH | {"type": ["1EdTechCredentialRefresh", "VerifiableCredential"]}
    }
    hidden = deepcopy(whole)
    hidden["refreshService"]["validUntil"] = hidden.pop("validUntil")
    assert canonize(whole) == canonize(hidden)
    assert find_unsigned(hidden) is not None


def test_what_is_said_of_another_thing_with_a_name_may_stand_wherever_it_stands():
    """As in the standard's own complete example, whose issuer is also the achievement's maker, endorsed by others."""
    maker = {
        "id": "did:web:meadow.example",
        "type": ["Profile"],
        "name": "Open Meadow Academy",
        "url": "https://m.example",
    }
    subject = {
        "type": ["AchievementSubject"],
        "source": {name: maker[name] for name in ("id", "type", "name")},
    }
    whole = DOCUMENT | {"issuer": maker, "credentialSubject": subject}
    assert find_unsigned(whole) is None
    assert find_unsigned(whole | {"credentialSubject": subject | {"source": maker}}) is None
    assert canonize(whole) == canonize(whole | {"credentialSubject": subject | {"source": maker}})


def values_of(term, inside):
    """A value that belongs there."""
    numbers = {"float": 4.5, "double": 4.5, "boolean": True, "nonNegativeInteger": 5}
    kind = term.coercion.rpartition("#")[2]
    if term.container == "@graph":
        proof = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"}
        return proof | ({"@context": INTEGRITY} if term.has_context else {})
    if term.coercion == "@vocab":
        own = add_context(inside, term.context, _read) if term.has_context else inside
        return next(name for name, told in own.terms.items() if name not in inside.terms and "#" in told.iri)
    return {"@id": "urn:x:1", "@json": {"a": [None, 1.5, {"b": []}]}}.get(
        term.coercion, numbers.get(kind, "words")
    )


@pytest.mark.parametrize("version", [[W3C, OPEN_BADGES], [W3C, OLDER], [INTEGRITY]])
def test_every_term_of_the_contexts_is_taken_where_it_belongs(version):
    named = [*version, EXTENSIONS] if W3C in version else version
    meaning = add_context(NOTHING, named, _read)
    classes = [name for name, term in meaning.terms.items() if term.has_context and name[0].isupper()]
    taken = set()
    for class_ in ("", *classes):
        inside = (
            add_context(meaning, meaning.terms[class_].context, _read, of_type=True) if class_ else meaning
        )
        for name, term in inside.terms.items():
            if term.iri.startswith("@") or term.is_prefix or not (name[0].islower() or name[0] == "_"):
                continue
            document = {"@context": named, "id": "urn:uuid:1", "type": class_ or "urn:x:kind"}
            document[name] = values_of(term, inside)
            assert find_unsigned(document) is None, (class_, name)
            assert f"<{term.iri}>" in canonize(document)
            taken.add((class_, name))
    assert len(taken) > (250 if W3C in version else 10)
