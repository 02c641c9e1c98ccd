"""Insights equal a naive recount of what happened, in random worlds: time zones whose clocks change, credentials that
were deleted, edges of periods, groups and designs, on both databases."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import median_low
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from conftest import examples, in_transaction
from credtrail.accounts.store import add_workspace, workspaces
from credtrail.credentials.outcome_store import outcomes
from credtrail.credentials.store import (
    add_credential,
    credentials,
    delete_credential,
    issue_credential,
    save_credential,
)
from credtrail.database import run_all
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.insights import cohort_store
from credtrail.insights.ask import (
    CHANNELS,
    STEPS,
    compare_channels,
    find_funnel,
    rank,
    read_question,
    summarize,
    trace,
)
from credtrail.insights.definitions import DEFINITIONS, as_table
from credtrail.interactions.counts import add_counts, add_page_counts, gather_engagements
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.model import Interaction, PageActed
from credtrail.interactions.visits import SetAside
from credtrail.values import day_of, hour_of, parse_moment
from documents import ROOT
from recount import hour_begun, is_share

NOW = parse_moment("2026-04-10T12:34:56Z")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
]
# Where clocks change in these zones, and around now.
DAYS = [date(2025, 11, 2), date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 4, 9)]
TYPES = ["credential_viewed", "credential_shared_to_linkedin", "credential_added_to_linkedin_profile",
         "credential_verified", "credential_link_copied"]  # fmt: skip


class World(NamedTuple):
    """What is drawn: credentials as (group, day, minutes until it became issued, status), what happened to them as
    (credential, type, actor, moment), page actions and what was set aside as (group, moment), who is deleted; after how
    many of the interactions they are gathered, and how many credentials at once."""

    zone: str
    credentials: list
    happened: list
    acted: list
    aside: list
    deleted: set
    gathered: tuple = (0, 0)


class Asked(NamedTuple):
    """The question: days, and what it is narrowed down to; whether medians are looked for where a sample has them."""

    first: date
    length: int
    group: int | None
    design: int | None
    bucket: str
    actor: str | None
    order: str
    guessing: bool = False


near = st.builds(
    lambda day, quarters: int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000)
    + quarters * 900_000 + quarters % 7 * 1_001,
    st.sampled_from(DAYS),
    st.integers(-120, 140),
).filter(lambda at: at <= NOW)  # fmt: skip
days = st.builds(lambda day, more: day + timedelta(days=more), st.sampled_from(DAYS), st.integers(-2, 1))
actors = st.sampled_from(["recipient", "guest"])
worlds = st.builds(
    World,
    st.sampled_from(ZONES),
    st.lists(
        st.tuples(st.integers(0, 2), days, near, st.sampled_from(["issued", "issued", "issued", "draft"])),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(TYPES), actors, near), max_size=40),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["printed", "shared_to_reddit"]), actors, near), max_size=5),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["robot", "repeat"]), near), max_size=5),
    st.sets(st.integers(0, 5), max_size=2),
    st.tuples(st.integers(0, 40), st.integers(1, 6)),
)  # fmt: skip
questions = st.builds(
    Asked,
    days,
    st.sampled_from([1, 2, 3, 7, 28, 160]),
    st.sampled_from([None, None, 0, 1]),
    st.sampled_from([None, None, 0, 1]),
    st.sampled_from(["hour", "day", "week", "month"]),
    st.sampled_from([None, "recipient", "guest"]),
    st.sampled_from(["guestViews", "shares", "guestVerifications"]),
    st.booleans(),
)
_BERLIN = World(
    "Europe/Berlin",
    [(0, date(2026, 3, 28), parse_moment("2026-03-28T22:00:00Z"), "issued"),
     (1, date(2026, 3, 29), parse_moment("2026-03-28T23:00:00Z"), "issued")],
    [(0, "credential_viewed", "recipient", parse_moment("2026-03-28T23:59:59.999Z")),
     (0, "credential_viewed", "recipient", parse_moment("2026-03-29T01:00:00Z")),
     (0, "credential_shared_to_linkedin", "recipient", parse_moment("2026-03-29T21:59:59.999Z")),
     (1, "credential_viewed", "guest", parse_moment("2026-03-29T22:00:00Z"))],
    [], [], {1},
)  # fmt: skip

# The period before is taken as it stood five days before now, to the millisecond.
_BEFORE = World(
    "UTC",
    [(0, date(2026, 4, day), parse_moment("2026-04-01T00:00:00Z"), "issued") for day in (1, 2, 4)],
    [(0, "credential_viewed", "recipient", parse_moment("2026-04-05T12:34:55.999Z")),
     (1, "credential_viewed", "recipient", parse_moment("2026-04-05T12:34:56Z")),
     (2, "credential_shared_to_linkedin", "recipient", parse_moment("2026-04-05T12:50:00Z"))],
    [], [], set(),
)  # fmt: skip


@given(worlds, questions)
@example(_BEFORE, Asked(date(2026, 4, 5), 5, None, None, "week", None, "shares"))
@example(_BERLIN, Asked(date(2026, 3, 29), 1, None, None, "hour", None, "shares"))
@hypothesis_settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_insights_equal_a_naive_recount(settings, monkeypatch, world, asked):
    # A sample of a handful is often wrong: then all delays are looked at.
    for name in ("_FEW_DAYS", "_SAMPLE_LEAST"):
        monkeypatch.setattr(cohort_store, name, 1 if asked.guessing else 1_000)
    monkeypatch.setattr(cohort_store, "_FEW", 1 if asked.guessing else 1_000)
    if asked.bucket == "hour" and asked.length > 3:
        asked = asked._replace(bucket="day")

    def act(transaction):
        transaction.at = NOW
        workspace, groups = build(transaction, world)
        ids = [one[0] for one in workspace.credentials]
        for number in world.deleted:
            if number < len(ids):
                delete_credential(transaction, workspace.id, ids[number])
        last = asked.first + timedelta(days=asked.length - 1)
        question = read_question(
            transaction,
            workspace.id,
            asked.first.isoformat(),
            last.isoformat(),
            None if asked.group is None else groups[asked.group],
            None if asked.design is None else BUILT_IN[asked.design].id,
        )
        naive = Naive(world, asked, workspace.credentials, groups)
        naive.compare_summary(summarize(transaction, question))
        naive.compare_funnel(find_funnel(transaction, question))
        naive.compare_series(trace(transaction, question, asked.bucket, TYPES[:4], asked.actor))
        naive.compare_channels(compare_channels(transaction, question, asked.actor))
        naive.compare_ranking(rank(transaction, question, asked.order, 3))

    in_transaction(settings, act)


class Stage(NamedTuple):
    """The workspace of one world; its credentials as (id, group id, issue date, issued at, status)."""

    id: str
    credentials: list


def build(transaction, world):
    """Record all of it, in a workspace of its own; a neighbour has the same."""
    transaction.connection.execute(delete(credentials))
    transaction.connection.execute(delete(workspaces))
    made = [_build(transaction, world, name) for name in ("Neighbour", "Meadow")]
    return made[1]


def _build(transaction, world, name):
    workspace = add_workspace(transaction, name, world.zone)
    # The first two designs: one of the first group, one of the others.
    groups = [add_group(transaction, workspace.id, f"G{n}", [BUILT_IN[min(n, 1)].id]).id for n in range(3)]
    issued = []
    for number, (group, day, issued_at, status) in enumerate(world.credentials):
        began = "draft" if number % 2 else status
        one = add_credential(
            transaction, workspace.id, groups[group], (None, "Robin", None), ("2025-01-01", None), status=began
        )  # fmt: skip
        save_credential(transaction, one._replace(issue_date=day.isoformat()))
        if began != status:
            issue_credential(transaction, workspace.id, one.id)
        transaction.connection.execute(
            update(outcomes).where(outcomes.c.credential_id == one.id).values(issued_at=issued_at)
        )
        issued.append((one.id, groups[group], day, issued_at, status))
    log = [
        Interaction(transaction.new_id(), workspace.id, issued[number][1], issued[number][0], *what, "api")
        for number, *what in world.happened
        if number < len(issued)
    ]
    counted = [
        (one, day_of(one.triggered_at, world.zone), hour_of(one.triggered_at, world.zone)) for one in log
    ]
    acted = [
        (PageActed(workspace.id, groups[group], action, by), day_of(at, world.zone))
        for group, action, by, at in world.acted
    ]
    aside = [
        (SetAside("x", workspace.id, "x", "credential_viewed", "guest", at, reason), groups[group], day_of(at, world.zone))
        for group, reason, at in world.aside
    ]  # fmt: skip
    after, at_once = world.gathered
    run_all(transaction, (*SqlLog().append(log), *add_counts(counted[:after])))
    gather_engagements(transaction, at_once)
    run_all(transaction, (*add_counts(counted[after:]), *add_page_counts(acted, aside)))
    return Stage(workspace.id, issued), groups


class Naive:
    """Everything counted by looking at everything."""

    def __init__(self, world, asked, issued, groups):
        self.zone, self.asked, self.groups = ZoneInfo(world.zone), asked, groups
        wanted = {n for n in range(3) if asked.group in (None, n)}
        wanted &= {n for n in range(3) if asked.design in (None, min(n, 1))}
        self.happened = [
            (number, *what)
            for number, *what in world.happened
            if number < len(issued) and groups.index(issued[number][1]) in wanted
        ]
        self.acted = [one[1:] for one in world.acted if one[0] in wanted]
        self.aside = [one[1:] for one in world.aside if one[0] in wanted]
        self.there = [
            (number, *one)
            for number, one in enumerate(issued)
            if number not in world.deleted and one[4] == "issued" and groups.index(one[1]) in wanted
        ]
        self.first, self.last = asked.first, asked.first + timedelta(days=asked.length - 1)

    def day(self, at):
        return datetime.fromtimestamp(at / 1_000, self.zone).date()

    def spans(self):
        """Now and before; the second with the moment as of which it is taken."""
        back = timedelta(days=self.asked.length)
        lag = self._midnight(self.first) - self._midnight(self.first - back)
        return (self.first, self.last, None), (self.first - back, self.last - back, NOW - lag)

    def _midnight(self, day):
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp() * 1_000)

    def sums(self, rows, span):
        first, last, _ = span
        return Counter(tuple(key) for *key, at in rows if first <= self.day(at) <= last)

    def facts(self, span):
        """Of each credential issued in the span: delays, None where it never was, of opened, shared, viewed, verified."""
        first, last, until = span
        found = {}
        for number, id_, _, day, issued_at, _ in self.there:
            if not first <= day <= last:
                continue
            acts = [one for one in self.happened if one[0] == number and (until is None or one[3] < until)]
            firsts = []
            for by, is_it in (
                ("recipient", lambda type_: type_ == "credential_viewed"),
                ("recipient", is_a_share),
                ("guest", lambda type_: type_ == "credential_viewed"),
                ("guest", lambda type_: type_ == "credential_verified"),
            ):
                times = [at for _, type_, actor, at in acts if actor == by and is_it(type_)]
                firsts.append(min(times) - issued_at if times else None)
            found[id_] = firsts
        return found

    def compare_summary(self, summary):
        spans = self.spans()
        facts = [list(self.facts(span).values()) for span in spans]
        sums = [self.sums([one[1:] for one in self.happened], span) for span in spans]

        def both(count):
            return tuple(count(*one) for one in zip(facts, sums, strict=True))

        def said(figure):
            return figure.value, figure.before

        assert said(summary.issued_credentials) == both(lambda facts, _: len(facts))
        for number, figure in enumerate(
            (summary.opened_credentials, summary.shared_credentials, summary.guest_viewed_credentials,
             summary.guest_verified_credentials)
        ):  # fmt: skip
            assert said(figure) == both(lambda facts, _, n=number: sum(one[n] is not None for one in facts))
        for number, rate, median in (
            (0, summary.open_rate, summary.median_seconds_to_open),
            (1, summary.share_rate, summary.median_seconds_to_share),
        ):

            def quotient(facts, _, n=number):
                return round(sum(one[n] is not None for one in facts) / len(facts), 4) if facts else None

            def middle(facts, _, n=number):
                delays = [one[n] for one in facts if one[n] is not None and one[n] >= 0]
                return median_low(delays) // 1_000 if delays else None

            assert said(rate) == both(quotient)
            assert said(median) == both(middle)

        self.compare_sums(summary, sums)

    def compare_sums(self, summary, sums):
        def both(count):
            return tuple(map(count, sums))

        def said(figure):
            return figure.value, figure.before

        def views(sums):
            return sums["credential_viewed", "guest"]

        def shares(sums):
            return sum(
                count for (type_, by), count in sums.items() if by == "recipient" and is_a_share(type_)
            )

        assert said(summary.guest_views) == both(views)
        assert said(summary.shares) == both(shares)
        assert said(summary.recipient_views) == both(lambda sums: sums["credential_viewed", "recipient"])
        assert said(summary.guest_verifications) == both(lambda sums: sums["credential_verified", "guest"])
        assert said(summary.views_per_share) == both(
            lambda sums: round(views(sums) / shares(sums), 4) if shares(sums) else None
        )
        for which, counted in enumerate(sums):
            shown = {
                (one.event_type, one.triggered_by): (one.value, one.before)[which]
                for one in summary.interactions
            }
            assert +Counter(shown) == counted
        self.compare_page_actions(summary.page_actions, None)
        for which, span in enumerate(self.spans()):
            aside = {one.reason: (one.value, one.before)[which] for one in summary.set_aside}
            assert +Counter(aside) == Counter(
                {reason: count for (reason,), count in self.sums(self.aside, span).items()}
            )

    def compare_page_actions(self, figures, actor):
        for which, span in enumerate(self.spans()):
            shown = {(one.action, one.triggered_by): (one.value, one.before)[which] for one in figures}
            acted = [one for one in self.acted if actor in (None, one[1])]
            assert +Counter(shown) == self.sums(acted, span)

    def compare_funnel(self, funnel):
        now, then = (list(self.facts(span).values()) for span in self.spans())
        assert [step.step for step in funnel.data] == list(STEPS)
        for number, step in enumerate(funnel.data):
            counts = [sum(None not in one[:number] for one in facts) for facts in (now, then)]
            assert [step.count, step.count_before] == counts
            assert step.reached == (sum(one[number - 1] is not None for one in now) if number else len(now))
            assert step.rate == (round(counts[0] / len(now), 4) if now else None)
            assert number == 0 or step.count <= funnel.data[number - 1].count

    def compare_series(self, series):
        bucket, actor = self.asked.bucket, self.asked.actor
        assert series.starts == self.starts(bucket)
        counted = defaultdict(Counter)
        for _, type_, by, at in self.happened:
            if type_ in TYPES[:4] and actor in (None, by) and self.first <= self.day(at) <= self.last:
                counted[type_, by][self.start(at, bucket)] += 1
        shown = {
            (one.event_type, one.triggered_by): +Counter(dict(zip(series.starts, one.counts, strict=True)))
            for one in series.series
        }
        assert shown == dict(counted)
        assert all(one.total == sum(one.counts) for one in series.series)

    def start(self, at, bucket):
        day = self.day(at)
        if bucket == "hour":
            begun = hour_begun(at, self.zone.key)
            return datetime.fromtimestamp(begun / 1_000, self.zone).isoformat(timespec="minutes")
        if bucket == "week":
            day -= timedelta(days=day.weekday())
        if bucket == "month":
            day = day.replace(day=1)
        return max(day, self.first).isoformat()

    def starts(self, bucket):
        step = 900_000 if bucket == "hour" else 4 * 3_600_000
        moments = range(self._midnight(self.first), self._midnight(self.last + timedelta(days=1)), step)
        return list(dict.fromkeys(self.start(at, bucket) for at in moments))

    def compare_channels(self, channels):
        actor = self.asked.actor
        now, then = (self.sums([one[1:] for one in self.happened], span) for span in self.spans())
        assert sorted(one.event_type for one in channels.data) == sorted(CHANNELS)
        issued = {one[0] for one in self.there if self.first <= one[3] <= self.last}
        for one in channels.data:
            for shown, sums in ((one.count, now), (one.count_before, then)):
                assert shown == sum(
                    count for (type_, by), count in sums.items() if type_ == one.event_type and actor in (None, by)
                )  # fmt: skip
            users = {
                n for n, type_, by, _ in self.happened if type_ == one.event_type and actor in (None, by)
            }
            assert one.credentials == len(users & issued)
        counts = [one.count for one in channels.data]
        assert counts == sorted(counts, reverse=True)
        self.compare_page_actions(channels.page_actions, actor)

    def compare_ranking(self, ranking):
        by = ["guestViews", "shares", "guestVerifications"].index(self.asked.order)
        rows, groups = [], defaultdict(lambda: [0] * 6)
        facts = self.facts((self.first, self.last, None))
        for number, id_, group_id, *_ in self.there:
            if id_ not in facts:
                continue
            acts = [one[1:3] for one in self.happened if one[0] == number]
            counts = [
                acts.count(("credential_viewed", "guest")),
                sum(by == "recipient" and is_a_share(type_) for type_, by in acts),
                acts.count(("credential_verified", "guest")),
            ]
            rows.append((id_, counts))
            mine = [1, facts[id_][0] is not None, facts[id_][1] is not None, *counts]
            groups[group_id] = [a + b for a, b in zip(groups[group_id], mine, strict=True)]
        best = sorted((row for row in rows if row[1][by]), key=lambda row: (-row[1][by], row[0]))[:3]
        shown = [
            (one.credential_id, [one.guest_views, one.shares, one.guest_verifications])
            for one in ranking.data
        ]
        assert shown == best
        assert [
            (
                one.group_id,
                [one.issued, one.opened, one.shared, one.guest_views, one.shares, one.guest_verifications],
            )
            for one in ranking.groups
        ] == sorted(groups.items(), key=lambda row: (-row[1][3 + by], -row[1][0], row[0]))[:3]


def is_a_share(event_type):
    """As the log's own recount says."""
    return is_share(Interaction("", "", "", "", event_type, "", 0, "api"))


def test_the_documents_define_every_number_in_the_same_words():
    assert as_table() in (ROOT / "docs" / "metrics.md").read_text()
    assert len({one.name for one in DEFINITIONS}) == len(DEFINITIONS)
