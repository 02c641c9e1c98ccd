"""A workspace's days begin in another time zone from a moment on; and single interactions go after their time.

Run by `work`. A change is announced a while before it holds (`change_time_zone`), so that each process that records
knows of it by then: what is received before that moment is counted on days of the zone before, whoever records it,
what is received later on days of the next. From then on `move_days` moves what was counted before, some at a time,
each once, wherever a worker was stopped. Sums of what was erased, or forgotten, meanwhile stay on their former days,
and so do those of page actions and of what was set aside, which keep no single rows to go by.
"""

from credtrail.accounts import store as accounts
from credtrail.accounts.model import Workspace
from credtrail.database import Transaction, run_all
from credtrail.errors import invalid
from credtrail.interactions.counts import Counted, move_counts, sweep_counts
from credtrail.interactions.fold import fold_here
from credtrail.interactions.log import Log
from credtrail.interactions.model import Filters, Interaction
from credtrail.values import day_of, hour_of, new_id

NOTICE_MS = 120_000
"""Longer than any process remembers a workspace's time zone (`record.py`)."""
_AT_ONCE = 2_000
_DAY_MS = 86_400_000


def change_time_zone(transaction: Transaction, workspace: Workspace, time_zone: str) -> bool:
    """Give the workspace another time zone, which holds from `NOTICE_MS` on; False where it has it already.

    Refuses (400, on `time_zone`) while an earlier change isn't done.
    """
    present = workspace.next_time_zone or workspace.time_zone
    if time_zone == present:
        return False
    if workspace.next_time_zone is not None:
        raise invalid("time_zone", f"is being changed to {present} just now; try again in some minutes")
    at = transaction.at + NOTICE_MS
    accounts.change_workspace(transaction, workspace.id, next_time_zone=time_zone, next_time_zone_at=at)
    return True


def move_days(transaction: Transaction, log: Log) -> int:
    """Move some interactions of workspaces whose next time zone holds by now; how many there were, and changes done."""
    changing = accounts.list_changing_days(transaction)
    if changing:  # so that what was pending is swept with the rest where it counts nothing any more
        fold_here(transaction)
    return sum(_move_some(transaction, log, one) for one in changing)


def _move_some(transaction: Transaction, log: Log, workspace: Workspace) -> int:
    zone, end = workspace.next_time_zone, workspace.next_time_zone_at
    if zone is None or end is None:  # pragma: no cover - the list names none of these
        return 0
    page = log.page(
        transaction, workspace.id, Filters(), edge=workspace.days_moved_to or "", newer=True, limit=_AT_ONCE
    )
    before = [one for one in page if one.id < new_id(end)[:10]]
    moved = [(one, _counted(one, workspace.time_zone), _counted(one, zone)) for one in before]
    moved = [each for each in moved if each[1] != each[2]]
    if moved:
        run_all(transaction, move_counts(moved))
        sweep_counts(transaction, workspace.id, {one.credential_id for one, _, _ in moved})
    if len(before) == _AT_ONCE:
        accounts.change_workspace(transaction, workspace.id, days_moved_to=before[-1].id)
    else:
        done = {"next_time_zone": None, "next_time_zone_at": None, "days_moved_to": None}
        accounts.change_workspace(transaction, workspace.id, time_zone=zone, **done)
    return max(1, len(before))


def _counted(interaction: Interaction, zone: str) -> Counted:
    return day_of(interaction.triggered_at, zone), hour_of(interaction.triggered_at, zone)


def forget_interactions(transaction: Transaction, log: Log) -> int:
    """Delete some single interactions that workspaces keep no longer; sums and engagement stay. How many went."""
    return sum(
        log.forget(
            transaction, one.id, new_id(transaction.at - one.interaction_days * _DAY_MS)[:10], _AT_ONCE
        )
        for one in accounts.list_forgetting(transaction)
        if one.interaction_days is not None
    )
