"""The sums kept beside the log, counted anew from it, one interaction after the other, as naively as can be."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from credtrail.interactions.counts import (
    credential_counts,
    daily_counts,
    engagements,
    hourly_counts,
)
from credtrail.interactions.fold import pending_counts
from credtrail.values import EVENT_TYPES, day_of

OF_CREDENTIALS = (credential_counts, engagements)
"""What goes with a credential; the others are sums that stay."""
TABLES = (*OF_CREDENTIALS, daily_counts, hourly_counts)


def stored(transaction, table):
    """The rows of a table by their primary key."""
    width = len(table.primary_key.columns)
    rows = [tuple(row) for row in transaction.connection.execute(select(table))]
    return {row[:width]: row[width:] for row in rows}


def count_pending(transaction):
    """Transactions that nobody has folded yet, on PostgreSQL."""
    return transaction.connection.execute(select(func.count()).select_from(pending_counts)).scalar_one()


def recount(interactions, time_zone):
    """What each table should hold after these interactions, by its name."""
    sums = {table.name: Counter() for table in TABLES if table is not engagements}
    by_credential = {}
    for one in interactions:
        day, what = day_of(one.triggered_at, time_zone), (one.event_type, one.triggered_by)
        sums["credential_counts"][one.credential_id, day, *what] += 1
        for group_id in (one.group_id, ""):
            sums["daily_counts"][one.workspace_id, group_id, day, *what] += 1
            hour = hour_begun(one.triggered_at, time_zone)
            sums["hourly_counts"][one.workspace_id, group_id, hour, *what] += 1
        by_credential.setdefault(one.credential_id, []).append(one)
    counted = {name: {key: (count,) for key, count in counter.items()} for name, counter in sums.items()}
    return counted | {"engagements": {(id_,): engagement(acts) for id_, acts in by_credential.items()}}


def hour_begun(at, time_zone):
    """When the wall's clock began to show this hour: back minute by minute."""

    def shown(at):
        local = datetime.fromtimestamp(at / 1_000, ZoneInfo(time_zone))
        return local.date(), local.hour, local.utcoffset()

    begun = at - at % 60_000
    while shown(begun - 60_000) == shown(at):
        begun -= 60_000
    return begun


def is_share(one):
    return "shared" in one.event_type or "added" in one.event_type


def engagement(acts):
    """One credential's row, as the table has it."""
    recipients = [one for one in acts if one.triggered_by == "recipient"]
    guests = [one for one in acts if one.triggered_by == "guest"]
    opened = [one.triggered_at for one in recipients if one.event_type == "credential_viewed"]
    shared = [one.triggered_at for one in recipients if is_share(one)]
    viewed = [one.triggered_at for one in guests if one.event_type == "credential_viewed"]
    verified = [one.triggered_at for one in guests if one.event_type == "credential_verified"]
    return (
        *(min(times, default=None) for times in (opened, shared, viewed, verified)),
        *(sum({1 << EVENT_TYPES.index(one.event_type) for one in some}) for some in (recipients, guests)),
        *(len(times) for times in (viewed, shared, verified)),
    )
