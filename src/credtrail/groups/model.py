"""Groups: credential templates (the wire says groups). Pure."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from credtrail.designs.model import Design
from credtrail.errors import invalid
from credtrail.values import NO_NUL, AnyId, Moment, Name, Period, WebAddress, must, present_moment

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
    """A credential template: what a set of credentials has in common.

    `expires_after` is the expiry rule, an ISO 8601 duration (`values.Period`) counted from the issue date.
    """

    id: str
    workspace_id: str
    name: str
    learning_event_url: str | None
    design_ids: tuple[str, ...]
    created_at: Moment
    updated_at: Moment
    description: str | None = None
    skills: tuple[str, ...] = ()
    expires_after: str | None = None
    email_template_id: str | None = None


class NewGroup(Struct, rename="camel"):
    """A group to be created. Either `designIds`, or one or both of the two older fields.

    The last four are ours; `GET /groups/{id}/settings` tells them, since a group's fields on the wire are set.
    """

    name: Name
    design_ids: DesignIds | None = None
    learning_event_url: WebAddress | None = None
    certificate_design_id: AnyId | None = None
    badge_design_id: AnyId | None = None
    description: Description | None = None
    skills: Skills = []
    expires_after: Period | None = None
    email_template_id: AnyId | None = None


class GroupChange(Struct, rename="camel"):
    """What shall change of a group; what isn't given stays. `designIds` replaces the whole list."""

    name: Name | UnsetType = UNSET
    design_ids: DesignIds | UnsetType = UNSET
    learning_event_url: WebAddress | UnsetType | None = UNSET
    certificate_design_id: AnyId | UnsetType | None = UNSET
    badge_design_id: AnyId | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    skills: Skills | UnsetType = UNSET
    expires_after: Period | UnsetType | None = UNSET
    email_template_id: AnyId | UnsetType | None = UNSET


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


class GroupSettings(Struct, rename="camel"):
    """What a group has beyond the original's fields."""

    description: str | None
    skills: list[str]
    expires_after: str | None
    email_template_id: str | None


_DESIGN_IDS = "be a list of 1 to 10 different ids of designs"
_OLDER = (("certificateDesignId", "certificate"), ("badgeDesignId", "badge"))


def wanted_designs(given: NewGroup | GroupChange) -> tuple[str, ...]:
    """Every design that is named in any field."""
    named = (given.certificate_design_id, given.badge_design_id)
    ids = given.design_ids if isinstance(given.design_ids, list) else []
    return (*ids, *(id_ for id_ in named if isinstance(id_, str)))


def designs_of(
    given: NewGroup | GroupChange, known: Mapping[str, Design], present: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The designs that a group is to have, in order, out of those `known`; `present` are those it has.

    Refuses none at all, both kinds of fields in one request, unknown ids, twins. Assumed: one of the older fields in
    a change replaces (null: takes away) the designs of its type and leaves the others.
    """
    older = {
        type_: (field, id_)
        for (field, type_), id_ in zip(
            _OLDER, (given.certificate_design_id, given.badge_design_id), strict=True
        )
        if id_ is not UNSET and not (isinstance(given, NewGroup) and id_ is None)
    }
    if isinstance(given.design_ids, list):
        if any(id_ is not None for _, id_ in older.values()):
            raise invalid("designIds", "must not come together with certificateDesignId or badgeDesignId")
        return _check_ids(given.design_ids, known)
    if older:
        present = tuple(id_ for id_ in present if id_ in known and known[id_].type not in older)
        for type_, (field, id_) in older.items():
            if isinstance(id_, str):
                if id_ not in known or known[id_].type != type_:
                    raise invalid(field, f"must be the id of a {type_} design")
                present = (*present, id_)
    if not present:
        raise invalid("designIds", f"is required and must {_DESIGN_IDS}")
    return present


def _check_ids(ids: list[str], known: Mapping[str, Design]) -> tuple[str, ...]:
    if any(id_ not in known for id_ in ids) or len(set(ids)) < len(ids):
        raise invalid("designIds", f"must {_DESIGN_IDS}")
    return tuple(ids)


def present_group(group: Group, designs: Mapping[str, Design]) -> GroupAnswer:
    """The group as the wire shows it; the two older fields name its first certificate and its first badge."""
    by_type: dict[str, str] = {}
    for id_ in group.design_ids:
        if id_ in designs:
            by_type.setdefault(designs[id_].type, id_)
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
