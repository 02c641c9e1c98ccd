"""/v1/insights. Wired by `app`. All of it is ours."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from credtrail.database import Database, Transaction
from credtrail.insights.ask import (
    Question,
    compare_channels,
    find_funnel,
    rank,
    read_question,
    summarize,
    trace,
)
from credtrail.insights.cohort_store import Order
from credtrail.insights.figures import Channels, Funnel, Ranking, Summary, Timeseries
from credtrail.insights.model import Bucket
from credtrail.values import Actor, Answer, AnyId, EventType, IsoDate, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Limit


class PeriodQuery(Struct, rename="camel"):
    """Days in the workspace's time zone, both included (the last thirty when nothing is said), and whose credentials:
    of a group, of the groups that have a design."""

    first: IsoDate | None = field(default=None, name="from")
    last: IsoDate | None = field(default=None, name="to")
    group_id: AnyId | None = None
    design_id: AnyId | None = None


class TimeseriesQuery(PeriodQuery, rename="camel"):
    """The same, cut into columns; of some event types, of one actor."""

    bucket: Bucket = "day"
    event_type: list[EventType] = []
    triggered_by: Actor | None = None


class ChannelsQuery(PeriodQuery, rename="camel"):
    """The same, of one actor."""

    triggered_by: Actor | None = None


class RankingQuery(PeriodQuery, rename="camel"):
    """The same, and what is best."""

    sort: Order = "guestViews"
    limit: Limit = 20


class Insights:
    """What interactions say of the caller's workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        return [
            self._endpoint(
                "summary",
                self.summarize,
                "Summarize a period",
                Summary,
                PeriodQuery,
                "Its numbers beside those of the period before; each is defined in the documents, under metrics.",
            ),
            self._endpoint(
                "timeseries",
                self.trace,
                "Interactions over time",
                Timeseries,
                TimeseriesQuery,
                "By hour (of up to 400), day, week or month (of up to 800), in the workspace's time zone.",
            ),
            self._endpoint(
                "funnel",
                self.show_funnel,
                "From issued to verified",
                Funnel,
                PeriodQuery,
                "Of the credentials issued in the period and still there; each step is a subset of the one above.",
            ),
            self._endpoint(
                "channels",
                self.compare_channels,
                "Channels side by side",
                Channels,
                ChannelsQuery,
                "How often credentials were passed on by each, and what pages offer beyond.",
            ),
            self._endpoint(
                "credentials",
                self.rank,
                "The best credentials and groups",
                Ranking,
                RankingQuery,
                "Of those issued in the period, best first; what has none of what is sorted by is left out.",
            ),
        ]

    def _endpoint(
        self,
        name: str,
        act: Callable[[Call], Any],
        summary: str,
        shape: Any,
        query: type[Struct],
        description: str,
    ) -> Endpoint:
        return Endpoint(
            "GET",
            f"/insights/{name}",
            act,
            summary,
            shape,
            query=query,
            description=description,
            tag="Insights",
        )

    async def summarize(self, call: Call) -> Answer:
        """Refuses, as all of these do, what isn't a period, and a group or design that isn't the workspace's."""
        return await self._answer(call, summarize)

    async def trace(self, call: Call) -> Answer:
        """Refuses more columns than fit."""
        query = call.query
        return await self._answer(
            call, lambda tx, question: trace(tx, question, query.bucket, query.event_type, query.triggered_by)
        )

    async def show_funnel(self, call: Call) -> Answer:
        """The steps."""
        return await self._answer(call, find_funnel)

    async def compare_channels(self, call: Call) -> Answer:
        """All channels, the most used first."""
        actor = call.query.triggered_by
        return await self._answer(call, lambda tx, question: compare_channels(tx, question, actor))

    async def rank(self, call: Call) -> Answer:
        """Credentials and groups."""
        query = call.query
        return await self._answer(call, lambda tx, question: rank(tx, question, query.sort, query.limit))

    async def _answer(self, call: Call, find: Callable[[Transaction, Question], Any]) -> Answer:
        workspace_id, query = call.caller.workspace_id, call.query

        def ask(transaction: Transaction) -> Any:
            asked = (query.first, query.last, query.group_id, query.design_id)
            return find(transaction, read_question(transaction, workspace_id, *asked))

        return answer(200, await self._database.read(ask))
