"""SQL of insights: what became of the credentials issued in a period. Called by `ask.py`.

Only issued credentials that still are there count; a period of theirs goes by the issue date. What became of them
stands in `outcomes`, but for what was recorded since it was last gathered there. So each question is put twice: to all
outcomes as they are kept; and to those of which `engagements` knows more, few as a rule, as they are kept, which is
taken off again, and as a whole, which is added.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple, get_args

from msgspec.json import decode
from sqlalchemy import ColumnElement, FromClause, Function, Select, and_, case, false, func, select, true

from credtrail.credentials.outcome_store import FIRSTS, TOTALS, outcomes
from credtrail.credentials.store import credentials
from credtrail.database import Transaction
from credtrail.groups.store import groups
from credtrail.insights.store import Scope
from credtrail.interactions.counts import engagements, whole_outcome
from credtrail.values import ACTORS, Moment

Order = Literal["guestViews", "shares", "guestVerifications"]

_ORDERS: dict[Order, str] = dict(zip(get_args(Order), TOTALS, strict=True))


class Cohort(NamedTuple):
    """What became of the credentials issued in a period: how many were opened, shared, viewed by guests, verified by
    guests. The delays are medians in whole seconds, None where nobody did."""

    issued: int
    reached: tuple[int, ...]
    seconds_to_open: int | None
    seconds_to_share: int | None


class Steps(NamedTuple):
    """The same as a funnel: how many did a step and all before it, and how many did it at all."""

    issued: int
    passed: tuple[int, ...]
    reached: tuple[int, ...]


Columns = Mapping[str, ColumnElement[Any]]
"""Those of an outcome, by name."""

_KEPT: Columns = dict(outcomes.c.items())
_WHOLE: Columns = {**_KEPT, **whole_outcome()}
_IS_ITS = outcomes.c.credential_id == engagements.c.credential_id
# Outer joins, and conditions that SQLite doesn't see through, for they say where to begin: its statistics know nothing
# of a table that is small one minute and large the next.
_RECENT = engagements.join(outcomes, _IS_ITS, isouter=True)
_RECENT_AND_MANY = outcomes.join(engagements, _IS_ITS, isouter=True)
"""The same along the outcomes of the period, for when more is waiting to be gathered than a period may have."""
_FEW = 5_000


_ANY = true()
_FEW_DAYS = 60


class _Issued(NamedTuple):
    """The credentials issued on these days."""

    scope: Scope
    first_day: str
    last_day: str

    @property
    def length(self) -> int:
        """In days."""
        return (date.fromisoformat(self.last_day) - date.fromisoformat(self.first_day)).days + 1

    def look(
        self,
        transaction: Transaction,
        source: FromClause,
        *columns: ColumnElement[Any],
        only: ColumnElement[bool] = _ANY,
    ) -> Select[Any]:
        """At their outcomes."""
        table, (workspace_id, group_ids) = outcomes.c, self.scope
        # The outcomes of each group stand together by day: with all groups named, no other days are walked. Where most
        # are asked for, PostgreSQL looks at all in a row, and needs no names.
        named = select(groups.c.id).where(groups.c.workspace_id == workspace_id)
        needs_none = group_ids is None and transaction.dialect == "postgresql" and self.length > _FEW_DAYS
        of_period = and_(
            table.workspace_id == workspace_id,
            true() if needs_none else table.group_id.in_(named if group_ids is None else group_ids),
            table.issue_date >= self.first_day,
            table.issue_date <= self.last_day,
        )
        query = select(*columns).select_from(source)
        if source is _RECENT:
            return query.where(func.coalesce(and_(of_period, only), false()))
        if source is _RECENT_AND_MANY:
            is_there = engagements.c.credential_id.is_not(None)
            return query.where(of_period, func.coalesce(and_(is_there, only), false()))
        return query.where(of_period, only)


class _Asked(NamedTuple):
    """Counts and sums of outcomes, by some columns; beside them all values of a column where a condition holds. `only`
    leaves out what doesn't matter: an outcome for which it holds keeps to it."""

    by: Sequence[ColumnElement[Any]]
    sums: Sequence[ColumnElement[Any]]
    values: Sequence[tuple[ColumnElement[Any], ColumnElement[bool]]] = ()
    only: ColumnElement[bool] = _ANY


Found = dict[tuple[Any, ...], tuple[list[int], list[list[int]]]]
"""Sums and values, by what they are asked by."""


def _add_up(transaction: Transaction, issued: _Issued, ask: Callable[[Columns], _Asked]) -> Found:
    """All outcomes as they are kept; then those of which there is more, taken off as they are and added as a whole."""
    found: Found = {}
    kept = ask(_KEPT)
    for row in transaction.connection.execute(_query(transaction, issued, outcomes, kept)):
        _add(found, kept, row, 1)
    recent = _find_recent(transaction)
    if recent is None:
        return found
    whole = ask(_WHOLE)
    width = len(kept.by) + len(kept.sums) + len(kept.values)
    for row in transaction.connection.execute(_query(transaction, issued, recent, kept, whole)):
        _add(found, kept, row[:width], -1)
        _add(found, whole, row[width:], 1)
    return found


def _find_recent(transaction: Transaction) -> FromClause | None:
    """Where to look for what isn't gathered yet, of whichever workspace; None where there is nothing."""
    some = select(engagements.c.credential_id).limit(_FEW + 1).subquery()
    count = transaction.connection.execute(select(func.count()).select_from(some)).scalar_one()
    return (_RECENT if count <= _FEW else _RECENT_AND_MANY) if count else None


def _query(transaction: Transaction, issued: _Issued, source: FromClause, *asked: _Asked) -> Select[Any]:
    columns: list[ColumnElement[Any]] = []
    for by, sums, values, _ in asked:
        columns += [
            *by,
            *sums,
            *(_all_of(transaction, value).filter(condition) for value, condition in values),
        ]
    return issued.look(transaction, source, *columns, only=asked[-1].only).group_by(
        *(each for one in asked for each in one.by)
    )


def _add(found: Found, asked: _Asked, row: Sequence[Any], sign: int) -> None:
    by, sums = len(asked.by), len(asked.sums)
    summed, seen = found.setdefault(tuple(row[:by]), ([0] * sums, [[] for _ in asked.values]))
    summed[:] = [old + sign * int(new or 0) for old, new in zip(summed, row[by : by + sums], strict=True)]
    for each, values in zip(seen, map(_read_all, row[by + sums :]), strict=True):
        if sign > 0:
            each += values
        elif values:
            left = Counter(each)
            left.subtract(values)
            each[:] = left.elements()


def _all_of(transaction: Transaction, column: ColumnElement[Any]) -> Function[Any]:
    """All values of a column at once: one text in SQLite, an array in PostgreSQL."""
    return func.json_group_array(column) if transaction.dialect == "sqlite" else func.array_agg(column)


def _read_all(found: str | list[Any] | None) -> list[Any]:
    return decode(found, type=list[Any]) if isinstance(found, str) else found or []


_Bounds = tuple[int, int]
"""Seconds between which a median is looked for, both included."""
_ALL: _Bounds = (0, 10**15)
_SAMPLE_DAYS, _SAMPLE_LEAST, _SAMPLE_MOST = 8, 200, 4_000


def find_cohort(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, until: Moment | None = None
) -> Cohort:
    """What became of the credentials issued on these days; with `until`, as it stood at that moment."""
    issued = _Issued(scope, first_day, last_day)
    bounds = _guess_bounds(transaction, issued, until)
    found = _find_cohort(transaction, issued, until, bounds)
    if found is None:
        found = _find_cohort(transaction, issued, until, (_ALL, _ALL))
    assert found is not None  # all delays are between those bounds
    return found


def _find_cohort(
    transaction: Transaction, issued: _Issued, until: Moment | None, bounds: tuple[_Bounds, ...]
) -> Cohort | None:
    """None when a median isn't between its bounds. Delays below them are counted alone: neither database sorts, and
    none hands over, what is only passed by."""

    def ask(columns: Columns) -> _Asked:
        firsts = _firsts(columns, until)
        sums: list[ColumnElement[Any]] = [func.count(), *map(func.count, firsts)]
        values = []
        for first, (least, most) in zip(firsts, bounds, strict=False):
            delay_ms = first - columns["issued_at"]
            sums += [func.count().filter(delay_ms < 0), func.count().filter(delay_ms < least * 1_000)]
            values.append((delay_ms // 1_000, delay_ms.between(least * 1_000, most * 1_000 + 999)))
        return _Asked((), sums, values)

    ((count, *reached), between) = _add_up(transaction, issued, ask)[()]
    reached, below = reached[: len(FIRSTS)], reached[len(FIRSTS) :]
    medians: list[int | None] = []
    for number, early, less, delays in zip(reached, below[::2], below[1::2], between, strict=False):
        place = (number - early - 1) // 2 - (less - early)
        if number > early and not 0 <= place < len(delays):
            return None
        medians.append(sorted(delays)[place] if number > early else None)
    return Cohort(count, tuple(reached), *medians)


def _guess_bounds(transaction: Transaction, issued: _Issued, until: Moment | None) -> tuple[_Bounds, _Bounds]:
    """Between which delays the medians of a long period are likely to be, by the credentials of some of its days."""
    length = issued.length
    if length <= _FEW_DAYS:
        return _ALL, _ALL
    first = date.fromisoformat(issued.first_day)
    days = [(first + timedelta(days=n)).isoformat() for n in range(0, length, -(-length // _SAMPLE_DAYS))]
    opened, shared = ((at - outcomes.c.issued_at) // 1_000 for at in _firsts(_KEPT, until)[:2])
    some = (
        select(opened.label("opened"), shared.label("shared"))
        .join_from(credentials, outcomes, outcomes.c.credential_id == credentials.c.id)
        .where(credentials.c.workspace_id == issued.scope.workspace_id, credentials.c.issue_date.in_(days))
        .limit(_SAMPLE_MOST)
        .subquery()
    )
    sample = transaction.connection.execute(select(*(_all_of(transaction, each) for each in some.c))).one()
    return _middle(sample[0]), _middle(sample[1])


def _middle(found: Any) -> _Bounds:
    """The middle seventh of them: far wider than chance lets the median of a sample miss that of all."""
    sample = sorted(delay for delay in _read_all(found) if delay is not None and delay >= 0)
    if len(sample) < _SAMPLE_LEAST:
        return _ALL
    return sample[len(sample) * 3 // 7], sample[len(sample) * 4 // 7]


def find_steps(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, until: Moment | None = None
) -> Steps:
    """The same as steps of a funnel."""

    def ask(columns: Columns) -> _Asked:
        opened, shared, viewed, verified = _firsts(columns, until)
        # A sum with NULL in it is NULL, which isn't counted: so each counts those that have all of its parts.
        passed = (opened, opened + shared, opened + shared + viewed, opened + shared + viewed + verified)
        return _Asked((), [func.count(), *map(func.count, (*passed, shared, viewed, verified))])

    issued, *found = _add_up(transaction, _Issued(scope, first_day, last_day), ask)[()][0]
    return Steps(issued, tuple(found[:4]), (found[0], *found[4:]))


def _firsts(columns: Columns, until: Moment | None) -> tuple[ColumnElement[Any], ...]:
    """When a credential was first opened, shared, viewed, verified; NULL where it wasn't by then."""
    firsts = tuple(columns[name] for name in FIRSTS)
    return firsts if until is None else tuple(case((first < until, first)) for first in firsts)


def count_by_acts(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, actor: str | None, of: int
) -> list[tuple[int, int]]:
    """How many credentials issued on these days have had which of these acts, by one actor or by both: a sum of
    `counts.bit_of`, and how many have it."""

    def ask(columns: Columns) -> _Asked:
        both = [columns[f"{one}_acts"] for one in ((actor,) if actor else ACTORS)]
        acts = (both[0] if actor else both[0].op("|")(both[1])).op("&")(of)
        return _Asked([acts.label(None)], [func.count()], only=acts > 0)

    found = _add_up(transaction, _Issued(scope, first_day, last_day), ask)
    return [(acts, count) for (acts,), ((count,), _) in found.items()]


def rank_groups(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, order: Order
) -> list[tuple[Any, ...]]:
    """Of each group that issued on these days: id, how many it issued, how many were opened, shared, and the sums of
    guests' views, shares and guests' verifications of these credentials; those of which there is most first."""

    def ask(columns: Columns) -> _Asked:
        counts = (func.count(), func.count(columns["opened_at"]), func.count(columns["shared_at"]))
        return _Asked([columns["group_id"]], [*counts, *(func.sum(columns[name]) for name in TOTALS)])

    found = _add_up(transaction, _Issued(scope, first_day, last_day), ask)
    rows = [(id_, *figures) for (id_,), (figures, _) in found.items()]
    by = 4 + list(_ORDERS).index(order)
    return sorted(rows, key=lambda row: (-row[by], -row[1], row[0]))


def rank_credentials(
    transaction: Transaction, scope: Scope, first_day: str, last_day: str, order: Order, limit: int
) -> Sequence[Any]:
    """The credentials issued on these days of which there is most: rows of id, guest views, shares and guest
    verifications. Those with none of it are left out."""
    issued = _Issued(scope, first_day, last_day)
    best: dict[str, tuple[Any, ...]] = {}
    # Totals only grow: the best of all are among the best outcomes as they are kept and the best of those with more.
    recent = _find_recent(transaction)
    for source, columns in ((outcomes, _KEPT), *(((recent, _WHOLE),) if recent is not None else ())):
        by, id_ = columns[_ORDERS[order]], columns["credential_id"]
        query = issued.look(transaction, source, id_, *(columns[name] for name in TOTALS), only=by > 0)
        rows = transaction.connection.execute(query.order_by(by.desc(), id_).limit(limit))
        best |= {row[0]: tuple(row) for row in rows}
    place = 1 + list(_ORDERS).index(order)
    return sorted(best.values(), key=lambda row: (-row[place], row[0]))[:limit]
