"""How fast credentials are signed, verified, and their status told. `python bench/badges.py`; called by `bench.py` too.

Signing and verifying are measured in one process on one processor, warm, each time with another recipient. Then a real
server is asked for the JSON of credentials that nobody asked for before, one after the other; and a status list is made
of a workspace that has given all the places of a list away, a hundredth of them revoked.
"""

import http.client
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from servers import Postgres, Server, World, make_world
from sqlalchemy import insert, update

from credtrail.accounts.model import IssuerProfile
from credtrail.badges.contexts import canonize
from credtrail.badges.keys import SigningKey
from credtrail.badges.model import IssuerKey, StatusEntry, did_document, did_of, open_badge
from credtrail.badges.presented import read_presented
from credtrail.badges.sign import sign_document, sign_jwt
from credtrail.badges.status import SIZE, status_list
from credtrail.badges.store import list_set_positions, status_entries
from credtrail.badges.verify import Known, verify
from credtrail.credentials.model import Credential, PublicView
from credtrail.credentials.store import add_credential, credentials, find_credentials
from credtrail.database import Transaction
from credtrail.database.open import write_once
from credtrail.groups.model import Group
from credtrail.values import now

LEAST_A_SECOND = 300
STATUS_MS = 100
_HOME = "https://credentials.example"
_ROOM = SIZE // 2
_FIRST_ASKED = 200


@dataclass
class Signed:
    """Credentials a second on one processor; milliseconds of the rest, medians. By database: a first answer, a list."""

    signed_a_second: float
    library_ms: float
    verified_ms: float
    first_json_ms: dict[str, float] = field(default_factory=dict)
    status_list_ms: dict[str, float] = field(default_factory=dict)


def measure_signing(count: int) -> Signed:
    """The same work as a first request: the document, its proof, the JWT, and their bytes."""
    key = SigningKey.make()
    did = did_of(_HOME, "w", key.id)
    views = [_view(number) for number in range(count)]
    for view in views[:50]:
        _sign(view, key, did)
    began = time.process_time()
    signed = [_sign(view, key, did) for view in views]
    rate = count / (time.process_time() - began)
    known = Known({did: did_document(did, [IssuerKey(key.id, 0)])})
    return Signed(rate, _library_ms(views, did), _verified_ms(signed[:40], known))


def _sign(view: PublicView, key: SigningKey, did: str) -> bytes:
    document = open_badge(view, _HOME, did, StatusEntry(1, 7))
    sign_jwt(document, key, did)
    return json.dumps(sign_document(document, key, did, 0), ensure_ascii=False).encode()


def _library_ms(views: list[PublicView], did: str) -> float:
    took = []
    for view in views[:40]:
        document = open_badge(view, _HOME, did, StatusEntry(1, 7))
        began = time.process_time()
        canonize(document)
        took.append((time.process_time() - began) * 1_000)
    return median(took)


def _verified_ms(signed: list[bytes], known: Known) -> float:
    took = []
    for content in signed:
        began = time.process_time()
        verification = verify(read_presented(content), known, now())
        took.append((time.process_time() - began) * 1_000)
        assert verification.of("signature").outcome == "passed"
    return median(took)


def _view(number: int) -> PublicView:
    credential = Credential(
        id=f"c{number}",
        public_id=str(uuid4()),
        workspace_id="w",
        group_id="g",
        status="issued",
        recipient_id="r",
        recipient_name=f"Robin Ñandú {number}",
        recipient_email=f"robin{number}@learner.example",
        issue_date="2024-03-12",
        expiry_date="2099-03-12",
        custom_attributes={},
        created_at=0,
        updated_at=0,
        evidence=[{"name": "Herbarium", "url": "https://evidence.example/1"}],
    )
    group = Group("g", "w", "Botany", None, (), 0, 0, "Thirty hours of field work.", ("Botany", "Field work"))
    return PublicView(credential, group, "Open Meadow Academy", "Europe/Berlin", IssuerProfile())


def measure_served(signed: Signed, database: str, database_url: str, folder: Path) -> None:
    """What a server answers first, and a full status list, added to the figures."""
    world = make_world(database_url, 1)
    public_ids = write_once(world.settings, lambda transaction: _add_many(transaction, world, _FIRST_ASKED))
    server = Server(world.settings, folder)
    server.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        took = []
        for public_id in public_ids:
            began = time.perf_counter()
            connection.request("GET", f"/credentials/{public_id}.json")
            answer = connection.getresponse()
            assert answer.read().startswith(b"{")
            assert answer.status == 200
            took.append((time.perf_counter() - began) * 1_000)
        signed.first_json_ms[database] = median(took)
    finally:
        server.stop()
    write_once(world.settings, lambda transaction: _fill_list(transaction, world))
    signed.status_list_ms[database] = write_once(
        world.settings, lambda transaction: _list_ms(transaction, world)
    )


def _add_many(transaction: Transaction, world: World, count: int) -> list[str]:
    group_id = _group_of(transaction, world)
    return [
        add_credential(
            transaction,
            world.workspace_id,
            group_id,
            (None, f"Robin {number}", None),
            ("2024-03-12", None),
            status="issued",
        ).public_id
        for number in range(count)
    ]


def _group_of(transaction: Transaction, world: World) -> str:
    (only,) = find_credentials(transaction, world.credential_ids[:1]).values()
    return only.group_id


def _fill_list(transaction: Transaction, world: World) -> None:
    group_id = _group_of(transaction, world)
    made = [
        add_credential(
            transaction,
            world.workspace_id,
            group_id,
            (None, "Robin", None),
            ("2024-03-12", None),
            status="issued",
        ).id
        for _ in range(_ROOM // 8)
    ]
    # List 2, which nobody has a place in yet; most of its places are of credentials that are gone by now or in force.
    rows = [
        {
            "workspace_id": world.workspace_id,
            "list_number": 2,
            "position": number * 2,
            "credential_id": made[number] if number < len(made) else None,
        }
        for number in range(_ROOM // 8 + _ROOM // 100)
    ]
    transaction.connection.execute(insert(status_entries), rows)
    revoked = update(credentials).where(credentials.c.id.in_(made[: _ROOM // 100])).values(revoked_at=1)
    transaction.connection.execute(revoked)


def _list_ms(transaction: Transaction, world: World) -> float:
    key = SigningKey.make()
    took = []
    for _ in range(9):
        began = time.perf_counter()
        positions = list_set_positions(transaction, world.workspace_id, 2)
        sign_document(
            status_list("https://x.example/1", "did:web:x.example", positions, 0), key, "did:web:x.example", 0
        )
        took.append((time.perf_counter() - began) * 1_000)
    assert len(positions) == 2 * (_ROOM // 100)
    return median(took)


def show_signed(signed: Signed, console: Console) -> None:
    """Print it as tables."""
    table = Table("", "found", title="Signed credentials, one processor, warm")
    table.add_row("signed (JSON and JWT), a second", f"{signed.signed_a_second:,.0f}")
    table.add_row("the same statements by the JSON-LD library, ms", f"{signed.library_ms:.1f}")
    table.add_row("verified, ms", f"{signed.verified_ms:.1f}")
    for database, ms in signed.first_json_ms.items():
        table.add_row(f"{database}: JSON that was never asked for, ms", f"{ms:.1f}")
        table.add_row(f"{database}: a status list, ms", f"{signed.status_list_ms[database]:.1f}")
    console.print(table)


def main() -> None:
    """Measure it on both databases and print it."""
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        signed = measure_signing(500 if "--quick" in sys.argv[1:] else 3_000)
        measure_served(signed, "sqlite", f"sqlite:///{folder}/badges.db", folder)
        postgres = Postgres(folder)
        try:
            measure_served(signed, "postgresql", postgres.create("badges"), folder)
        finally:
            postgres.close()
    show_signed(signed, Console())


if __name__ == "__main__":
    main()
