"""Attributes: the values that credentials of a workspace can carry, and what a value may be. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Struct

from credtrail.errors import invalid_fields
from credtrail.values import NO_NUL, Moment, Name, must, parse_date, parse_moment, present_moment

AttributeType = Literal["text", "date", "number", "image"]

Tag = Annotated[
    str,
    must(
        "be a tag: 1 to 63 lower-case letters, digits and underscores, beginning with a letter",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        example="final_grade",
    ),
]

MOST = 200
"""Attributes that a workspace can have."""
PREFIX = "custom."
_LONGEST = 2_000
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


class Attribute(NamedTuple):
    """One attribute; `parent` and `tag` together are its placeholder: `recipient` and `name` → `[recipient.name]`."""

    id: str
    workspace_id: str
    parent: str
    tag: str
    name: str
    type: AttributeType
    is_default: bool
    created_at: Moment
    updated_at: Moment


class NewAttribute(Struct):
    """A custom attribute to be created; without a `tag` one is made of the name."""

    name: Name
    tag: Tag | None = None
    type: AttributeType = "text"


class AttributeChange(Struct):
    """What can change of a custom attribute: its name."""

    name: Name


class AttributeAnswer(Struct, rename="camel"):
    """An attribute on the wire, keys in the contract's order (section 4). Custom ones have the parent `custom`."""

    id: str
    workspace_id: str
    parent: str
    tag: str
    name: str
    type: AttributeType
    is_default: bool
    created_at: str
    updated_at: str


_SINCE = parse_moment("2026-11-23T00:00:00Z")
_DEFAULTS: tuple[tuple[str, str, str, str, AttributeType], ...] = (
    ("01m82v7m10q5x0c3d4n8y1t7ka", "recipient", "name", "Recipient's name", "text"),
    ("01m82v7m11w2b9h6j5v0r8e4fs", "recipient", "email", "Recipient's e-mail address", "text"),
    ("01m82v7m12c7k3p1z6m9x5d0gy", "group", "name", "Group's name", "text"),
    ("01m82v7m13n4t8a2s7f1q6w3he", "certificate", "issued_on", "Issue date", "date"),
    ("01m82v7m14v9d5y0e3k2b8j7rc", "certificate", "expires_on", "Expiry date", "date"),
    ("01m82v7m15h1g6w4x9c3z0p5ma", "certificate", "uuid", "Credential's public id", "text"),
)


def default_attributes(workspace_id: str) -> list[Attribute]:
    """Those that every workspace has; they can't be changed."""
    return [
        Attribute(id_, workspace_id, parent, tag, name, type_, True, _SINCE, _SINCE)
        for id_, parent, tag, name, type_ in _DEFAULTS
    ]


def tag_from(name: str) -> str:
    """A tag made of a name: `Final grade` → `final_grade`; may be empty where the name has no such letters."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:63].rstrip("_")


def present_attribute(attribute: Attribute) -> AttributeAnswer:
    """The attribute as the wire shows it."""
    return AttributeAnswer(
        *attribute[:7], present_moment(attribute.created_at), present_moment(attribute.updated_at)
    )


def merge_values(
    present: Mapping[str, str], given: Mapping[str, Any], attributes: Mapping[str, Attribute]
) -> dict[str, str]:
    """A credential's custom attributes after a change: `custom.<tag>` → text; null removes one.

    `attributes` are the workspace's custom ones by tag. Refuses (400) keys that aren't among them and values that
    don't fit the type. A number may come as a JSON number. That an image exists is for the caller to check.
    Assumed: a custom attribute that the workspace does not have is 400.
    """
    merged, wrong = dict(present), []
    for key, value in given.items():
        attribute = attributes.get(key.removeprefix(PREFIX)) if key.startswith(PREFIX) else None
        field = f"customAttributes.{key[:100]}"
        if attribute is None:
            wrong.append((field, "must be an attribute of the workspace"))
        elif value is None:
            merged.pop(key, None)
        else:
            text = _read_value(value, attribute.type)
            if text is None:
                wrong.append((field, f"must {_MUST[attribute.type]}"))
            else:
                merged[key] = text
    if wrong:
        raise invalid_fields(tuple(wrong))
    return merged


_MUST: dict[AttributeType, str] = {
    "text": f"be a string of at most {_LONGEST:,} characters",
    "date": "be a calendar day written YYYY-MM-DD",
    "number": "be a number, or a string such as 12.5",
    "image": "be the id of an uploaded image",
}


def _read_value(value: Any, type_: AttributeType) -> str | None:
    if type_ == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:.12f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if not isinstance(value, str) or len(value) > _LONGEST or re.match(NO_NUL, value) is None:
        return None
    if type_ == "date":
        try:
            return parse_date(value).isoformat()
        except ValueError:
            return None
    if type_ == "number":
        return value if _NUMBER.fullmatch(value) else None
    if type_ == "image":
        return value if 1 <= len(value) <= 64 else None
    return value
