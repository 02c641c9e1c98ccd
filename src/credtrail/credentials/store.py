"""SQL of credentials. Called by this slice's face, by interactions (whose credential is it?), pages and the demo."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    select,
    update,
)

from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import issuer_profiles, workspaces
from credtrail.credentials.model import Credential, StoredStatus
from credtrail.credentials.model import PublicView as PublicView
from credtrail.credentials.outcome_store import add_outcomes, date_outcome, outcomes
from credtrail.credentials.privacy_store import page_privacy, read_privacy
from credtrail.database import BulkTransaction, Key, RowSet, Transaction, cut, metadata
from credtrail.database.idempotency import forget_answers_about
from credtrail.designs.store import DESIGN_COLUMNS, designs, read_design
from credtrail.groups.store import group_designs, groups, read_group
from credtrail.values import Moment, fold, moment_of_id
from credtrail.webhooks.delivery_store import forget_credential
from credtrail.webhooks.outbox import add_credential_events

credentials = Table(
    "credentials",
    metadata,
    Column("id", Key, primary_key=True),
    Column("public_id", Key, nullable=False, unique=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("group_id", Key, ForeignKey("groups.id"), nullable=False),
    Column("status", Key, nullable=False),
    Column("recipient_id", Key, nullable=False),
    Column("recipient_name", Text, nullable=False),
    Column("recipient_email", Text),
    Column("issue_date", Key, nullable=False),
    Column("expiry_date", Key),
    Column("custom_attributes", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("evidence", JSON, nullable=False, server_default="[]"),
    Column("sent_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("revocation_reason", Text),
    Column("issue_at", BigInteger),
    Column("send_at_issuance", Boolean, nullable=False, server_default=false()),
    # What the credential is called where it comes from; an import finds by it what it has done.
    Column("external_key", Key),
    # As search compares them; the last backwards, so that an index finds what an address ends with.
    Column("folded_name", Key, nullable=False, server_default=""),
    Column("folded_email", Key),
    Column("reversed_email", Key),
    Index(None, "workspace_id", "id"),
    Index(None, "group_id", "id"),
    Index(None, "workspace_id", "status", "id"),
    Index(None, "workspace_id", "folded_name", "id"),
    Index(None, "workspace_id", "folded_email", "id"),
    Index(None, "workspace_id", "reversed_email", "id"),
    Index(None, "workspace_id", "issue_date", "id"),
    Index(None, "workspace_id", "expiry_date", "id"),
    Index(None, "workspace_id", "created_at", "id"),
    Index(None, "workspace_id", "updated_at", "id"),
    Index(None, "status", "issue_at"),
    Index(None, "workspace_id", "external_key", unique=True),
)
CREDENTIAL_COLUMNS = [credentials.c[name] for name in Credential._fields]

# A credential is told to have expired once for each day on which it does.
told_expirations = Table(
    "told_expirations",
    metadata,
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Column("expiry_date", Key, primary_key=True),
)

_WHOSE = RowSet(
    "select c.id, c.workspace_id, c.group_id, w.time_zone, w.next_time_zone, w.next_time_zone_at from {rows} "
    "join credentials c on c.id = rows.id join workspaces w on w.id = c.workspace_id",
    returns=("id", "workspace_id", "group_id", "time_zone", "next_time_zone", "next_time_zone_at"),
    id="text",
)


class Owner(NamedTuple):
    """Whose a credential is, and in which time zone the days of its workspace begin: another from a moment on, if any."""

    workspace_id: str
    group_id: str
    time_zone: str
    next_time_zone: str | None
    next_time_zone_at: Moment | None

    def zone_of(self, id_: str) -> str:
        """The time zone that holds for an interaction with this id, by the time received."""
        if self.next_time_zone_at is None or moment_of_id(id_) < self.next_time_zone_at:
            return self.time_zone
        return self.next_time_zone or self.time_zone


def find_owners(transaction: BulkTransaction, ids: set[str]) -> dict[str, Owner]:
    """Of those ids that exist, by id: whose each is. One query."""
    found = transaction.run(_WHOSE, [(id_,) for id_ in ids])
    return {row[0]: Owner(*row[1:]) for row in found}


def add_credential(
    transaction: Transaction,
    workspace_id: str,
    group_id: str,
    recipient: tuple[str | None, str, str | None],
    dates: tuple[str, str | None],
    *,
    status: StoredStatus = "draft",
    public_id: str | None = None,
    evidence: Sequence[dict[str, str]] = (),
    custom_attributes: Mapping[str, str] | None = None,
) -> Credential:
    """Create a credential for a recipient (id or None, name, e-mail address or None).

    `evidence`: objects with a name and a url.
    """
    recipient_id, name, email = recipient
    credential = Credential(
        id=transaction.new_id(),
        public_id=public_id or str(uuid4()),
        workspace_id=workspace_id,
        group_id=group_id,
        status=status,
        recipient_id=recipient_id or transaction.new_id(),
        recipient_name=name,
        recipient_email=email,
        issue_date=dates[0],
        expiry_date=dates[1],
        custom_attributes=dict(custom_attributes or {}),
        created_at=transaction.at,
        updated_at=transaction.at,
        evidence=list(evidence),
    )
    add_credentials(transaction, [credential])
    return credential


def add_credentials(transaction: Transaction, new: Sequence[Credential]) -> None:
    """Create many at once."""
    if not new:
        return
    transaction.connection.execute(insert(credentials), [_row(one) for one in new])
    there = [one for one in new if one.status == "issued"]
    add_outcomes(
        transaction,
        [(one.id, one.workspace_id, one.group_id, one.issue_date, one.created_at) for one in there],
    )
    for workspace_id in {one.workspace_id for one in new}:
        here = [one for one in new if one.workspace_id == workspace_id]
        add_credential_events(transaction, workspace_id, "credential.created", [one.id for one in here])
        issued = [one.id for one in here if one.status == "issued"]
        add_credential_events(transaction, workspace_id, "credential.issued", issued)


def save_credential(transaction: Transaction, credential: Credential) -> None:
    """Keep this state of the credential."""
    transaction.connection.execute(
        update(credentials).where(credentials.c.id == credential.id).values(_row(credential))
    )
    date_outcome(transaction, credential.id, credential.issue_date)
    add_credential_events(transaction, credential.workspace_id, "credential.updated", [credential.id])


def refresh_statistics(transaction: Transaction) -> None:
    """Let the database look again at what credentials there are: by that it chooses the index for a search.

    For after many were created; PostgreSQL does it by itself some time later. Takes well under a second.
    """
    if transaction.dialect == "sqlite":
        transaction.connection.exec_driver_sql("pragma analysis_limit = 1000")
    for table in (credentials, outcomes):
        transaction.connection.exec_driver_sql(f"analyze {table.name}")


def find_external_keys(transaction: Transaction, workspace_id: str, keys: Iterable[str]) -> set[str]:
    """Those of the keys that credentials of the workspace have already."""
    query = select(credentials.c.external_key).where(
        credentials.c.workspace_id == workspace_id, credentials.c.external_key.in_(list(keys))
    )
    return set(transaction.connection.execute(query).scalars())


def find_credential(transaction: Transaction, workspace_id: str, id_: str) -> Credential | None:
    """One credential of this workspace."""
    return _one(transaction, credentials.c.id == id_, credentials.c.workspace_id == workspace_id)


def find_credentials(
    transaction: Transaction, ids: Iterable[str], *, lock: bool = False
) -> dict[str, Credential]:
    """Those of these that are there, of any workspace, by id; with `lock` none is deleted until the transaction ends."""
    query = select(*CREDENTIAL_COLUMNS).where(credentials.c.id.in_(set(ids)))
    if lock:
        query = query.with_for_update(read=True, key_share=True)
    return {row[0]: Credential(*row) for row in transaction.connection.execute(query)}


def list_credentials(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[Credential]:
    """Up to `limit` credentials before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(*CREDENTIAL_COLUMNS).where(credentials.c.workspace_id == workspace_id)
    query = cut(query, credentials.c.id, edge=edge, newer=newer, limit=limit)
    return [Credential(*row) for row in transaction.connection.execute(query)]


def find_longest_name(transaction: Transaction, workspace_id: str) -> str | None:
    """The longest name of a recipient among the workspace's latest 50,000 credentials."""
    query = select(credentials.c.recipient_name).where(credentials.c.workspace_id == workspace_id)
    latest = query.order_by(credentials.c.id.desc()).limit(50_000).subquery()
    longest = select(latest.c.recipient_name).order_by(func.length(latest.c.recipient_name).desc()).limit(1)
    return transaction.connection.execute(longest).scalar_one_or_none()


def list_of_address(transaction: Transaction, workspace_id: str, email: str) -> list[Credential]:
    """All credentials of the recipient with this address, however it is written, oldest first."""
    query = select(*CREDENTIAL_COLUMNS).where(
        credentials.c.workspace_id == workspace_id, credentials.c.folded_email == fold(email)
    )
    return [Credential(*row) for row in transaction.connection.execute(query.order_by(credentials.c.id))]


def count_credentials(transaction: Transaction, workspace_id: str) -> int:
    """How many credentials a workspace has."""
    query = select(func.count()).select_from(credentials).where(credentials.c.workspace_id == workspace_id)
    return transaction.connection.execute(query).scalar_one()


def count_by_group(transaction: Transaction, group_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many credentials each of these groups has, and how many of them are issued; groups without any are left out."""
    issued = func.count().filter(credentials.c.status == "issued")
    query = (
        select(credentials.c.group_id, func.count(), issued)
        .where(credentials.c.group_id.in_(list(group_ids)))
        .group_by(credentials.c.group_id)
    )
    return {id_: (all_, some) for id_, all_, some in transaction.connection.execute(query)}


def count_with_attribute(transaction: Transaction, workspace_id: str, tag: str) -> int:
    """How many credentials have a value of this custom attribute."""
    value = credentials.c.custom_attributes[f"custom.{tag}"].as_string()
    query = select(func.count()).where(credentials.c.workspace_id == workspace_id, value.is_not(None))
    return transaction.connection.execute(query).scalar_one()


_ISSUED = [credentials.c[name] for name in ("id", "workspace_id", "group_id", "issue_date")]


def _issued_now(transaction: Transaction) -> dict[str, Any]:
    return {"issue_at": None, "send_at_issuance": False, "updated_at": transaction.at}


def issue_credential(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Draft or scheduled becomes issued; False when it was in another state (or isn't there)."""
    changed = transaction.connection.execute(
        update(credentials)
        .where(
            credentials.c.id == id_,
            credentials.c.workspace_id == workspace_id,
            credentials.c.status.in_(("draft", "scheduled")),
        )
        .values(status="issued", **_issued_now(transaction))
        .returning(*_ISSUED)
    ).all()
    add_outcomes(transaction, changed, transaction.at)
    if changed:
        add_credential_events(transaction, workspace_id, "credential.issued", [id_])
    return len(changed) == 1


def issue_scheduled(transaction: Transaction, limit: int) -> list[tuple[str, str, str | None]]:
    """Issue up to `limit` credentials whose time has come: id, workspace id, and the address to mail it to, or None."""
    due = (
        select(credentials.c.id, credentials.c.send_at_issuance)
        .where(credentials.c.status == "scheduled", credentials.c.issue_at <= transaction.at)
        .order_by(credentials.c.issue_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    to_mail = {row.id: row.send_at_issuance for row in transaction.connection.execute(due)}
    if not to_mail:
        return []
    issued = transaction.connection.execute(
        update(credentials)
        .where(credentials.c.id.in_(list(to_mail)))
        .values(status="issued", **_issued_now(transaction))
        .returning(*_ISSUED, credentials.c.recipient_email)
    ).all()
    add_outcomes(transaction, [row[:4] for row in issued], transaction.at)
    for id_, workspace_id, *_ in sorted(issued, key=lambda row: list(to_mail).index(row[0])):
        add_credential_events(transaction, workspace_id, "credential.issued", [id_])
    return [(row.id, row.workspace_id, row.recipient_email if to_mail[row.id] else None) for row in issued]


def note_sent(transaction: Transaction, workspace_id: str, id_: str) -> None:
    """A mail with the credential's link has gone out now."""
    transaction.connection.execute(
        update(credentials).where(credentials.c.id == id_).values(sent_at=transaction.at)
    )
    add_credential_events(transaction, workspace_id, "credential.sent", [id_])


def take_expired(
    transaction: Transaction, workspace_id: str, from_day: str, before_day: str, limit: int
) -> list[str]:
    """Ids of issued credentials that expired on a day in this span, each once for each such day, earliest first."""
    told = told_expirations.c
    query = (
        select(credentials.c.id, credentials.c.expiry_date)
        .where(
            credentials.c.workspace_id == workspace_id,
            credentials.c.expiry_date >= from_day,
            credentials.c.expiry_date < before_day,
            credentials.c.status == "issued",
            ~exists().where(
                told.credential_id == credentials.c.id, told.expiry_date == credentials.c.expiry_date
            ),
        )
        .order_by(credentials.c.expiry_date, credentials.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = transaction.connection.execute(query).all()
    if found:
        rows = [{"credential_id": id_, "expiry_date": day} for id_, day in found]
        transaction.connection.execute(insert(told_expirations), rows)
    return [id_ for id_, _ in found]


def schedule_credential(
    transaction: Transaction, credential: Credential, issue_at: Moment, *, send_at_issuance: bool
) -> bool:
    """Draft or scheduled becomes scheduled for that time; False when it is issued by now."""
    changed = transaction.connection.execute(
        update(credentials)
        .where(credentials.c.id == credential.id, credentials.c.status.in_(("draft", "scheduled")))
        .values(
            status="scheduled",
            issue_at=issue_at,
            send_at_issuance=send_at_issuance,
            updated_at=transaction.at,
        )
    )
    if changed.rowcount:
        add_credential_events(transaction, credential.workspace_id, "credential.updated", [credential.id])
    return changed.rowcount == 1


def delete_credential(transaction: Transaction, workspace_id: str, id_: str) -> str | None:
    """Delete it and, by the schema's cascades, its interactions, its own counts, mails and kept answers.

    Its public id, whose documents the caller shall forget; None when there is no such credential.

    The counts per workspace and group keep their sums: they hold no id of a credential or a person.
    """
    forget_answers_about(transaction, id_)
    gone = delete(credentials).where(credentials.c.id == id_, credentials.c.workspace_id == workspace_id)
    public_id: str | None = transaction.connection.execute(gone.returning(credentials.c.public_id)).scalar()
    if public_id is not None:
        forget_credential(transaction, id_)
        add_credential_events(transaction, workspace_id, "credential.deleted", [id_])
    return public_id


def revoke_credential(transaction: Transaction, workspace_id: str, id_: str, reason: str | None) -> bool:
    """Take an issued credential back, telling why; False when it isn't issued or is revoked already."""
    changed = transaction.connection.execute(
        update(credentials)
        .where(
            credentials.c.id == id_,
            credentials.c.workspace_id == workspace_id,
            credentials.c.status == "issued",
            credentials.c.revoked_at.is_(None),
        )
        .values(revoked_at=transaction.at, revocation_reason=reason, updated_at=transaction.at)
    )
    if changed.rowcount:
        add_credential_events(transaction, workspace_id, "credential.revoked", [id_])
    return changed.rowcount == 1


def reinstate_credential(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Put a revoked credential in force again; False when it isn't revoked."""
    changed = transaction.connection.execute(
        update(credentials)
        .where(
            credentials.c.id == id_,
            credentials.c.workspace_id == workspace_id,
            credentials.c.revoked_at.is_not(None),
        )
        .values(revoked_at=None, revocation_reason=None, updated_at=transaction.at)
    )
    if changed.rowcount:
        add_credential_events(transaction, workspace_id, "credential.reinstated", [id_])
    return changed.rowcount == 1


def find_opened_at(transaction: Transaction, id_: str) -> Moment | None:
    """When the recipient first viewed it. The fact belongs to interactions, which stand above; it is read here since
    mails are told with it."""
    found = [
        transaction.connection.execute(select(one.c.opened_at).where(one.c.credential_id == id_)).scalar()
        for one in (outcomes, metadata.tables["engagements"])
    ]
    return min((at for at in found if at is not None), default=None)


_VIEW = (
    select(
        *CREDENTIAL_COLUMNS,
        workspaces.c.name,
        workspaces.c.time_zone,
        case((workspaces.c.domain_confirmed_at.is_not(None), workspaces.c.domain)),
        groups,
        issuer_profiles,
        page_privacy,
        group_designs.c.design_id,
        *DESIGN_COLUMNS,
    )
    .join_from(credentials, workspaces, workspaces.c.id == credentials.c.workspace_id)
    .join(groups, groups.c.id == credentials.c.group_id)
    .outerjoin(issuer_profiles, issuer_profiles.c.workspace_id == credentials.c.workspace_id)
    .outerjoin(page_privacy, page_privacy.c.credential_id == credentials.c.id)
    .outerjoin(group_designs, group_designs.c.group_id == groups.c.id)
    .outerjoin(
        designs,
        and_(
            designs.c.id == group_designs.c.design_id,
            designs.c.workspace_id == credentials.c.workspace_id,
        ),
    )
    .order_by(group_designs.c.position)
)
_PUBLIC = _VIEW.where(credentials.c.public_id == bindparam("public_id"), credentials.c.status == "issued")
_OWN = _VIEW.where(
    credentials.c.id == bindparam("id"), credentials.c.workspace_id == bindparam("workspace_id")
)
"""One row for each design. Put together once: pages are asked for more than all else, and building a statement takes
longer than running this one."""
_CREDENTIAL_END = len(CREDENTIAL_COLUMNS)
_GROUP_BEGIN = _CREDENTIAL_END + 3
_GROUP_END = _GROUP_BEGIN + len(groups.c)
_PROFILE_END = _GROUP_END + len(issuer_profiles.c)
_PRIVACY_END = _PROFILE_END + len(page_privacy.c)


def find_public(transaction: Transaction, public_id: str) -> PublicView | None:
    """What a public page shows; None for draft, scheduled, deleted and unknown alike."""
    return _read_view(transaction.connection.execute(_PUBLIC, {"public_id": public_id}).all())


def find_view(transaction: Transaction, workspace_id: str, id_: str) -> PublicView | None:
    """The same of one of the workspace's credentials, in any status."""
    return _read_view(transaction.connection.execute(_OWN, {"id": id_, "workspace_id": workspace_id}).all())


def _read_view(rows: Sequence[Any]) -> PublicView | None:
    if not rows:
        return None
    row, design_ids = rows[0], tuple(each[_PRIVACY_END] for each in rows if each[_PRIVACY_END])
    profile = row[_GROUP_END:_PROFILE_END]
    own = [each[_PRIVACY_END + 1 :] for each in rows]
    return PublicView(
        Credential(*row[:_CREDENTIAL_END]),
        read_group(row[_GROUP_BEGIN:_GROUP_END], design_ids),
        row[_CREDENTIAL_END],
        row[_CREDENTIAL_END + 1],
        IssuerProfile(*profile[1:]) if profile[0] else IssuerProfile(),
        tuple(read_design(design) for design in own if design[0]),
        row[_CREDENTIAL_END + 2],
        read_privacy(row[_PROFILE_END:_PRIVACY_END]),
    )


def _one(transaction: Transaction, *where: Any) -> Credential | None:
    row = transaction.connection.execute(select(*CREDENTIAL_COLUMNS).where(*where)).first()
    return Credential(*row) if row else None


def _row(credential: Credential) -> dict[str, Any]:
    email = credential.recipient_email
    folded = fold(email) if email is not None else None
    return credential._asdict() | {
        "folded_name": fold(credential.recipient_name),
        "folded_email": folded,
        "reversed_email": folded[::-1] if folded is not None else None,
    }
