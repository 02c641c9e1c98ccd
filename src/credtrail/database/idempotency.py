"""First answers kept under the caller's Idempotency-Key, in the same transaction as the effect.

Called by faces through `once`, and by the interactions' recorder for whole batches. Keys live 24 hours
(`forget_old`). Assumed: refusals aren't kept, so that a mended request may use its key again.
"""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    delete,
    insert,
    select,
    tuple_,
)

from credtrail.database import BulkTransaction, Key, RowSet, Transaction, Writes, metadata, run_all
from credtrail.errors import Refusal
from credtrail.values import Answer, IdempotencyKey, Moment

LIFETIME_MS = 24 * 3_600_000

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Key, primary_key=True),
    Column("digest", Key, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    # Whose erasure takes the kept answer along; null where the answer tells of no single credential.
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

idempotency_subjects = Table(
    "idempotency_subjects",
    metadata,
    Column("workspace_id", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    # Of one answer that tells of many credentials: deleting any of them deletes the answer.
    Column(
        "credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True, index=True
    ),
    ForeignKeyConstraint(
        ["workspace_id", "key"],
        ["idempotency_keys.workspace_id", "idempotency_keys.key"],
        ondelete="CASCADE",
        name="idempotency_subjects_key_fkey",
    ),
)

_FIND = RowSet(
    "select k.workspace_id, k.key, k.digest, k.status, k.answer, k.created_at from {rows} "
    "join idempotency_keys k on k.workspace_id = rows.workspace_id and k.key = rows.key",
    returns=("workspace_id", "key", "digest", "status", "answer", "created_at"),
    workspace_id="text",
    key="text",
)
_KEEP = RowSet(
    "insert into idempotency_keys (workspace_id, key, digest, status, answer, credential_id, created_at) "
    "select workspace_id, key, digest, status, answer, credential_id, created_at from {rows}",
    workspace_id="text",
    key="text",
    digest="text",
    status="bigint",
    answer="text",
    credential_id="text",
    created_at="bigint",
)
_FORGET = RowSet(
    "delete from idempotency_keys where (workspace_id, key) in "
    "(select rows.workspace_id, rows.key from {rows})",
    workspace_id="text",
    key="text",
)


def find_answers(
    transaction: BulkTransaction, keys: Iterable[IdempotencyKey]
) -> dict[tuple[str, str], tuple[str, Answer]]:
    """By (workspace id, key): the digest and the answer kept under it. Keys of more than 24 hours are dropped."""
    names = [(key.workspace_id, key.key) for key in keys]
    since = transaction.at - LIFETIME_MS
    found, outlived = {}, []
    for workspace_id, key, digest, status, body, created_at in transaction.run(_FIND, names):
        if created_at > since:
            found[workspace_id, key] = (digest, Answer(status, body.encode()))
        else:
            outlived.append((workspace_id, key))
    transaction.run(_FORGET, outlived)
    return found


def keep_answers(at: Moment, kept: Iterable[tuple[IdempotencyKey, Answer, str | None]]) -> Writes:
    """The statement that keeps first answers, each with the credential it tells of (or None).

    A key kept meanwhile by another process fails the whole transaction, which is then tried again and finds
    that answer.
    """
    rows = [
        (key.workspace_id, key.key, key.digest, answer.status, answer.body.decode(), about, at)
        for key, answer, about in kept
    ]
    return ((_KEEP, sorted(rows)),)


def replay(key: IdempotencyKey, kept: tuple[str, Answer]) -> Answer:
    """The kept answer again; conflict when the key came with another request."""
    digest, answer = kept
    if digest != key.digest:
        raise Refusal("conflict", "This Idempotency-Key was used before with a different request")
    return answer


def once(
    transaction: Transaction,
    key: IdempotencyKey | None,
    act: Callable[[], tuple[Answer, str | Sequence[str] | None]],
) -> Answer:
    """Do an act once per key: `act` gives its answer and the credential or credentials that it tells of (or None)."""
    if key is None:
        return act()[0]
    found = find_answers(transaction, [key])
    if found:
        return replay(key, found[key.workspace_id, key.key])
    answer, about = act()
    one = about if isinstance(about, str) else None
    run_all(transaction, keep_answers(transaction.at, [(key, answer, one)]))
    if about and one is None:
        names = {"workspace_id": key.workspace_id, "key": key.key}
        transaction.connection.execute(
            insert(idempotency_subjects), [{**names, "credential_id": id_} for id_ in about]
        )
    return answer


def forget_answers_about(transaction: Transaction, credential_id: str) -> None:
    """Delete the kept answers that tell of this credential among others; those of it alone go by the schema."""
    told = select(idempotency_subjects.c.workspace_id, idempotency_subjects.c.key).where(
        idempotency_subjects.c.credential_id == credential_id
    )
    transaction.connection.execute(
        delete(idempotency_keys).where(
            tuple_(idempotency_keys.c.workspace_id, idempotency_keys.c.key).in_(told)
        )
    )


def forget_old(transaction: Transaction) -> int:
    """Delete keys older than 24 hours; how many there were."""
    return transaction.connection.execute(
        delete(idempotency_keys).where(idempotency_keys.c.created_at <= transaction.at - LIFETIME_MS)
    ).rowcount
