"""The live view: interactions as they come, by server-sent events. Wired by `app`.

A stream asks the database once a second for the latest rows and sends those it hasn't sent: whichever process has
recorded them, and in whatever order they were committed. Source: WHATWG HTML, server-sent events.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import NamedTuple

from starlette.responses import Response, StreamingResponse

from credtrail.accounts.people_store import find_member
from credtrail.accounts.session_store import find_session
from credtrail.credentials.model import Credential
from credtrail.credentials.store import find_credentials
from credtrail.dashboard.credential_words import REASONS, event_words
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.groups.store import find_groups
from credtrail.interactions.log import Log
from credtrail.interactions.model import Filters, Interaction
from credtrail.interactions.visits import SetAside, list_set_aside
from credtrail.values import Moment, moment_of_id

_SHOWN = 50
_EVERY_SECONDS = 1.0
_STREAM_SECONDS = 60
"""A stream ends then, and the browser opens the next one: whoever has been signed out since is refused."""
_MOST_STREAMS = 100
"""In one process: each asks the database once a second."""
_LATE_MS = 10_000
"""What was received up to so long before what is shown may be committed after it; the page leaves out what it has."""


class Happening(NamedTuple):
    """One row: an interaction, or (with a `reason`) something set aside."""

    id: str
    received_at: Moment
    words: str
    triggered_by: str
    credential: Credential
    group_name: str
    reason: str = ""


class Live:
    """One page and its stream."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        self._open = 0

    def views(self) -> list[View]:
        """For everybody here."""
        return [
            View("GET", "/w/{workspace_id}/live", self.show),
            View("GET", "/w/{workspace_id}/live/stream", self.stream),
        ]

    async def show(self, visit: Visit) -> Response:
        """The latest of all times; what comes after them comes by the stream."""
        latest = await self._database.read(lambda tx: find_latest(tx, self._log, visit.workspace_id))
        return visit.page("live.html", happenings=latest)

    async def stream(self, visit: Visit) -> Response:
        """Rows of the page's list as they come, for a minute; 503 where too many are open."""
        if self._open >= _MOST_STREAMS:
            raise Refusal(
                "service_unavailable", "Too many live views are open", headers=(("retry-after", "30"),)
            )
        after = visit.request.headers.get("last-event-id") or visit.query("after")
        with suppress(ValueError):
            return self._stream_after(visit, moment_of_id(after) if after else visit.at)
        return self._stream_after(visit, visit.at)

    def _stream_after(self, visit: Visit, after: Moment) -> Response:
        headers = {
            "cache-control": "no-store",
            "x-accel-buffering": "no",
            "x-content-type-options": "nosniff",
        }
        rows = self._rows_since(visit, after - _LATE_MS)
        return StreamingResponse(rows, media_type="text/event-stream", headers=headers)

    async def _rows_since(self, visit: Visit, since: Moment) -> AsyncIterator[str]:
        stopping: asyncio.Event = visit.request.state.stopping
        ends_at = time.monotonic() + _STREAM_SECONDS
        sent: set[str] = set()
        self._open += 1
        try:
            yield "retry: 500\n\n"
            while time.monotonic() < ends_at and not stopping.is_set():
                latest = await self._database.read(lambda tx: self._find_for(tx, visit))
                if latest is None:
                    return
                fresh = [one for one in latest if one.received_at >= since and one.id not in sent]
                sent = {one.id for one in latest}
                # A comment where nothing is new, for whatever stands between and ends what is silent.
                yield _event(visit, fresh) if fresh else ":\n\n"
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _EVERY_SECONDS)
        except Refusal:
            pass  # the database can't be read just now: the browser asks again by itself
        finally:
            self._open -= 1

    def _find_for(self, transaction: Transaction, visit: Visit) -> list[Happening] | None:
        """None once the session was ended elsewhere, or the member removed."""
        session = visit.session and find_session(transaction, visit.session.digest)
        if not session or find_member(transaction, visit.workspace_id, visit.me.id) is None:
            return None
        return find_latest(transaction, self._log, visit.workspace_id)


def _event(visit: Visit, fresh: list[Happening]) -> str:
    """Latest first, as on the page."""
    text = visit.write("live_rows.html", happenings=fresh)
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    return f"id: {fresh[0].id}\n{lines}\n"


def find_latest(transaction: Transaction, log: Log, workspace_id: str) -> list[Happening]:
    """The latest interactions and what was set aside between them, latest first."""
    counted = log.page(transaction, workspace_id, Filters(), edge=None, newer=False, limit=_SHOWN)
    aside = list_set_aside(
        transaction, workspace_id, credential_id=None, reason=None, edge=None, newer=False, limit=_SHOWN
    )
    ids = {one.credential_id for one in counted} | {one.credential_id for one in aside}
    credentials = find_credentials(transaction, ids)
    groups = find_groups(transaction, workspace_id, {one.group_id for one in credentials.values()})

    def tell(one: Interaction | SetAside, reason: str = "") -> Iterator[Happening]:
        if credential := credentials.get(one.credential_id):  # else it was deleted just now
            words, at = event_words(one.event_type), moment_of_id(one.id)
            group_name = groups[credential.group_id].name
            yield Happening(one.id, at, words, one.triggered_by, credential, group_name, reason)

    told = [happening for one in counted for happening in tell(one)]
    told += [happening for one in aside for happening in tell(one, REASONS[one.reason])]
    return sorted(told, key=lambda one: one.id, reverse=True)
