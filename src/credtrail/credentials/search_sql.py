"""SQL of the search for credentials: the filter's tree compiled with bound parameters. Called by this slice's face.

Every condition is true or false, never unknown, so that NOT turns it round. Names and e-mail addresses are compared
folded (see `values.fold`), by columns that hold them so; the end of an e-mail address by a column that holds it
backwards, for only a beginning can be found by an index.
"""

from typing import Any, NamedTuple

from msgspec.json import decode, encode
from sqlalchemy import ColumnElement, Select, and_, false, func, literal, not_, or_, select, true, tuple_

from credtrail.credentials.model import Credential
from credtrail.credentials.search import Condition, Engagement, Junction, Order
from credtrail.credentials.store import CREDENTIAL_COLUMNS, credentials
from credtrail.database import Transaction, metadata
from credtrail.mail.store import mails
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


def write_edge(found: Found) -> str:
    """Where it stands in the sort's order, as a cursor holds it."""
    return encode((found.value, found.credential.id)).decode()


def read_edge(edge: str | None) -> tuple[str | int, str] | None:
    """The sort value and the id of what `write_edge` wrote."""
    return decode(edge, type=tuple[str | int, str]) if edge is not None else None


def search_credentials(
    transaction: Transaction,
    workspace_id: str,
    filter_: Junction,
    sort: Order,
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


def count_found(
    transaction: Transaction, workspace_id: str, filter_: Junction, *, today: str, limit: int
) -> int:
    """How many credentials fit the filter; counted no further than `limit`."""
    fitting = (
        select(credentials.c.id)
        .where(
            credentials.c.workspace_id == workspace_id,
            _Compiler(transaction.dialect, today).compile(filter_),
        )
        .limit(limit)
    )
    return transaction.connection.execute(select(func.count()).select_from(fitting.subquery())).scalar_one()


def _sorted_by(sort: Order) -> ColumnElement[Any]:
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
        if field == "mail":
            return _mailed(value)
        if field == "revoked":
            return credentials.c.revoked_at.is_not(None)
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
    table = metadata.tables["credential_counts"]
    where = [table.c.credential_id == credentials.c.id, table.c.event_type.in_(value.event_types)]
    if value.by is not None:
        where.append(table.c.triggered_by == value.by)
    if value.at_least == 1:
        return select(table.c.credential_id).where(*where).exists()
    total = select(func.coalesce(func.sum(table.c.count), 0)).where(*where)
    return total.scalar_subquery() >= value.at_least


def _mailed(status: str) -> ColumnElement[bool]:
    of_this = mails.c.credential_id == credentials.c.id
    if status == "none":
        return not_(select(mails.c.id).where(of_this).exists())
    statuses = ("waiting", "claimed", "sending") if status == "waiting" else (status,)
    latest = select(mails.c.status).where(of_this).order_by(mails.c.id.desc()).limit(1).scalar_subquery()
    is_latest = func.coalesce(latest, "").in_(statuses)
    if status == "sent":
        return and_(credentials.c.sent_at.is_not(None), is_latest)
    # Few mails are in another state: these are found by it, and not by asking every credential.
    of_status = select(mails.c.credential_id).where(mails.c.status.in_(statuses))
    return and_(credentials.c.id.in_(of_status), is_latest)
