"""SQL of e-mail templates and of the queue of mails. Called by this slice's face, groups, credentials, `deliver`.

A mail is `waiting` until a worker claims it; a claim ends by itself after some minutes (`due_at` of a claimed mail),
so that another worker takes over from one that was killed. What was claimed but not handed to the mail server waits
again; what was being handed over is `uncertain`, for nobody can know.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from credtrail.database import Key, Transaction, cut, metadata
from credtrail.mail.model import EmailTemplate, Mail
from credtrail.values import Moment

CLAIM_MS = 10 * 60_000

email_templates = Table(
    "email_templates",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "workspace_id", "id"),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("credential_id", Key, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False),
    Column("address", Text, nullable=False),
    # As in `MailStatus`, and `claimed` before `sending`: the latter begins when the message is handed over.
    Column("status", Key, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "credential_id", "id"),
    Index(None, "status", "due_at"),
)


def add_template(
    transaction: Transaction, workspace_id: str, name: str, subject: str, body: str
) -> EmailTemplate:
    """Create a template."""
    template = EmailTemplate(
        transaction.new_id(), workspace_id, name, subject, body, transaction.at, transaction.at
    )
    restore_template(transaction, template)
    return template


def restore_template(transaction: Transaction, template: EmailTemplate) -> None:
    """Bring back a template that was deleted, with its id: groups that still name it use it again."""
    transaction.connection.execute(insert(email_templates).values(template._asdict()))


def find_template(transaction: Transaction, workspace_id: str, id_: str) -> EmailTemplate | None:
    """One template of this workspace."""
    query = select(email_templates).where(
        email_templates.c.id == id_, email_templates.c.workspace_id == workspace_id
    )
    row = transaction.connection.execute(query).first()
    return EmailTemplate(*row) if row else None


def list_templates(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[EmailTemplate]:
    """Up to `limit` templates before the edge, newest first; with `newer` those after it, oldest first."""
    query = select(email_templates).where(email_templates.c.workspace_id == workspace_id)
    query = cut(query, email_templates.c.id, edge=edge, newer=newer, limit=limit)
    return [EmailTemplate(*row) for row in transaction.connection.execute(query)]


def save_template(transaction: Transaction, template: EmailTemplate) -> None:
    """Keep this state of the template."""
    transaction.connection.execute(
        update(email_templates).where(email_templates.c.id == template.id).values(template._asdict())
    )


def delete_template(transaction: Transaction, workspace_id: str, id_: str) -> bool:
    """Delete a template; groups that name it use the built-in one from then on. False when there is none."""
    gone = transaction.connection.execute(
        delete(email_templates).where(
            email_templates.c.id == id_, email_templates.c.workspace_id == workspace_id
        )
    )
    return gone.rowcount == 1


def add_mails(transaction: Transaction, workspace_id: str, sends: Sequence[tuple[str, str]]) -> None:
    """Queue a mail for each (credential id, address)."""
    if not sends:
        return
    at = transaction.at
    transaction.connection.execute(
        insert(mails),
        [
            Mail(transaction.new_id(), workspace_id, id_, address, "waiting", None, 0, at, at, at)._asdict()
            for id_, address in sends
        ],
    )


def list_mails(transaction: Transaction, credential_id: str) -> list[Mail]:
    """The latest hundred mails of a credential, newest first."""
    query = select(mails).where(mails.c.credential_id == credential_id).order_by(mails.c.id.desc()).limit(100)
    found = (Mail(*row) for row in transaction.connection.execute(query))
    return [mail._replace(status="sending") if mail.status == "claimed" else mail for mail in found]  # type: ignore[comparison-overlap]


def find_latest_mails(transaction: Transaction, credential_ids: Iterable[str]) -> dict[str, Mail]:
    """The latest mail of each of these credentials that has any, by credential."""
    latest = select(func.max(mails.c.id)).where(mails.c.credential_id.in_(list(credential_ids)))
    query = select(mails).where(mails.c.id.in_(latest.group_by(mails.c.credential_id)))
    found = (Mail(*row) for row in transaction.connection.execute(query))
    return {mail.credential_id: mail for mail in found}


def count_mails(transaction: Transaction, credential_ids: Iterable[str]) -> int:
    """How many mails these credentials have, of any status."""
    query = select(func.count()).where(mails.c.credential_id.in_(list(credential_ids)))
    return transaction.connection.execute(query).scalar_one()


def find_mail(transaction: Transaction, id_: str) -> Mail | None:
    """One mail, of any workspace."""
    row = transaction.connection.execute(select(mails).where(mails.c.id == id_)).first()
    return Mail(*row) if row else None


def free_outlived_claims(transaction: Transaction) -> int:
    """What a killed worker left: mails it had not begun to hand over wait again, the others are uncertain."""
    handed = mails.c.status == "sending"
    freed = transaction.connection.execute(
        update(mails)
        .where(mails.c.status.in_(("claimed", "sending")), mails.c.due_at <= transaction.at)
        .values(
            status=case((handed, "uncertain"), else_="waiting"),
            reason=case((handed, "The worker ended while it handed the mail over"), else_=mails.c.reason),
            due_at=transaction.at,
            updated_at=transaction.at,
        )
    )
    return freed.rowcount


def claim_mails(transaction: Transaction, limit: int) -> list[Mail]:
    """Take up to `limit` mails whose turn it is; nobody else gets them until the claim ends."""
    due = (
        select(mails.c.id)
        .where(mails.c.status == "waiting", mails.c.due_at <= transaction.at)
        .order_by(mails.c.due_at, mails.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = transaction.connection.execute(
        update(mails)
        .where(mails.c.id.in_(due.scalar_subquery()))
        .values(
            status="claimed",
            attempts=mails.c.attempts + 1,
            due_at=transaction.at + CLAIM_MS,
            updated_at=transaction.at,
        )
        .returning(*mails.c)
    ).all()
    return sorted((Mail(*row) for row in claimed), key=lambda mail: mail.id)


def begin_handing_over(transaction: Transaction, mail: Mail) -> bool:
    """Note that from now on the mail may have been taken; False when the claim has ended or the mail is gone."""
    changed = transaction.connection.execute(
        update(mails)
        .where(mails.c.id == mail.id, mails.c.status == "claimed", mails.c.attempts == mail.attempts)
        .values(status="sending", due_at=transaction.at + CLAIM_MS, updated_at=transaction.at)
    )
    return changed.rowcount == 1


def settle_mail(
    transaction: Transaction, mail: Mail, status: str, reason: str | None = None, due_at: Moment | None = None
) -> None:
    """How an attempt ended; a mail that somebody else took over meanwhile is left alone."""
    transaction.connection.execute(
        update(mails)
        .where(
            mails.c.id == mail.id,
            mails.c.status.in_(("claimed", "sending")),
            mails.c.attempts == mail.attempts,
        )
        .values(
            status=status,
            reason=reason,
            due_at=transaction.at if due_at is None else due_at,
            updated_at=transaction.at,
        )
    )


def settle_bounce(transaction: Transaction, id_: str, reason: str) -> bool:
    """A mail that was taken came back; False when there is no such mail."""
    changed = transaction.connection.execute(
        update(mails)
        .where(mails.c.id == id_, mails.c.status.in_(("sent", "uncertain", "sending")))
        .values(status="bounced", reason=reason, updated_at=transaction.at)
    )
    return changed.rowcount == 1
