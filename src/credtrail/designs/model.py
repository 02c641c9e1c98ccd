"""Designs: what a credential looks like. Pure.

So far there are built-in designs only, the same in every workspace; they have no row of their own.
"""

from typing import Literal, NamedTuple

from msgspec import Struct

from credtrail.values import Moment, parse_moment, present_moment


class Design(NamedTuple):
    """A look that a group gives to its credentials."""

    id: str
    name: str
    type: Literal["certificate", "badge"]
    created_at: Moment
    updated_at: Moment


class DesignAnswer(Struct, rename="camel"):
    """A design on the wire, keys in the contract's order (section 4)."""

    id: str
    name: str
    type: Literal["certificate", "badge"]
    preview_url: str | None
    created_at: str
    updated_at: str


_SINCE = parse_moment("2026-11-23T00:00:00Z")

BUILT_IN = (Design("01m82v7m00f40wh8r3gzxg3h9z", "Classic certificate", "certificate", _SINCE, _SINCE),)
"""Designs that come with the software, oldest first."""


def find_design(id_: str) -> Design | None:
    """The design with this id."""
    return next((design for design in BUILT_IN if design.id == id_), None)


def present_design(design: Design) -> DesignAnswer:
    """The design as the wire shows it. There is no preview picture of the built-in one."""
    return DesignAnswer(
        design.id,
        design.name,
        design.type,
        None,
        present_moment(design.created_at),
        present_moment(design.updated_at),
    )
