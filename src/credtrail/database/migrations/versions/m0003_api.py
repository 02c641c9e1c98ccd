"""The whole public API: attributes, expiry rules, search, schedules, e-mail templates and mails."""

from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "attributes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("tag", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        _of_workspace("attributes"),
        sa.PrimaryKeyConstraint("id", name=op.f("attributes_pkey")),
        sa.UniqueConstraint("workspace_id", "tag", name=op.f("attributes_workspace_id_tag_key")),
    )
    op.create_table(
        "email_templates",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        _of_workspace("email_templates"),
        sa.PrimaryKeyConstraint("id", name=op.f("email_templates_pkey")),
    )
    op.create_index(op.f("email_templates_workspace_id_id_idx"), "email_templates", ["workspace_id", "id"])
    op.create_table(
        "mails",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        _of_workspace("mails"),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("mails_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("mails_pkey")),
    )
    op.create_index(op.f("mails_credential_id_id_idx"), "mails", ["credential_id", "id"])
    op.create_index(op.f("mails_status_due_at_idx"), "mails", ["status", "due_at"])
    op.create_table(
        "idempotency_subjects",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "key"],
            ["idempotency_keys.workspace_id", "idempotency_keys.key"],
            name=op.f("idempotency_subjects_key_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("idempotency_subjects_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "key", "credential_id", name=op.f("idempotency_subjects_pkey")
        ),
    )
    op.create_index(op.f("idempotency_subjects_credential_id_idx"), "idempotency_subjects", ["credential_id"])
    op.add_column("groups", sa.Column("expires_after", KEY, nullable=True))
    op.add_column("groups", sa.Column("email_template_id", KEY, nullable=True))
    op.add_column("issuer_profiles", sa.Column("sender_name", sa.Text(), nullable=True))
    op.add_column("issuer_profiles", sa.Column("sender_email", sa.Text(), nullable=True))
    op.add_column("issuer_profiles", sa.Column("language", KEY, nullable=False, server_default="en"))
    credentials = "credentials"
    op.add_column(credentials, sa.Column("issue_at", sa.BigInteger(), nullable=True))
    op.add_column(
        credentials, sa.Column("send_at_issuance", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(credentials, sa.Column("external_key", KEY, nullable=True))
    op.add_column(credentials, sa.Column("folded_name", KEY, nullable=False, server_default=""))
    op.add_column(credentials, sa.Column("folded_email", KEY, nullable=True))
    op.add_column(credentials, sa.Column("reversed_email", KEY, nullable=True))
    _fold_recipients(op.get_bind())
    op.drop_index(op.f("credentials_group_id_idx"), credentials)
    for columns in (
        ("group_id", "id"),
        ("workspace_id", "status", "id"),
        ("workspace_id", "folded_name", "id"),
        ("workspace_id", "folded_email", "id"),
        ("workspace_id", "reversed_email", "id"),
        ("workspace_id", "issue_date", "id"),
        ("workspace_id", "expiry_date", "id"),
        ("workspace_id", "created_at", "id"),
        ("workspace_id", "updated_at", "id"),
        ("status", "issue_at"),
    ):
        op.create_index(op.f(f"credentials_{'_'.join(columns)}_idx"), credentials, list(columns))
    op.create_index(
        op.f("credentials_workspace_id_external_key_idx"),
        credentials,
        ["workspace_id", "external_key"],
        unique=True,
    )


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id"], ["workspaces.id"], name=op.f(f"{table}_workspace_id_fkey"), ondelete="CASCADE"
    )


def _fold_recipients(connection: sa.Connection) -> None:
    credentials = sa.table(
        "credentials",
        *map(
            sa.column,
            ("id", "recipient_name", "recipient_email", "folded_name", "folded_email", "reversed_email"),
        ),
    )
    change = sa.update(credentials).where(credentials.c.id == sa.bindparam("of_row", type_=KEY))
    last = ""
    while True:
        some = sa.select(credentials.c.id, credentials.c.recipient_name, credentials.c.recipient_email)
        rows = connection.execute(some.where(credentials.c.id > last).order_by("id").limit(1_000)).all()
        if not rows:
            return
        last = rows[-1][0]
        connection.execute(
            change.values(
                {name: sa.bindparam(name) for name in ("folded_name", "folded_email", "reversed_email")}
            ),
            [_folded(*row) for row in rows],
        )


def _folded(id_: str, name: str, email: str | None) -> dict[str, str | None]:
    folded = _fold(email) if email is not None else None
    return {
        "of_row": id_,
        "folded_name": _fold(name),
        "folded_email": folded,
        "reversed_email": folded[::-1] if folded is not None else None,
    }


def _fold(text: str) -> str:
    return normalize("NFKC", normalize("NFKC", text).casefold())
