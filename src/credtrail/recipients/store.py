"""SQL of codes, proofs and corrections of names. Called by this slice's acts, `interactions/persons.py` and `work`."""

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from credtrail.credentials.store import credentials
from credtrail.database import Key, Transaction, cut, metadata
from credtrail.recipients.model import NameRequest, NameStatus
from credtrail.recipients.proofs import Proof
from credtrail.values import Moment, fold

_DAY_MS = 86_400_000
SETTLED_DAYS = 90
"""So long a correction that was settled is kept."""

# One row for each code that was asked for, whether the address fits (then it has the credential's id) or not.
recipient_codes = Table(
    "recipient_codes",
    metadata,
    Column("id", Key, primary_key=True),
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), index=True),
    Column("asked_for", Key, nullable=False),
    Column("code_digest", Key, nullable=False),
    Column("try_count", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "asked_for", "created_at"),
)

recipient_proofs = Table(
    "recipient_proofs",
    metadata,
    Column("digest", Key, primary_key=True),
    Column(
        "credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("address_digest", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

name_requests = Table(
    "name_requests",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger, index=True),
    Column("reason", Text),
    Index(None, "workspace_id", "status", "id"),
    Index(None, "credential_id", "id"),
)


class Code(NamedTuple):
    """A code that was asked for; without `credential_id` none was sent."""

    id: str
    credential_id: str | None
    asked_for: str
    code_digest: str
    try_count: int
    created_at: Moment
    expires_at: Moment


def add_code(transaction: Transaction, code: Code) -> None:
    """Keep it."""
    transaction.connection.execute(insert(recipient_codes).values(code._asdict()))


def count_codes(transaction: Transaction, asked_for: str, since: Moment) -> list[Moment]:
    """When codes were asked for with this address on this page, latest first."""
    query = select(recipient_codes.c.created_at).where(
        recipient_codes.c.asked_for == asked_for, recipient_codes.c.created_at > since
    )
    return list(transaction.connection.execute(query.order_by(recipient_codes.c.created_at.desc())).scalars())


def count_mailed(transaction: Transaction, email: str, since: Moment) -> list[Moment]:
    """When codes were mailed to an address, for whichever of its credentials, latest first."""
    query = (
        select(recipient_codes.c.created_at)
        .join(credentials, credentials.c.id == recipient_codes.c.credential_id)
        .where(
            credentials.c.folded_email == fold(email.replace("\x00", "")),
            recipient_codes.c.created_at > since,
        )
    )
    return list(transaction.connection.execute(query.order_by(recipient_codes.c.created_at.desc())).scalars())


def try_code(transaction: Transaction, id_: str) -> Code | None:
    """The code with one more try counted, whatever comes of it; two at once are two tries."""
    tried = (
        update(recipient_codes)
        .where(recipient_codes.c.id == id_)
        .values(try_count=recipient_codes.c.try_count + 1)
        .returning(*recipient_codes.c)
    )
    row = transaction.connection.execute(tried).first()
    return Code(*row) if row else None


def forget_codes(transaction: Transaction, asked_for: str) -> None:
    """They have served."""
    transaction.connection.execute(delete(recipient_codes).where(recipient_codes.c.asked_for == asked_for))


def add_proof(transaction: Transaction, proof: Proof) -> None:
    """Keep it."""
    transaction.connection.execute(insert(recipient_proofs).values(proof._asdict()))


def find_proof(transaction: Transaction, public_id: str, digest: str) -> tuple[Proof, str | None] | None:
    """A proof for this credential that hasn't ended, and the recipient's present address."""
    query = (
        select(*recipient_proofs.c, credentials.c.recipient_email)
        .join(credentials, credentials.c.id == recipient_proofs.c.credential_id)
        .where(
            recipient_proofs.c.digest == digest,
            recipient_proofs.c.expires_at > transaction.at,
            credentials.c.public_id == public_id,
        )
    )
    row = transaction.connection.execute(query).first()
    return (Proof(*row[:-1]), row[-1]) if row else None


def list_proofs(transaction: Transaction, credential_id: str) -> list[Proof]:
    """Proofs of a credential's recipient that haven't ended, latest first."""
    proofs = recipient_proofs.c
    query = select(recipient_proofs).where(
        proofs.credential_id == credential_id, proofs.expires_at > transaction.at
    )
    return [Proof(*row) for row in transaction.connection.execute(query.order_by(proofs.created_at.desc()))]


def list_codes(transaction: Transaction, credential_id: str) -> list[Code]:
    """Codes that were sent to a credential's recipient and are still known, latest first."""
    query = select(recipient_codes).where(recipient_codes.c.credential_id == credential_id)
    found = transaction.connection.execute(query.order_by(recipient_codes.c.created_at.desc()))
    return [Code(*row) for row in found]


def end_proof(transaction: Transaction, digest: str) -> None:
    """Sign one device out."""
    transaction.connection.execute(delete(recipient_proofs).where(recipient_proofs.c.digest == digest))


def end_proofs(transaction: Transaction, credential_id: str) -> int:
    """Sign all devices of a credential's recipient out; how many."""
    gone = delete(recipient_proofs).where(recipient_proofs.c.credential_id == credential_id)
    return transaction.connection.execute(gone).rowcount


def lock_credential(transaction: Transaction, credential_id: str) -> None:
    """What is decided about a credential is decided one after the other."""
    query = select(credentials.c.id).where(credentials.c.id == credential_id).with_for_update()
    transaction.connection.execute(query)


def add_name_request(transaction: Transaction, request: NameRequest) -> None:
    """Keep it."""
    transaction.connection.execute(insert(name_requests).values(request._asdict()))


def find_name_request(transaction: Transaction, workspace_id: str, id_: str) -> NameRequest | None:
    """One correction that was asked for in this workspace."""
    query = select(name_requests).where(
        name_requests.c.id == id_, name_requests.c.workspace_id == workspace_id
    )
    row = transaction.connection.execute(query).first()
    return NameRequest(*row) if row else None


def list_names_of(transaction: Transaction, credential_id: str) -> list[NameRequest]:
    """All corrections asked for on one credential that are still known, latest first."""
    query = select(name_requests).where(name_requests.c.credential_id == credential_id)
    return [
        NameRequest(*row) for row in transaction.connection.execute(query.order_by(name_requests.c.id.desc()))
    ]


def find_waiting(transaction: Transaction, credential_id: str) -> NameRequest | None:
    """The correction that the issuer hasn't answered yet; there is never more than one."""
    query = select(name_requests).where(
        name_requests.c.credential_id == credential_id, name_requests.c.status == "waiting"
    )
    row = transaction.connection.execute(query).first()
    return NameRequest(*row) if row else None


def list_name_requests(
    transaction: Transaction,
    workspace_id: str,
    *,
    status: NameStatus | None,
    edge: str | None,
    newer: bool,
    limit: int,
) -> list[NameRequest]:
    """Up to `limit` of a workspace before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(name_requests).where(name_requests.c.workspace_id == workspace_id)
    if status is not None:
        query = query.where(name_requests.c.status == status)
    query = cut(query, name_requests.c.id, edge=edge, newer=newer, limit=limit)
    return [NameRequest(*row) for row in transaction.connection.execute(query)]


def count_waiting(transaction: Transaction, workspace_id: str) -> int:
    """How many corrections of a workspace wait for an answer."""
    query = select(func.count()).where(
        name_requests.c.workspace_id == workspace_id, name_requests.c.status == "waiting"
    )
    return transaction.connection.execute(query).scalar_one()


def settle_name_request(
    transaction: Transaction, id_: str, status: NameStatus, reason: str | None = None
) -> bool:
    """Give a waiting one its end; False when it has one."""
    settled: dict[str, Any] = {"status": status, "settled_at": transaction.at, "reason": reason}
    changed = transaction.connection.execute(
        update(name_requests)
        .where(name_requests.c.id == id_, name_requests.c.status == "waiting")
        .values(settled)
    )
    return changed.rowcount == 1


def forget_old(transaction: Transaction) -> int:
    """Delete codes after a day, proofs that have ended, corrections long settled; how many rows went."""
    at, run = transaction.at, transaction.connection.execute
    settled = name_requests.c.settled_at < at - SETTLED_DAYS * _DAY_MS
    return (
        run(delete(recipient_codes).where(recipient_codes.c.created_at < at - _DAY_MS)).rowcount
        + run(delete(recipient_proofs).where(recipient_proofs.c.expires_at <= at)).rowcount
        + run(delete(name_requests).where(settled)).rowcount
    )
