"""Designs: what a credential looks like. Pure.

The built-in ones are the same in every workspace and have no row; a workspace's own are a `document` each. `render`
draws both.
"""

import re
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from credtrail.designs.document import Document
from credtrail.values import AnyId, Moment, Name, parse_moment, present_moment


class Design(NamedTuple):
    """A look that a group gives to its credentials. An own one has a `document` (JSON, see `document`)."""

    id: str
    name: str
    type: Literal["certificate", "badge"]
    created_at: Moment
    updated_at: Moment
    look: Literal["classic", "modern", "seal", "hexagon", "own"]
    document: str | None = None

    @property
    def slug(self) -> str:
        """Its name in addresses: `Classic certificate` → `classic-certificate`; of an own one the id, which is unique."""
        if self.look == "own":
            return self.id
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


class NewDesign(Struct, rename="camel"):
    """A design to be created: from a document, or as a copy of another design."""

    name: Name
    document: Document | None = None
    copy_of: AnyId | None = None


class DesignChange(Struct, rename="camel"):
    """What shall change of an own design; what isn't given stays. Its type can't change."""

    name: Name | UnsetType = UNSET
    document: Document | UnsetType = UNSET


class ImageAnswer(Struct, rename="camel"):
    """An uploaded image as it is kept: its size in pixels and in bytes."""

    id: str
    media_type: str
    width: int
    height: int
    bytes: int


class DesignAnswer(Struct, rename="camel"):
    """A design on the wire, keys in the contract's order (section 4)."""

    id: str
    name: str
    type: Literal["certificate", "badge"]
    preview_url: str | None
    created_at: str
    updated_at: str


_SINCE = parse_moment("2026-11-23T00:00:00Z")

BUILT_IN = (
    Design("01m82v7m00f40wh8r3gzxg3h9z", "Classic certificate", "certificate", _SINCE, _SINCE, "classic"),
    Design("01m82v7m01n6wd4c0x2bq7k5te", "Modern certificate", "certificate", _SINCE, _SINCE, "modern"),
    Design("01m82v7m02s9vhz3a8prj1f6yc", "Seal badge", "badge", _SINCE, _SINCE, "seal"),
    Design("01m82v7m03x2jgt5kd7m4ne8qb", "Hexagon badge", "badge", _SINCE, _SINCE, "hexagon"),
)
"""Designs that come with the software, oldest first."""


def find_design(id_: str) -> Design | None:
    """The built-in design with this id."""
    return next((design for design in BUILT_IN if design.id == id_), None)


def present_design(design: Design, preview_url: str) -> DesignAnswer:
    """The design as the wire shows it."""
    return DesignAnswer(
        design.id,
        design.name,
        design.type,
        preview_url,
        present_moment(design.created_at),
        present_moment(design.updated_at),
    )
