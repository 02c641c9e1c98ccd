"""What a search asks for: the filter's JSON read into a tree. Pure. Compiled by `search_sql`.

A filter is a tree of AND, OR and NOT over conditions on fields. Sources for the fields and their operators: contract,
section 3, and clients of the original.

Assumed: several fields or operators in one object must all hold; AND and NOT of nothing hold for every credential,
OR of nothing for none; NOT of several holds where none of them does; null equals a value that is missing, and no
other comparison holds for one that is missing.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct

from credtrail.credentials.model import Status
from credtrail.errors import invalid
from credtrail.values import ACTORS, EVENT_TYPES, first_moment_of, parse_date, parse_moment

DEEPEST = 10
MOST_CONDITIONS = 100
MOST_VALUES = 100
_LONGEST = 255

TextField = Literal["id", "publicId", "groupId", "recipient.name", "recipient.email"]
DayField = Literal["issueDate", "expiryDate"]
MomentField = Literal["createdAt", "updatedAt"]
SortProperty = Literal["id", "createdAt", "updatedAt", "issueDate", "expiryDate"]
LatestMail = Literal["none", "waiting", "sent", "bounced", "uncertain"]
"""What became of the latest mail, for the dashboard; `none`: it was never mailed."""

_TEXT_OPERATORS = ("equals", "contains", "startsWith", "endsWith", "in")
_ORDER_OPERATORS = ("equals", "lt", "lte", "gt", "gte")
_STATUS_OPERATORS = ("equals", "in")
_ENGAGED_OPERATORS = ("by", "gte")
_TEXTS, _DAYS, _MOMENTS = get_args(TextField), get_args(DayField), get_args(MomentField)
_FIELDS = (*_TEXTS, "status", *_DAYS, *_MOMENTS, "customAttributes.<tag>", "interactions.<eventType>")
_CUSTOM = re.compile(r"customAttributes\.[a-z][a-z0-9_]{0,62}")
_JUNCTIONS = ("AND", "OR", "NOT")


class Sort(Struct):
    """In which order: both are needed once one is given. Assumed: without it, newest first."""

    property: SortProperty
    order: Literal["asc", "desc"]


class Order(NamedTuple):
    """A sort as the SQL takes it; `recipient.name` is for the dashboard."""

    property: SortProperty | Literal["recipient.name"]
    order: Literal["asc", "desc"]


class Condition(NamedTuple):
    """One comparison. `value`: text (`in`: a tuple of them), an ISO day, a moment, a number; None for missing.

    Beside the fields of the wire there are `interactions` (an Engagement), `mail` (a LatestMail) and `revoked`.
    """

    field: str
    operator: str
    value: Any


class Junction(NamedTuple):
    """Parts of which all, at least one, or none must hold."""

    kind: Literal["AND", "OR", "NOT"]
    parts: "tuple[Junction | Condition, ...]"


class Engagement(NamedTuple):
    """The value of a condition on interactions: at least so many of these types in all, by this actor or by anybody."""

    event_types: tuple[str, ...]
    by: str | None
    at_least: int


def read_filter(given: dict[str, Any] | None, time_zone: str) -> Junction:
    """The tree of a filter; days on `createdAt` and `updatedAt` are days of that time zone.

    Refuses (400) unknown fields and operators, values of a wrong kind, more than 10 levels, more than 100 conditions;
    each refusal names the place.
    """
    reader = _Reader(time_zone)
    return Junction("AND", tuple(reader.read(given or {}, "filter", 1)))


class _Reader:
    def __init__(self, time_zone: str) -> None:
        self._time_zone = time_zone
        self._left = MOST_CONDITIONS

    def read(self, given: Any, place: str, depth: int) -> Iterator[Junction | Condition]:
        """What one object of the filter asks for: all that it yields must hold."""
        if not isinstance(given, dict):
            raise invalid(place, "must be a JSON object")
        if depth > DEEPEST:
            raise invalid(place, f"must not be nested deeper than {DEEPEST} levels")
        for name, value in given.items():
            inside = f"{place}.{name[:100]}"
            if name in _JUNCTIONS:
                yield self._read_junction(name, value, inside, depth)
            else:
                yield from self._read_field(name, value, inside)

    def _read_junction(self, kind: Any, value: Any, place: str, depth: int) -> Junction:
        # NOT comes as one object from some clients; the others are taken alike.
        values = [value] if isinstance(value, dict) else value
        if not isinstance(values, list):
            raise invalid(place, "must be a list of conditions")
        self._count(len(values), place)
        parts = (tuple(self.read(one, f"{place}.{n}", depth + 1)) for n, one in enumerate(values))
        return Junction(kind, tuple(Junction("AND", part) for part in parts))

    def _read_field(self, name: str, value: Any, place: str) -> Iterator[Condition]:
        if name in ("recipient", "customAttributes", "interactions"):
            if not isinstance(value, dict):
                raise invalid(place, "must be a JSON object")
            for inner, operators in value.items():
                bare = inner.removeprefix("custom.") if name == "customAttributes" else inner
                yield from self._read_field(f"{name}.{bare}", operators, f"{place}.{inner[:100]}")
            return
        if not isinstance(value, dict):
            raise invalid(place, 'must be a JSON object with an operator, such as {"equals": …}')
        self._count(len(value), place)
        if name.startswith("interactions."):
            yield self._read_engagement(name, value, place)
            return
        for operator, operand in value.items():
            yield from self._read_condition(name, operator, operand, f"{place}.{operator[:100]}")

    def _read_condition(self, name: str, operator: str, operand: Any, place: str) -> Iterator[Condition]:
        allowed = _operators_of(name)
        if allowed is None:
            raise invalid(
                place.rpartition(".")[0], "is not a field to search by; there are " + ", ".join(_FIELDS)
            )
        if operator not in allowed:
            raise invalid(place, "is not an operator of this field; there are " + ", ".join(allowed))
        if operand is None and operator == "equals":
            yield Condition(name, operator, None)
        elif name in _DAYS:
            yield Condition(name, operator, _read_day(operand, place).isoformat())
        elif name in _MOMENTS:
            yield from self._read_moment(name, operator, operand, place)
        elif operator == "in":
            if not isinstance(operand, list) or len(operand) > MOST_VALUES:
                raise invalid(place, f"must be a list of at most {MOST_VALUES} values")
            yield Condition(name, operator, tuple(_read_text(name, one, place) for one in operand))
        else:
            yield Condition(name, operator, _read_text(name, operand, place))

    def _read_moment(self, name: str, operator: str, operand: Any, place: str) -> Iterator[Condition]:
        """A date-time is that moment; a day is all of its moments."""
        try:
            at = parse_moment(operand if isinstance(operand, str) else "")
        except ValueError:
            begin, end = self._bounds_of(_read_day(operand, place, "or a date and time with Z or an offset"))
            match operator:
                case "equals":
                    yield Condition(name, "gte", begin)
                    yield Condition(name, "lt", end)
                case "gt":
                    yield Condition(name, "gte", end)
                case "lte":
                    yield Condition(name, "lt", end)
                case _:
                    yield Condition(name, operator, begin)
            return
        yield Condition(name, operator, at)

    def _bounds_of(self, day: date) -> tuple[int, int]:
        after = day + timedelta(days=1) if day < date.max else day
        return first_moment_of(day.isoformat(), self._time_zone), first_moment_of(
            after.isoformat(), self._time_zone
        )

    def _read_engagement(self, name: str, given: dict[str, Any], place: str) -> Condition:
        event_type = name.partition(".")[2]
        if event_type not in EVENT_TYPES:
            raise invalid(place, "is not an event type; there are " + ", ".join(EVENT_TYPES))
        for operator in given:
            if operator not in _ENGAGED_OPERATORS:
                raise invalid(f"{place}.{operator[:100]}", "is not an operator here; there are by, gte")
        by, at_least = given.get("by"), given.get("gte", 1)
        if by is not None and by not in ACTORS:
            raise invalid(f"{place}.by", "must be one of " + ", ".join(ACTORS))
        if not isinstance(at_least, int) or isinstance(at_least, bool) or not 0 <= at_least <= 10**9:
            raise invalid(f"{place}.gte", "must be a whole number from 0 on")
        return Condition("interactions", "gte", Engagement((event_type,), by, at_least))

    def _count(self, more: int, place: str) -> None:
        self._left -= more
        if self._left < 0:
            raise invalid(place, f"is too much: a filter may have at most {MOST_CONDITIONS} conditions")


def _operators_of(name: str) -> tuple[str, ...] | None:
    if name in _TEXTS or _CUSTOM.fullmatch(name):
        return _TEXT_OPERATORS
    if name == "status":
        return _STATUS_OPERATORS
    return _ORDER_OPERATORS if name in _DAYS or name in _MOMENTS else None


def _read_text(name: str, value: Any, place: str) -> str:
    if name == "status":
        if value not in get_args(Status):
            raise invalid(place, "must be one of " + ", ".join(get_args(Status)))
        return str(value)
    if not isinstance(value, str) or len(value) > _LONGEST or "\x00" in value:
        raise invalid(place, f"must be a string of at most {_LONGEST} characters")
    return value


def _read_day(value: Any, place: str, otherwise: str = "") -> date:
    try:
        if isinstance(value, str):
            return parse_date(value)
    except ValueError:
        pass
    raise invalid(place, ", ".join(filter(None, ("must be a calendar day written YYYY-MM-DD", otherwise))))
