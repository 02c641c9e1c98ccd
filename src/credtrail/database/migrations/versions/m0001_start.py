"""The first tables: workspaces, tokens, groups, credentials, interactions and their counts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


# Compared, never read by people: byte order on both databases.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("workspaces_pkey")),
        sa.UniqueConstraint("name", name=op.f("workspaces_name_key")),
    )
    op.create_table(
        "access_tokens",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("access", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("access_tokens_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("access_tokens_pkey")),
        sa.UniqueConstraint("digest", name=op.f("access_tokens_digest_key")),
    )
    op.create_index(op.f("access_tokens_workspace_id_idx"), "access_tokens", ["workspace_id"], unique=False)
    op.create_table(
        "daily_counts",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("day", KEY, nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("daily_counts_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "group_id", "day", "event_type", "triggered_by", name=op.f("daily_counts_pkey")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "groups",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("learning_event_url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("groups_workspace_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("groups_pkey")),
    )
    op.create_index(op.f("groups_workspace_id_id_idx"), "groups", ["workspace_id", "id"], unique=False)
    op.create_table(
        "credentials",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("recipient_id", KEY, nullable=False),
        sa.Column("recipient_name", sa.Text(), nullable=False),
        sa.Column("recipient_email", sa.Text(), nullable=True),
        sa.Column("issue_date", KEY, nullable=False),
        sa.Column("expiry_date", KEY, nullable=True),
        sa.Column("custom_attributes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("credentials_group_id_fkey")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("credentials_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("credentials_pkey")),
        sa.UniqueConstraint("public_id", name=op.f("credentials_public_id_key")),
    )
    op.create_index(op.f("credentials_group_id_idx"), "credentials", ["group_id"], unique=False)
    op.create_index(
        op.f("credentials_workspace_id_id_idx"), "credentials", ["workspace_id", "id"], unique=False
    )
    op.create_table(
        "group_designs",
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("design_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("group_designs_group_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "position", name=op.f("group_designs_pkey")),
    )
    op.create_table(
        "credential_counts",
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("day", KEY, nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("credential_counts_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "credential_id", "day", "event_type", "triggered_by", name=op.f("credential_counts_pkey")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "credential_firsts",
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("credential_firsts_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "credential_id", "event_type", "triggered_by", name=op.f("credential_firsts_pkey")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("credential_id", KEY, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("idempotency_keys_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("idempotency_keys_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index(op.f("idempotency_keys_created_at_idx"), "idempotency_keys", ["created_at"], unique=False)
    op.create_index(
        op.f("idempotency_keys_credential_id_idx"), "idempotency_keys", ["credential_id"], unique=False
    )
    op.create_table(
        "interactions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("triggered_at", sa.BigInteger(), nullable=False),
        sa.Column("certainty", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("interactions_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("interactions_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("interactions_credential_id_id_idx"), "interactions", ["credential_id", "id"], unique=False
    )
    op.create_index(op.f("interactions_group_id_id_idx"), "interactions", ["group_id", "id"], unique=False)
    op.create_index(
        op.f("interactions_workspace_id_event_type_id_idx"),
        "interactions",
        ["workspace_id", "event_type", "id"],
        unique=False,
    )
    op.create_index(
        op.f("interactions_workspace_id_id_idx"), "interactions", ["workspace_id", "id"], unique=False
    )
    op.create_table(
        "page_visits",
        sa.Column("id", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("view_count", sa.Integer(), nullable=False),
        sa.Column("other_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("page_visits_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("page_visits_pkey")),
    )
    op.create_index(op.f("page_visits_created_at_idx"), "page_visits", ["created_at"], unique=False)
    op.create_index(op.f("page_visits_credential_id_idx"), "page_visits", ["credential_id"], unique=False)
    op.create_table(
        "set_aside_interactions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("triggered_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("set_aside_interactions_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("set_aside_interactions_pkey")),
    )
    op.create_index(
        op.f("set_aside_interactions_credential_id_idx"),
        "set_aside_interactions",
        ["credential_id"],
        unique=False,
    )
    op.create_index(
        op.f("set_aside_interactions_triggered_at_idx"),
        "set_aside_interactions",
        ["triggered_at"],
        unique=False,
    )
    op.create_index(
        op.f("set_aside_interactions_workspace_id_id_idx"),
        "set_aside_interactions",
        ["workspace_id", "id"],
        unique=False,
    )
