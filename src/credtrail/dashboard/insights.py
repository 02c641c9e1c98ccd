"""What interactions say, as pages: numbers, funnel, series, channels, the best, what was set aside. Wired by `app`.

Each page is one question of `insights.ask`, and comes as a sheet, too, under its name with `.csv`.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from starlette.responses import Response

from credtrail.dashboard import insight_words as words
from credtrail.dashboard.credential_words import REASONS, event_words
from credtrail.dashboard.door import View, Visit
from credtrail.dashboard.insight_words import Tile, Wanted, days_wanted, read_wanted, tile
from credtrail.database import Database, Transaction
from credtrail.designs.store import list_designs
from credtrail.errors import Refusal
from credtrail.groups.store import list_by_name
from credtrail.insights import ask
from credtrail.insights.ask import Question
from credtrail.insights.definitions import DEFINITIONS
from credtrail.insights.figures import RankedCredential, RankedGroup, Summary
from credtrail.values import day_of

MOST_CHOICES = 1_000
PAGES = (
    ("", "Overview"),
    ("/funnel", "Funnel"),
    ("/series", "Over time"),
    ("/channels", "Channels"),
    ("/best", "Best"),
    ("/set-aside", "Set aside"),
)

Find = Callable[[Transaction, Question, Wanted], dict[str, Any]]
Sheet = tuple[list[str], list[list[Any]]]


class Insights:
    """One view for each page and each sheet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self) -> list[View]:
        """For everybody here."""
        path = "/w/{workspace_id}/insights"
        return [
            View("GET", path, self.show_overview),
            View("GET", path + "/funnel", self.show_funnel),
            View("GET", path + "/series", self.show_series),
            View("GET", path + "/channels", self.show_channels),
            View("GET", path + "/best", self.show_best),
            View("GET", path + "/set-aside", self.show_set_aside),
            View("GET", path + "/definitions", self.show_definitions),
            View("GET", path + "/{name}.csv", self.download),
        ]

    async def show_overview(self, visit: Visit) -> Response:
        """The numbers beside those before, and guests' views day by day."""
        return await self._show(visit, "overview", find_overview)

    async def show_funnel(self, visit: Visit) -> Response:
        """From issued to verified."""
        return await self._show(visit, "funnel", find_funnel)

    async def show_series(self, visit: Visit) -> Response:
        """Interactions over time."""
        return await self._show(visit, "series", find_series)

    async def show_channels(self, visit: Visit) -> Response:
        """Channels side by side, and what pages offer beyond."""
        return await self._show(visit, "channels", find_channels)

    async def show_best(self, visit: Visit) -> Response:
        """Groups and credentials."""
        return await self._show(visit, "best", find_best)

    async def show_set_aside(self, visit: Visit) -> Response:
        """What doesn't count, and why."""
        return await self._show(visit, "set_aside", find_set_aside)

    async def show_definitions(self, visit: Visit) -> Response:
        """What every number means; each is an anchor."""
        return visit.page("insights_definitions.html", definitions=DEFINITIONS)

    async def download(self, visit: Visit) -> Response:
        """What a page shows, as CSV."""
        name = visit.path("name")
        if name not in _FINDS:
            raise Refusal("not_found")
        find, sheet = _FINDS[name]
        values = await self._find(visit, find, read_wanted(visit.request.query_params))
        header, rows = sheet(values)
        first, last = values["question"].period[:2]
        return Response(
            words.write_csv(header, rows),
            media_type="text/csv; charset=utf-8",
            headers={
                "content-disposition": f'attachment; filename="{name}-{first}-{last}.csv"',
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
            },
        )

    async def _show(self, visit: Visit, name: str, find: Find) -> Response:
        """The page; a form that asks for what can't be gets its words, and nothing beside."""
        wanted = read_wanted(visit.request.query_params)
        more: dict[str, Any] = {"wanted": wanted, "words": words, "pages": PAGES, "name": name}
        try:
            values = await self._find(visit, find, wanted)
        except Refusal as refusal:
            if refusal.status != 400:
                raise
            choices = await self._database.read(lambda tx: _choices(tx, visit.workspace_id))
            return visit.again(f"insights_{name}.html", refusal, question=None, **choices, **more)
        return visit.page(f"insights_{name}.html", problems={}, **values, **more)

    async def _find(self, visit: Visit, find: Find, wanted: Wanted) -> dict[str, Any]:
        here = visit.workspace_id

        def answer(transaction: Transaction) -> dict[str, Any]:
            today = date.fromisoformat(day_of(transaction.at, visit.time_zone))
            days = days_wanted(wanted, today)
            question = ask.read_question(
                transaction, here, *days, wanted.group or None, wanted.design or None
            )
            found = find(transaction, question, wanted)
            return {"question": question, **found, **_choices(transaction, here)}

        return await self._database.read(answer)


def _choices(transaction: Transaction, workspace_id: str) -> dict[str, Any]:
    designs = list_designs(transaction, workspace_id, edge=None, newer=False, limit=MOST_CHOICES)
    return {
        "groups": list_by_name(transaction, workspace_id, MOST_CHOICES),
        "designs": sorted(((one.id, one.name) for one in designs), key=lambda one: one[1].casefold()),
    }


def tiles_of(summary: Summary) -> list[Tile]:
    """The summary's numbers, in the order they are looked at."""
    return [
        tile("issuedCredentials", "Issued", summary.issued_credentials),
        tile("openRate", "Open rate", summary.open_rate, words.percent),
        tile("shareRate", "Share rate", summary.share_rate, words.percent),
        tile("guestViews", "Views by guests", summary.guest_views),
        tile("shares", "Shares", summary.shares),
        tile("viewsPerShare", "Views per share", summary.views_per_share, words.quotient),
        tile("guestVerifications", "Verifications by guests", summary.guest_verifications),
        tile("recipientViews", "Views by recipients", summary.recipient_views),
        tile("medianSecondsToOpen", "Median time to open", summary.median_seconds_to_open, words.span),
        tile("medianSecondsToShare", "Median time to share", summary.median_seconds_to_share, words.span),
    ]


def find_overview(transaction: Transaction, question: Question, wanted: Wanted) -> dict[str, Any]:
    """Numbers, and guests' views of both periods, column by column."""
    summary = ask.summarize(transaction, question)
    bucket = words.bucket_for(wanted._replace(bucket=""), question.period)
    before = question._replace(period=question.period.before)
    now, then = (
        ask.trace(transaction, one, bucket, ["credential_viewed"], "guest") for one in (question, before)
    )
    counts, earlier = (one.series[0].counts if one.series else [0] * len(one.starts) for one in (now, then))
    earlier = (earlier + [0] * len(counts))[
        : len(counts)
    ]  # where clocks change, the periods differ by an hour
    lines = {"Now": counts, "Period before": earlier}
    return {
        "summary": summary,
        "tiles": tiles_of(summary),
        "chart": words.chart_of("Views by guests", now.starts, bucket, lines),
    }


def _overview_sheet(values: dict[str, Any]) -> Sheet:
    summary: Summary = values["summary"]
    names = [one.name for one in values["tiles"]]
    named = [(name, getattr(summary, _snake(name))) for name in names]
    rows: list[list[Any]] = [[name, "", figure.value, figure.before] for name, figure in named]
    rows += [[one.event_type, one.triggered_by, one.value, one.before] for one in summary.interactions]
    return ["number", "actor", "value", "before"], rows


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def find_funnel(transaction: Transaction, question: Question, wanted: Wanted) -> dict[str, Any]:
    """The steps and their bars."""
    funnel = ask.find_funnel(transaction, question)
    rows = [(words.STEP_WORDS[step.step], step.count, step.count_before) for step in funnel.data]
    return {"funnel": funnel, "bars": words.bars(rows), "kept": words.lost_words(funnel)}


def _funnel_sheet(values: dict[str, Any]) -> Sheet:
    steps = values["funnel"].data
    rows = [[one.step, one.count, one.count_before, one.rate, one.reached] for one in steps]
    return ["step", "count", "countBefore", "rate", "reached"], rows


def find_series(transaction: Transaction, question: Question, wanted: Wanted) -> dict[str, Any]:
    """Columns by type and actor, and the chart of the largest."""
    bucket = words.bucket_for(wanted, question.period)
    series = ask.trace(transaction, question, bucket, (), wanted.actor or None)
    return {"series": series, "chart": words.chart_of_series(series)}


def _series_sheet(values: dict[str, Any]) -> Sheet:
    series = values["series"]
    names = [f"{one.event_type} {one.triggered_by}" for one in series.series]
    columns = zip(*(one.counts for one in series.series), strict=True) if series.series else ()
    rows = [[start, *counts] for start, counts in zip(series.starts, columns, strict=False)]
    return [series.bucket, *names], rows


def find_channels(transaction: Transaction, question: Question, wanted: Wanted) -> dict[str, Any]:
    """Channels and their bars, page actions in words."""
    channels = ask.compare_channels(transaction, question, wanted.actor or None)
    rows = [(event_words(one.event_type), one.count, one.count_before) for one in channels.data]
    return {"channels": channels, "bars": words.bars(rows), "event_words": event_words}


def _channels_sheet(values: dict[str, Any]) -> Sheet:
    found = values["channels"]
    rows = [[one.event_type, "", one.count, one.count_before, one.credentials] for one in found.data]
    rows += [[one.action, one.triggered_by, one.value, one.before, ""] for one in found.page_actions]
    return ["channel", "actor", "count", "countBefore", "credentials"], rows


def find_best(transaction: Transaction, question: Question, wanted: Wanted) -> dict[str, Any]:
    """The best twenty-five of both."""
    return {"ranking": ask.rank(transaction, question, wanted.sort, 25)}  # type: ignore[arg-type]  # only known ones are read


def _best_sheet(values: dict[str, Any]) -> Sheet:
    ranking = values["ranking"]
    rows: list[list[Any]] = []
    for group in ranking.groups:
        counts = [group.issued, group.opened, group.shared, *_counts(group)]
        rows.append(["group", group.group_id, group.name, group.name, "", *counts])
    for one in ranking.data:
        row = [one.credential_id, one.recipient_name, one.group_name, one.issue_date]
        rows.append(["credential", *row, "", "", "", *_counts(one)])
    names = ["issued", "opened", "shared", "guestViews", "shares", "guestVerifications"]
    return ["kind", "id", "name", "group", "issueDate", *names], rows


def _counts(one: RankedCredential | RankedGroup) -> list[int]:
    return [one.guest_views, one.shares, one.guest_verifications]


def find_set_aside(transaction: Transaction, question: Question, wanted: Wanted) -> dict[str, Any]:
    """Reasons in words, and how much day by day."""
    found = ask.weigh_set_aside(transaction, question)
    return {
        "found": found,
        "total": sum(one.value for one in found.reasons),
        "bars": words.bars((event_words(one.reason), one.value, one.before) for one in found.reasons),
        "reasons": REASONS,
        "chart": words.chart_of("Set aside by day", found.days, "day", {"Set aside": found.counts}),
    }


def _set_aside_sheet(values: dict[str, Any]) -> Sheet:
    rows = [[one.reason, REASONS[one.reason], one.value, one.before] for one in values["found"].reasons]
    return ["reason", "meaning", "count", "countBefore"], rows


_FINDS: dict[str, tuple[Find, Callable[[dict[str, Any]], Sheet]]] = {
    "overview": (find_overview, _overview_sheet),
    "funnel": (find_funnel, _funnel_sheet),
    "series": (find_series, _series_sheet),
    "channels": (find_channels, _channels_sheet),
    "best": (find_best, _best_sheet),
    "set-aside": (find_set_aside, _set_aside_sheet),
}
