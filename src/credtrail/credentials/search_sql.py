"""SQL of the search for credentials: the filter's tree compiled with bound parameters. Called by this slice's face.

Every condition is true or false, never unknown, so that NOT turns it round. Names and e-mail addresses are compared
folded (see `values.fold`), by columns that hold them so; the end of an e-mail address by a column that holds it
backwards, for only a beginning can be found by an index.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, not_, or_, select, true, tuple_

from credtrail.credentials.model import Credential
from credtrail.credentials.search import Condition, Engagement, Junction, Sort
from credtrail.credentials.store import CREDENTIAL_COLUMNS, credentials
from credtrail.database import Transaction, metadata
from credtrail.values import fold

_COLUMNS: dict[str, ColumnElement[Any]] = {
    "id": credentials.c.id,
    "publicId": credentials.c.public_id,
    "groupId": credentials.c.group_id,
    "recipient.name": credentials.c.folded_name,
    "recipient.email": credentials.c.folded_email,
    "issueDate": credentials.c.issue_date,
    "expiryDate": credentials.c.expiry_date,
    "createdAt": credentials.c.created_at,
    "updatedAt": credentials.c.updated_at,
}
_FOLDED = ("recipient.name", "recipient.email")
_NEVER = "9999-99-99"
"""Where a credential without expiry date stands among the others: after all days."""


class Found(NamedTuple):
    """A credential that a search found, and what it is sorted by."""

    credential: Credential
    value: str | int


def search_credentials(
    transaction: Transaction,
    workspace_id: str,
    filter_: Junction,
    sort: Sort,
    *,
    today: str,
    edge: tuple[str | int, str] | None,
    back: bool,
    limit: int,
) -> list[Found]:
    """Up to `limit` credentials after the edge (sort value, id) in the sort's order; with `back` those before it,
    nearest first. `today` is the day in the workspace's time zone, by which issued ones count as expired."""
    column = _sorted_by(sort)
    compiler = _Compiler(transaction.dialect, today)
    query: Select[Any] = select(*CREDENTIAL_COLUMNS, column).where(
        credentials.c.workspace_id == workspace_id, compiler.compile(filter_)
    )
    ascending = (sort.order == "asc") is not back
    by_id = sort.property == "id"
    place = column if by_id else tuple_(column, credentials.c.id)
    if edge is not None:
        limit_at = literal(edge[1]) if by_id else tuple_(literal(edge[0]), literal(edge[1]))
        query = query.where(place > limit_at if ascending else place < limit_at)
    for one in (column,) if by_id else (column, credentials.c.id):
        query = query.order_by(one.asc() if ascending else one.desc())
    rows = transaction.connection.execute(query.limit(limit))
    return [Found(Credential(*row[:-1]), row[-1]) for row in rows]


def _sorted_by(sort: Sort) -> ColumnElement[Any]:
    column = _COLUMNS[sort.property]
    return func.coalesce(column, _NEVER) if sort.property == "expiryDate" else column


class _Compiler:
    def __init__(self, dialect: str, today: str) -> None:
        self._dialect = dialect
        self._today = today

    def compile(self, part: Junction | Condition) -> ColumnElement[bool]:
        if isinstance(part, Condition):
            return self._compile_condition(part)
        parts = [self.compile(one) for one in part.parts]
        if part.kind == "AND":
            return and_(true(), *parts)
        either = or_(false(), *parts)
        return either if part.kind == "OR" else not_(either)

    def _compile_condition(self, condition: Condition) -> ColumnElement[bool]:
        field, operator, value = condition
        if field == "interactions":
            return _engaged(value)
        if field == "status":
            return or_(false(), *(self._has_status(one) for one in _as_tuple(value)))
        if field.startswith("customAttributes."):
            column = self._custom(field.partition(".")[2])
        else:
            column = _COLUMNS[field]
        if value is None:
            return column.is_(None)
        if field in _FOLDED:
            value = tuple(map(fold, value)) if operator == "in" else fold(value)
        if operator == "endsWith" and field == "recipient.email":
            return _begins(credentials.c.reversed_email, value[::-1])
        if operator == "startsWith" and field in _COLUMNS:
            return _begins(column, value)
        return self._compare(column, operator, value)

    def _compare(self, column: ColumnElement[Any], operator: str, value: Any) -> ColumnElement[bool]:
        match operator:
            case "equals":
                found = column == value
            case "in":
                found = column.in_(value)
            case "lt":
                found = column < value
            case "lte":
                found = column <= value
            case "gt":
                found = column > value
            case "gte":
                found = column >= value
            case "startsWith":
                found = func.substr(column, 1, len(value)) == value
            case "endsWith":
                found = func.substr(column, func.length(column) - len(value) + 1) == value
            case _:
                place = func.instr if self._dialect == "sqlite" else func.strpos
                found = place(column, value) > 0
        return _known(column, found)

    def _has_status(self, status: str) -> ColumnElement[bool]:
        issued = credentials.c.status == "issued"
        # Not the bare column: its index would be taken for this, which most old credentials fit, and all be sorted.
        outlived = func.coalesce(credentials.c.expiry_date, _NEVER) < self._today
        if status == "expired":
            return and_(issued, outlived)
        return and_(issued, not_(outlived)) if status == "issued" else credentials.c.status == status

    def _custom(self, tag: str) -> ColumnElement[Any]:
        if self._dialect == "sqlite":
            # The path is a value, too; its quoting is JSON's.
            return func.json_extract(credentials.c.custom_attributes, literal(f'$."custom.{tag}"'))
        return func.json_extract_path_text(credentials.c.custom_attributes, f"custom.{tag}")


def _begins(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """As a range, which an index answers; text is compared byte by byte, which in UTF-8 is the order of code points."""
    after = _first_after(value)
    return _known(column, and_(column >= value, column < after) if after else column >= value)


def _first_after(beginning: str) -> str | None:
    """The least text greater than all that begin so; None when there is none."""
    for end in range(len(beginning), 0, -1):
        code = ord(beginning[end - 1])
        if code < 0x10FFFF:
            # From the last before the surrogates, which no text can hold, to the first after them.
            return beginning[: end - 1] + chr(0xE000 if code == 0xD7FF else code + 1)
    return None


def _known(column: ColumnElement[Any], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(column.is_not(None), condition)


def _as_tuple(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


def _engaged(value: Engagement) -> ColumnElement[bool]:
    # The counts belong to interactions, which stand above; the question is asked here since it filters rows of ours.
    counts = metadata.tables["credential_counts"]
    query = select(func.coalesce(func.sum(counts.c.count), 0)).where(
        counts.c.credential_id == credentials.c.id, counts.c.event_type == value.event_type
    )
    if value.by is not None:
        query = query.where(counts.c.triggered_by == value.by)
    return query.scalar_subquery() >= value.at_least
