"""Users who sign in to the dashboard: members, invitations, sessions, one-time links, notices, who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("last_used_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "users",
        sa.Column("id", KEY, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("email", name=op.f("users_email_key")),
    )
    op.create_table(
        "identities",
        sa.Column("issuer", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        _of_user("identities"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("identities_pkey")),
    )
    op.create_index(op.f("identities_user_id_idx"), "identities", ["user_id"])
    op.create_table(
        "members",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _of_workspace("members"),
        _of_user("members"),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", name=op.f("members_pkey")),
    )
    op.create_index(op.f("members_user_id_idx"), "members", ["user_id"])
    op.create_table(
        "invitations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        _of_workspace("invitations"),
        sa.PrimaryKeyConstraint("id", name=op.f("invitations_pkey")),
        sa.UniqueConstraint("digest", name=op.f("invitations_digest_key")),
    )
    op.create_index(
        op.f("invitations_workspace_id_email_idx"), "invitations", ["workspace_id", "email"], unique=True
    )
    op.create_table(
        "sessions",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        _of_user("sessions"),
        sa.PrimaryKeyConstraint("digest", name=op.f("sessions_pkey")),
    )
    op.create_index(op.f("sessions_user_id_idx"), "sessions", ["user_id"])
    op.create_index(op.f("sessions_expires_at_idx"), "sessions", ["expires_at"])
    op.create_table(
        "one_time_links",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        _of_user("one_time_links"),
        sa.PrimaryKeyConstraint("digest", name=op.f("one_time_links_pkey")),
    )
    op.create_index(op.f("one_time_links_user_id_idx"), "one_time_links", ["user_id"])
    op.create_index(op.f("one_time_links_expires_at_idx"), "one_time_links", ["expires_at"])
    op.create_table(
        "failed_sign_ins",
        sa.Column("key", KEY, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("failed_sign_ins_pkey")),
    )
    op.create_index(op.f("failed_sign_ins_first_at_idx"), "failed_sign_ins", ["first_at"])
    op.create_table(
        "audit_entries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=True),
        sa.Column("user_id", KEY, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", KEY, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        _of_workspace("audit_entries"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("audit_entries_user_id_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_entries_pkey")),
    )
    op.create_index(op.f("audit_entries_user_id_idx"), "audit_entries", ["user_id"])
    op.create_index(op.f("audit_entries_workspace_id_id_idx"), "audit_entries", ["workspace_id", "id"])
    op.create_table(
        "notices",
        sa.Column("id", KEY, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("notices_pkey")),
    )
    op.create_index(op.f("notices_due_at_idx"), "notices", ["due_at"])


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id"], ["workspaces.id"], name=op.f(f"{table}_workspace_id_fkey"), ondelete="CASCADE"
    )


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=op.f(f"{table}_user_id_fkey"), ondelete="CASCADE"
    )
