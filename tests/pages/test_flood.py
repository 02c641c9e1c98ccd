"""Thousands of reports of bad faith: replayed, forged, swapped, racing. They add what the tokens allow and no more.

Two houses on one database take them in at once, as two server processes would.
"""

import asyncio
import json
import random
from collections import Counter

import pytest
from sqlalchemy import select

from conftest import SECRET_KEY, THOROUGH, examples, in_transaction
from credtrail.app import build
from credtrail.credentials.store import add_credential
from credtrail.interactions.counts import (
    WHOLE,
    credential_counts,
    daily_counts,
    page_action_counts,
    set_aside_counts,
)
from credtrail.interactions.log_sql import interactions
from credtrail.interactions.model import (
    PAGE_ACTIONS,
)
from credtrail.interactions.visits import OTHERS_PER_VISIT, ROWS_PER_HOUR, page_visits, set_aside_interactions
from credtrail.pages.token import PageTokens
from credtrail.values import EVENT_TYPES, now
from pages.test_reports import HONEST

POSTS = examples(10_000)
VISITS = 20 if THOROUGH else 5  # page tokens of each of two credentials
AT_ONCE = 64
OTHERS = [*EVENT_TYPES[1:], *sorted(PAGE_ACTIONS)]
HEADERS = [(name.encode(), value.encode()) for name, value in {**HONEST, "host": "testserver"}.items()]


@pytest.fixture
def two_ids(settings, cast):
    """The public ids of two issued credentials of one workspace."""

    def act(transaction):
        other = add_credential(
            transaction,
            cast.workspace_id,
            cast.group_id,
            (None, "Sam", None),
            ("2024-03-12", None),
            status="issued",
        )
        return other.public_id

    return cast.public_id, in_transaction(settings, act)


def make_posts(two_ids):
    """The flood in a random order, always the same: (public id, token, event type); what tokens allow is in it."""
    chance, tokens = random.Random(11), PageTokens(SECRET_KEY)
    forger = PageTokens("another secret key, just as long as ours")
    at = now() - 60_000
    good = [(id_, tokens.make(id_, at)) for id_ in two_ids for _ in range(VISITS)]
    posts = []
    for id_, token in good:  # each token is used up: replayed far beyond what it allows
        posts += [(id_, token, "credential_viewed")] * 60
        posts += [(id_, token, chance.choice(OTHERS)) for _ in range(3 * OTHERS_PER_VISIT)]
    while len(posts) < POSTS:
        id_, token = chance.choice(good)
        place = chance.randrange(len(token))
        bad = chance.choice(
            (
                token[:place] + chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ").replace(token[place], "-") + token[place + 1 :],
                token[::-1],
                token[:place],
                forger.make(id_, at),
            )
        )  # fmt: skip
        event_type = chance.choice(("credential_viewed", *OTHERS))
        other_id = two_ids[1 - two_ids.index(id_)]
        posts.append(chance.choice(((id_, bad, event_type), (other_id, token, event_type))))
    chance.shuffle(posts)
    return good, posts


async def post(house, public_id, token, event_type, address="203.0.113.7"):
    """One report, straight to the application; why it was set aside, or None."""
    body = json.dumps(
        {"token": token, "eventType": event_type, "triggeredBy": "guest", "visibleMs": 2_000, "input": True}
    ).encode()
    path = f"/credentials/{public_id}/interactions"
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": HEADERS,
        "client": (address, 50_000),
        "server": ("testserver", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await house.application(scope, receive, send)
    assert sent[0]["status"] == 204
    return dict(sent[0]["headers"]).get(b"credtrail-set-aside")


async def flood(settings, posts, address_of=lambda number: "127.0.0.1"):
    """Send all of them, so many at once, to two houses in turn; the reasons, in the order of the posts."""
    houses = [build(settings), build(settings)]
    for house in houses:
        house.recorder.start()
    reasons, places = [None] * len(posts), iter(range(len(posts)))

    async def client():
        for place in places:
            reasons[place] = await post(houses[place % 2], *posts[place], address_of(place))

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    for house in houses:
        await house.recorder.close()
        await house.database.close()
    return [reason.decode() if reason else None for reason in reasons]


@pytest.mark.slow
def test_thousands_of_posts_add_what_the_tokens_allow_and_no_more(settings, two_ids):
    good, posts = make_posts(two_ids)
    assert len(posts) == POSTS
    generous = settings.model_copy(update={"page_limit_per_credential": 1_000_000})
    reasons = asyncio.run(flood(generous, posts))

    taken = Counter()
    for (_, token, event_type), reason in zip(posts, reasons, strict=True):
        if reason is None:
            taken[token, event_type == "credential_viewed"] += 1
    assert taken == {
        (token, is_view): 1 if is_view else OTHERS_PER_VISIT for _, token in good for is_view in (True, False)
    }
    assert set(reasons) == {None, "repeat", "too_many", "invalid_token", "foreign_token"}
    rows = in_transaction(settings, read_all)
    assert_counts_equal_a_recount(rows, posts, reasons)
    per_credential = Counter(row["credential_id"] for row in rows[set_aside_interactions])
    assert all(ROWS_PER_HOUR <= kept <= ROWS_PER_HOUR + 2 * AT_ONCE for kept in per_credential.values())
    assert len(rows[page_visits]) == 2 * VISITS


def read_all(transaction):
    """The rows of every table that reports write, but for the sums of whole workspaces."""
    tables = (
        interactions,
        daily_counts,
        credential_counts,
        page_action_counts,
        set_aside_counts,
        set_aside_interactions,
        page_visits,
    )
    return {
        table: [
            row
            for row in map(dict, transaction.connection.execute(select(table)).mappings())
            if row.get("group_id") != WHOLE
        ]
        for table in tables
    }


def assert_counts_equal_a_recount(rows, posts, reasons):
    """The log holds what was answered as recorded; each table of counts says the same as counting anew."""
    told = Counter((event_type, reason) for (_, _, event_type), reason in zip(posts, reasons, strict=True))
    recorded = {type_: told[type_, None] for type_ in EVENT_TYPES if told[type_, None]}
    assert Counter(row["event_type"] for row in rows[interactions]) == recorded
    for table, name in ((daily_counts, "event_type"), (credential_counts, "event_type")):
        assert sum_by(rows[table], name) == recorded
    assert sum_by(rows[page_action_counts], "action") == {
        action: told[action, None] for action in PAGE_ACTIONS if told[action, None]
    }
    aside = Counter()
    for row in rows[set_aside_counts]:
        aside[row["event_type"], row["reason"]] += row["count"]
    assert aside == {key: count for key, count in told.items() if key[1] is not None}


def sum_by(rows, name):
    """The sums of `count` by one column."""
    sums = Counter()
    for row in rows:
        sums[row[name]] += row["count"]
    return dict(sums)


def test_fresh_tokens_do_not_help_one_network(settings, two_ids):
    """Whoever opens the page again for each report is one network all the same."""
    tokens, at = PageTokens(SECRET_KEY), now() - 60_000
    posts = [(two_ids[0], tokens.make(two_ids[0], at), "credential_viewed") for _ in range(300)]
    tight = settings.model_copy(update={"page_limit_per_network": 10})
    reasons = asyncio.run(flood(tight, posts, lambda number: f"203.0.113.{number % 250}"))
    taken = reasons.count(None)
    assert set(reasons) == {None, "rate_limited"}
    assert 20 <= taken <= 30  # ten in each of two processes, and what comes back while it lasts
    rows = in_transaction(settings, read_all)
    assert len(rows[interactions]) == taken
    assert sum_by(rows[set_aside_counts], "reason") == {"rate_limited": 300 - taken}
