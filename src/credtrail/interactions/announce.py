"""From events to messages: what happened, written down as it is told, for each endpoint that wants it. Run by `work`.

The bodies are written once, here; from then on the same bytes are signed, sent and kept. An interaction that was
erased before it was told is not told of.
"""

from collections.abc import Iterable

from msgspec import to_builtins

from credtrail.accounts.store import time_zone_of
from credtrail.credentials.model import present_credential
from credtrail.credentials.store import find_credentials, take_expired
from credtrail.database import Database, Transaction
from credtrail.interactions.log import Log
from credtrail.interactions.model import present_interaction
from credtrail.values import day_of, moment_of_id
from credtrail.webhooks.delivery_store import add_messages, lock_announcing
from credtrail.webhooks.model import INTERACTION_TYPES, Event, Message, write_body
from credtrail.webhooks.outbox import (
    add_credential_events,
    has_events,
    list_subscribed_since,
    take_events,
)
from credtrail.webhooks.store import find_subscribers

_AT_ONCE = 500
_EXPIRED_AT_ONCE = 1_000
_LOOKED_BACK_MS = 30 * 86_400_000


class Announcer:
    """Makes messages of events, some hundred at a time."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def run(self) -> int:
        """Once; how many events were taken. When it is some, there may be more."""
        if not await self._database.read(has_events):
            return 0
        return await self._database.write(self._announce)

    def _announce(self, transaction: Transaction) -> int:
        if not lock_announcing(transaction):
            return 0
        events = take_events(transaction, _AT_ONCE)
        subscribers = find_subscribers(transaction, events)
        addressed = [
            (message, subscribers.get((message.workspace_id, message.type), ()))
            for message in self._write(transaction, events)
        ]
        add_messages(transaction, addressed)
        return len(events)

    def _write(self, transaction: Transaction, events: list[Event]) -> Iterable[Message]:
        told = [event for event in events if event.type in INTERACTION_TYPES]
        interactions = {one.id: one for one in self._log.find_all(transaction, [event.id for event in told])}
        credentials = find_credentials(transaction, {event.credential_id for event in told}, lock=True)
        there = {credential.workspace_id for credential in credentials.values()}
        zones = {id_: time_zone_of(transaction, id_) for id_ in there}
        for event in events:
            at = moment_of_id(event.id)
            thin = write_body(event.id, event.type, at, event.credential_id)
            full = thin
            if event.type in INTERACTION_TYPES:
                interaction, credential = interactions.get(event.id), credentials.get(event.credential_id)
                if interaction is None or credential is None:
                    continue
                shown = present_credential(credential, transaction.at, zones[event.workspace_id])
                full = write_body(
                    event.id,
                    event.type,
                    at,
                    event.credential_id,
                    credential=to_builtins(shown),
                    credentialInteraction=to_builtins(present_interaction(interaction)),
                )
            yield Message(event.id, event.workspace_id, event.type, event.credential_id, full, thin, at)


def note_expired(transaction: Transaction) -> int:
    """Note as events what has expired since the last look, in workspaces that want to be told; how many.

    A credential expires when its expiry date has passed in the workspace's time zone. What had expired before an
    endpoint wanted to be told of it is not told.
    """
    if not lock_announcing(transaction):
        return 0
    count = 0
    for workspace_id, since in list_subscribed_since(transaction, "credential.expired").items():
        zone = time_zone_of(transaction, workspace_id)
        from_day = day_of(max(since, transaction.at - _LOOKED_BACK_MS), zone)
        today = day_of(transaction.at, zone)
        found = take_expired(transaction, workspace_id, from_day, today, _EXPIRED_AT_ONCE)
        add_credential_events(transaction, workspace_id, "credential.expired", found)
        count += len(found)
    return count
