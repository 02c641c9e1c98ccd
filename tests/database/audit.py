"""What the tests of faults share: events that can be told apart, sending them, and holding the database against them."""

import asyncio
import json
from collections import Counter
from itertools import count

from sqlalchemy import select

from conftest import headers, in_transaction
from credtrail.interactions.fold import fold_here
from credtrail.interactions.log_sql import interactions
from credtrail.interactions.model import Interaction
from credtrail.values import parse_moment, present_moment
from recount import TABLES, recount, stored

EVENTS = "/v1/credential-interactions"
_EPOCH = parse_moment("2024-03-01T00:00:00Z")
_STEP_MS = 7_919_000  # a prime number of seconds, a little more than two hours: days fill up unevenly
_number = count()


def make_event(credential_id: str) -> dict[str, str]:
    """The body of a POST; no two have the same triggeredAt."""
    return {
        "credentialId": credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": present_moment(_EPOCH + next(_number) * _STEP_MS % 60_000_000_000),
    }


def assert_unavailable(answer) -> None:
    """503 in the shape that clients know, with the time to wait."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["code"] == "service_unavailable"
    assert answer.headers["x-request-id"]


def assert_stored(settings, ids) -> None:
    """Exactly these interactions are stored, and the counts are theirs."""

    def ask(transaction):
        fold_here(transaction)
        rows = [Interaction(*row) for row in transaction.connection.execute(select(interactions))]
        return rows, {table.name: stored(transaction, table) for table in TABLES}

    rows, kept = in_transaction(settings, ask)
    assert Counter(row.id for row in rows) == Counter(ids)
    assert kept == recount(rows, "UTC")


class Sender:
    """Posts events one after the other on one plain connection; knows what was acknowledged."""

    def __init__(self, port: int, token: str, credential_id: str) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self._port = port
        self._credential_id = credential_id
        lines = [f"POST {EVENTS} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        self._head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers(token).items())])

    async def send_until_closed(self, tell) -> None:
        """Post until the server closes the connection; `tell()` after each acknowledgement."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                status, body = await self._exchange(reader, writer)
                if status == 201:
                    self.acknowledged.append(body["id"])
                    tell()
                else:
                    self.refused.append(status)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async def _exchange(self, reader, writer):
        body = json.dumps(make_event(self._credential_id))
        writer.write(f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        return int(head.split(" ")[1]), json.loads(await reader.readexactly(length))
