"""Groups: credential templates (the wire says groups). Pure."""

from typing import Annotated, NamedTuple

from msgspec import Struct

from credtrail.designs.model import find_design
from credtrail.errors import invalid
from credtrail.values import NO_NUL, AnyId, Moment, Name, WebAddress, must, present_moment

DesignIds = Annotated[
    list[AnyId], must("be a list of 1 to 10 different ids of designs", min_length=1, max_length=10)
]

Description = Annotated[
    str,
    must(
        "be a string of at most 5,000 characters",
        max_length=5_000,
        pattern=NO_NUL,
        example="Thirty hours of field work and a written examination.",
    ),
]
Skills = Annotated[list[Name], must("be a list of at most 30 names of skills", max_length=30)]


class Group(NamedTuple):
    """A credential template: what a set of credentials has in common."""

    id: str
    workspace_id: str
    name: str
    learning_event_url: str | None
    design_ids: tuple[str, ...]
    created_at: Moment
    updated_at: Moment
    description: str | None = None
    skills: tuple[str, ...] = ()


class NewGroup(Struct, rename="camel"):
    """A group to be created. Either `designIds`, or one or both of the two older fields.

    `description` and `skills` are ours: shown on the credentials' pages, not among a group's fields on the wire.
    """

    name: Name
    design_ids: DesignIds | None = None
    learning_event_url: WebAddress | None = None
    certificate_design_id: AnyId | None = None
    badge_design_id: AnyId | None = None
    description: Description | None = None
    skills: Skills = []


class GroupAnswer(Struct, rename="camel"):
    """A group on the wire, keys in the contract's order (section 4)."""

    id: str
    name: str
    learning_event_url: str | None
    design_ids: list[str]
    certificate_design_id: str | None
    badge_design_id: str | None
    created_at: str
    updated_at: str


def designs_of(new: NewGroup) -> tuple[str, ...]:
    """The designs that a new group asks for, in order; refuses none, both kinds of fields, unknown ids, twins."""
    older = (("certificateDesignId", new.certificate_design_id), ("badgeDesignId", new.badge_design_id))
    if new.design_ids is not None and any(id_ is not None for _, id_ in older):
        raise invalid("designIds", "must not come together with certificateDesignId or badgeDesignId")
    if new.design_ids is None:
        for field, id_ in older:
            design = find_design(id_) if id_ is not None else None
            if id_ is not None and (design is None or not field.startswith(design.type)):
                raise invalid(field, f"must be the id of a {field.removesuffix('DesignId')} design")
        chosen = tuple(id_ for _, id_ in older if id_ is not None)
        if not chosen:
            raise invalid("designIds", "is required and must be a list of 1 to 10 different ids of designs")
        return chosen
    if any(find_design(id_) is None for id_ in new.design_ids) or len(set(new.design_ids)) < len(
        new.design_ids
    ):
        raise invalid("designIds", "must be a list of 1 to 10 different ids of designs")
    return tuple(new.design_ids)


def present_group(group: Group) -> GroupAnswer:
    """The group as the wire shows it; the two older fields name its first certificate and its first badge."""
    by_type: dict[str, str] = {}
    for id_ in group.design_ids:
        design = find_design(id_)
        if design is not None:
            by_type.setdefault(design.type, id_)
    return GroupAnswer(
        group.id,
        group.name,
        group.learning_event_url,
        list(group.design_ids),
        by_type.get("certificate"),
        by_type.get("badge"),
        present_moment(group.created_at),
        present_moment(group.updated_at),
    )
