"""From bytes to a typed value, or a refusal that names each wrong field and says what is allowed.

Called by `gate.py` for bodies and queries. The types are msgspec Structs of the slices' models; what a field
must be stands in its `Meta(extra={"must": …})` (see `values.must`), so that the words live beside the type.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect as shape

from credtrail.errors import Refusal, invalid_fields

T = TypeVar("T", bound=msgspec.Struct)

_MANY = 500  # query parameters; more is no honest request


@lru_cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def parse_body(type_: type[T], body: bytes) -> T:
    """Read a JSON body. Assumed: unknown keys are ignored, and of duplicate keys the last wins.

    Refuses with invalid_json what isn't JSON, and with validation_error what doesn't fit the type.
    """
    try:
        value: T = _decoder(type_).decode(body)
        return value
    except msgspec.ValidationError:
        raise invalid_fields(tuple(_explain(type_, parse_json(body), "", strict=True))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal("invalid_json") from None


def parse_json(body: bytes) -> Any:
    """Read any JSON value; refuses with invalid_json."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal("invalid_json") from None


def parse_query(type_: type[T], query: bytes) -> T:
    """Read a query string: unknown names are ignored, a repeatable name fills a list, else the last wins."""
    repeatable = {
        field.encode_name for field in msgspec.structs.fields(type_) if get_origin(_bare(field.type)) is list
    }
    given: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MANY)
    except ValueError:
        raise invalid_fields((("query", "must be percent-encoded UTF-8"),)) from None
    for name, value in pairs:
        if name in repeatable:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return msgspec.convert(given, type_, strict=False)
    except msgspec.ValidationError:
        raise invalid_fields(tuple(_explain(type_, given, "", strict=False))) from None


def _explain(type_: Any, value: Any, path: str, *, strict: bool) -> Iterable[tuple[str, str]]:
    """Each field of a Struct that does not fit, with the words for it; `value` is plain JSON data."""
    if not isinstance(value, dict):
        yield path or "body", "must be a JSON object"
        return
    for field in msgspec.structs.fields(type_):
        name = f"{path}{field.encode_name}"
        if field.encode_name not in value:
            if field.required:
                yield name, f"is required and must {must_of(field.type)}"
            continue
        yield from _explain_one(field.type, value[field.encode_name], name, strict=strict)


def _explain_one(type_: Any, given: Any, name: str, *, strict: bool) -> Iterable[tuple[str, str]]:
    """Why a value does not fit, if it doesn't: told of the innermost field that is wrong."""
    try:
        msgspec.convert(given, type_, strict=strict)
        return
    except msgspec.ValidationError:
        pass
    structs, items = _structs_in(type_), _struct_items_in(type_)
    if items is not None and isinstance(given, list):
        wrong = [
            one
            for number, item in enumerate(given)
            for one in _explain_one(items, item, f"{name}.{number}", strict=strict)
        ]
        yield from wrong or [(name, f"must {must_of(type_)}")]
    elif not structs or not isinstance(given, dict):
        yield name, f"must {must_of(type_)}"
    elif len(structs) == 1:
        yield from _explain(structs[0], given, f"{name}.", strict=strict)
    else:  # told apart by a tag
        tag_field = structs[0].__struct_config__.tag_field
        tags = {struct.__struct_config__.tag: struct for struct in structs}
        tag = given.get(tag_field)
        if isinstance(tag, str) and tag in tags:
            yield from _explain(tags[tag], given, f"{name}.", strict=strict)
        else:
            yield f"{name}.{tag_field}", "must be one of " + ", ".join(map(str, tags))


def _bare(type_: Any) -> Any:
    """The type without Annotated, and without None or Unset where it is a union of one with them."""
    while hasattr(type_, "__metadata__"):
        type_ = type_.__origin__
    members = [member for member in get_args(type_) if member not in (type(None), msgspec.UnsetType)]
    if len(members) == 1 and get_origin(type_) not in (list, dict, tuple):
        return _bare(members[0])
    return type_


def _structs_in(type_: Any) -> list[Any]:
    """The Struct that the type is, or those that it is a union of; else none."""
    bare = _bare(type_)
    if get_origin(bare) in (list, dict, tuple):
        return []
    members = [bare] if isinstance(bare, type) else [_bare(member) for member in get_args(bare)]
    are_structs = all(isinstance(one, type) and issubclass(one, msgspec.Struct) for one in members)
    return members if are_structs else []


def _struct_items_in(type_: Any) -> Any:
    """What the items of the type are, where it is a list of Structs."""
    bare = _bare(type_)
    if get_origin(bare) is list and _structs_in(get_args(bare)[0]):
        return get_args(bare)[0]
    return None


def must_of(type_: Any) -> str:
    """The words that complete "<field> must …", from the type's own Meta or else from its shape."""
    for metadata in _metadata(type_):
        if metadata.extra and "must" in metadata.extra:
            return str(metadata.extra["must"])
    bare = _bare(type_)
    if _structs_in(bare):
        return "be a JSON object"
    match shape.type_info(bare):
        case shape.LiteralType(values=values):
            return "be one of " + ", ".join(map(str, values))
        case shape.StrType():
            return "be a string"
        case shape.BoolType():
            return "be true or false"
        case shape.ListType(item_type=_):
            return "be a list, each item of which must " + must_of(get_args(bare)[0])
        case shape.DictType():
            return "be a JSON object"
        case _:
            return "have another type"


def _metadata(type_: Any) -> Iterable[msgspec.Meta]:
    if hasattr(type_, "__metadata__"):
        yield from (entry for entry in type_.__metadata__ if isinstance(entry, msgspec.Meta))
        yield from _metadata(type_.__origin__)
    elif get_origin(type_) not in (list, dict):
        for member in get_args(type_):
            yield from _metadata(member)
