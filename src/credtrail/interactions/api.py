"""/v1/credential-interactions. Wired by `app`. Source: contract, section 2."""

from collections.abc import AsyncIterator, Awaitable
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.json import encode

from credtrail.accounts.store import time_zone_of
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.interactions.counts import list_set_aside_counts
from credtrail.interactions.export import Format, export_chunks
from credtrail.interactions.log import Log
from credtrail.interactions.model import (
    Filters,
    Interaction,
    InteractionAnswer,
    NewInteraction,
    Reason,
    SetAsideAnswer,
    present_interaction,
    read_triggered_at,
)
from credtrail.interactions.record import Entry, Outcome, Recorder, Submission
from credtrail.interactions.visits import SetAside, list_set_aside
from credtrail.values import (
    Actor,
    Answer,
    AnyId,
    DateTime,
    EventType,
    IsoDate,
    Stream,
    answer,
    day_of,
    must,
    now,
    parse_date,
    parse_moment,
    present_moment,
)
from credtrail.web.endpoint import Call, Endpoint, ErrorBody, present_error
from credtrail.web.paging import Cursor, Cursors, Limit, Pagination
from credtrail.web.parse import parse_body

MOST_IN_BATCH = 1_000
MOST_DAYS = 366
USUAL_DAYS = 30


class FilterQuery(Struct, rename="camel"):
    """Filters of lists and exports, all optional, all at once."""

    credential_id: AnyId | None = None
    group_id: AnyId | None = None
    event_type: list[EventType] = []
    triggered_by: Actor | None = None
    triggered_from: DateTime | None = None
    triggered_to: DateTime | None = None


class ListQuery(FilterQuery, rename="camel"):
    """A page of the filtered list."""

    cursor: Cursor | None = None
    limit: Limit = 20


class ExportQuery(FilterQuery, rename="camel"):
    """A whole filtered list as a file."""

    format: Format = "ndjson"


class InteractionsPage(Struct):
    """One page of interactions, newest first."""

    data: list[InteractionAnswer]
    pagination: Pagination


class SetAsideQuery(Struct, rename="camel"):
    """A page of what was set aside; filters optional, both at once."""

    credential_id: AnyId | None = None
    reason: Reason | None = None
    cursor: Cursor | None = None
    limit: Limit = 20


class SetAsidePage(Struct):
    """One page of what was set aside, newest first."""

    data: list[SetAsideAnswer]
    pagination: Pagination


class DaysQuery(Struct, rename="camel"):
    """From one day to another, both included, in the workspace's time zone."""

    day_from: IsoDate | None = None
    day_to: IsoDate | None = None


class SetAsideCount(Struct):
    """How many were set aside on a day for a reason."""

    day: str
    reason: Reason
    count: int


class SetAsideCounts(Struct):
    """Counts by day and reason, oldest first; what isn't there is none."""

    data: list[SetAsideCount]


class NewInteractions(Struct):
    """Many interactions at once."""

    data: Annotated[
        list[Any],  # each item is read by itself, so that one wrong item refuses only itself
        must(f"be a list of 1 to {MOST_IN_BATCH} interactions", min_length=1, max_length=MOST_IN_BATCH),
        Meta(extra_json_schema={"items": {"$ref": "#/components/schemas/NewInteraction"}}),
    ]


class BatchResult(Struct, omit_defaults=True, rename="camel"):
    """What became of one item: its interaction or its error."""

    status: Literal[201, 400]
    credential_interaction: InteractionAnswer | None = None
    error: ErrorBody | None = None


class BatchAnswer(Struct):
    """The results, in the order of the items."""

    data: list[BatchResult]


class Interactions:
    """Interactions of the caller's workspace."""

    def __init__(self, database: Database, log: Log, recorder: Recorder, cursors: Cursors) -> None:
        self._database = database
        self._log = log
        self._recorder = recorder
        self._cursors = cursors

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        base, tag = "/credential-interactions", "Credential interactions"
        return [
            Endpoint(
                "POST",
                base,
                self.create,
                "Create a credential interaction",
                InteractionAnswer,
                201,
                body=NewInteraction,
                refusals=("conflict",),
                description="Recorded as sent. When the answer comes, it is on disk.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                base,
                self.list_page,
                "List credential interactions",
                InteractionsPage,
                query=ListQuery,
                description="Newest first, by the time they were received.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{base}/batch",
                self.create_batch,
                "Create many credential interactions",
                BatchAnswer,
                body=NewInteractions,
                refusals=("conflict",),
                description="All valid items are recorded in one transaction; the others come back with their error.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{base}/export",
                self.export,
                "Export credential interactions",
                None,
                query=ExportQuery,
                description="Oldest first, as NDJSON, CSV or Parquet, streamed.",
                media_types=("application/x-ndjson", "text/csv", "application/vnd.apache.parquet"),
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{base}/{{id}}",
                self.get,
                "Get a credential interaction",
                InteractionAnswer,
                refusals=("not_found",),
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{base}/set-aside",
                self.list_set_aside,
                "List what was set aside",
                SetAsidePage,
                query=SetAsideQuery,
                description="What credential pages sent and what isn't a person's doing, each with its reason. "
                "Newest first; kept for some days, and no more than some rows for each credential and hour.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{base}/set-aside/counts",
                self.count_set_aside,
                "Count what was set aside",
                SetAsideCounts,
                query=DaysQuery,
                description="By day and reason, the last 30 days if nothing else is asked for. "
                "Everything that was set aside is in it.",
                tag=tag,
            ),
        ]

    def create(self, call: Call) -> Awaitable[Answer]:
        """Record one interaction as sent. Assumed: success is 201; the public pages don't say 200 or 201."""
        entry = _read_entry(call.body)
        return self._recorder.record(
            Submission(call.caller.workspace_id, (entry,), _present_one, call.idempotency_key)
        )

    async def create_batch(self, call: Call) -> Answer:
        """Record the valid items in one transaction; 200 with a result per item, in order."""
        entries = [_read_item(item) for item in call.body.data]
        return await self._recorder.record(
            Submission(call.caller.workspace_id, entries, _present_batch, call.idempotency_key)
        )

    async def list_page(self, call: Call) -> Answer:
        """One page, newest first."""
        workspace_id, filters = call.caller.workspace_id, _read_filters(call.query)
        scope = ("credential-interactions", workspace_id, filters)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)
        found = await self._database.read(
            lambda transaction: self._log.page(transaction, workspace_id, filters, **slice_._asdict())
        )
        page, pagination = self._cursors.page(found, slice_, scope, lambda interaction: interaction.id)
        return answer(200, InteractionsPage([present_interaction(one) for one in page], pagination))

    async def get(self, call: Call) -> Answer:
        """One interaction."""
        found = await self._database.read(
            lambda transaction: self._log.find(transaction, call.caller.workspace_id, call.path["id"])
        )
        if found is None:
            raise Refusal("not_found")
        return answer(200, present_interaction(found))

    async def export(self, call: Call) -> Stream:
        """Everything that fits the filters and was received before the export began, oldest first."""
        workspace_id, filters = call.caller.workspace_id, _read_filters(call.query)

        async def batches() -> AsyncIterator[list[Interaction]]:
            until = await self._database.read(
                lambda transaction: self._log.page(
                    transaction, workspace_id, filters, edge=None, newer=False, limit=1
                )
            )
            edge = ""
            while until and edge < until[0].id:
                batch = await self._database.read(
                    lambda transaction, edge=edge: self._log.page(  # type: ignore[misc]
                        transaction, workspace_id, filters, edge=edge, newer=True, limit=5_000
                    )
                )
                batch = [one for one in batch if one.id <= until[0].id]
                if not batch:
                    return
                yield batch
                edge = batch[-1].id

        return export_chunks(call.query.format, batches())

    async def list_set_aside(self, call: Call) -> Answer:
        """One page of what pages sent and was set aside, newest first."""
        workspace_id, query = call.caller.workspace_id, call.query
        scope = ("set-aside", workspace_id, query.credential_id, query.reason)
        slice_ = self._cursors.read(query.cursor, query.limit, scope)
        found = await self._database.read(
            lambda transaction: list_set_aside(
                transaction,
                workspace_id,
                credential_id=query.credential_id,
                reason=query.reason,
                **slice_._asdict(),
            )
        )
        page, pagination = self._cursors.page(found, slice_, scope, lambda aside: aside.id)
        return answer(200, SetAsidePage([_present_set_aside(one) for one in page], pagination))

    async def count_set_aside(self, call: Call) -> Answer:
        """Counts by day and reason; refuses more than a year at once."""
        workspace_id = call.caller.workspace_id

        def ask(transaction: Transaction) -> SetAsideCounts:
            today = day_of(transaction.at, time_zone_of(transaction, call.caller.workspace_id))
            first, last = _read_days(call.query, date.fromisoformat(today))
            found = list_set_aside_counts(transaction, workspace_id, first, last)
            return SetAsideCounts([SetAsideCount(day, reason, count) for day, reason, count in found])  # type: ignore[arg-type]

        return answer(200, await self._database.read(ask))


def _read_entry(new: NewInteraction) -> Entry:
    return Entry(
        new.credential_id, new.event_type, new.triggered_by, read_triggered_at(new.triggered_at, now())
    )


def _read_item(item: Any) -> Entry | Refusal:
    try:
        return _read_entry(parse_body(NewInteraction, encode(item)))
    except Refusal as refusal:
        return refusal


def _present_one(outcomes: list[Outcome]) -> Answer:
    [outcome] = outcomes
    if isinstance(outcome, Refusal):
        raise outcome
    assert isinstance(outcome, Interaction)
    return answer(201, present_interaction(outcome))


def _present_batch(outcomes: list[Outcome]) -> Answer:
    return answer(200, BatchAnswer([_present_result(outcome) for outcome in outcomes]))


def _present_result(outcome: Outcome) -> BatchResult:
    if isinstance(outcome, Refusal):
        return BatchResult(400, error=present_error(outcome))
    assert isinstance(outcome, Interaction)
    return BatchResult(201, credential_interaction=present_interaction(outcome))


def _read_filters(query: FilterQuery) -> Filters:
    return Filters(
        query.credential_id,
        query.group_id,
        tuple(sorted(set(query.event_type))),
        query.triggered_by,
        _read_bound("triggeredFrom", query.triggered_from),
        _read_bound("triggeredTo", query.triggered_to),
    )


def _read_days(query: DaysQuery, today: date) -> tuple[str, str]:
    last = _read_day("dayTo", query.day_to) or today
    first = _read_day("dayFrom", query.day_from)
    if first is None:
        first = last - timedelta(days=min(USUAL_DAYS - 1, (last - date.min).days))
    if first > last:
        raise invalid("dayFrom", "must not be after dayTo")
    if (last - first).days >= MOST_DAYS:
        raise invalid("dayFrom", f"must not be more than {MOST_DAYS - 1} days before dayTo")
    return first.isoformat(), last.isoformat()


def _read_day(field: str, text: str | None) -> date | None:
    try:
        return None if text is None else parse_date(text)
    except ValueError:
        raise invalid(field, "must be a calendar day written YYYY-MM-DD") from None


def _present_set_aside(aside: SetAside) -> SetAsideAnswer:
    return SetAsideAnswer(
        aside.id,
        aside.credential_id,
        aside.event_type,  # type: ignore[arg-type]  # only known types are set aside
        aside.triggered_by,  # type: ignore[arg-type]
        present_moment(aside.triggered_at),
        aside.reason,
    )


def _read_bound(field: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise invalid(
            field, "must be an ISO 8601 date and time with Z or an offset, such as 2024-03-12T17:33:05.784Z"
        ) from None
