"""Issuers' keys, and the places of credentials in status lists."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "issuer_keys",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("issuer_keys_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("issuer_keys_pkey")),
    )
    op.create_index(
        op.f("issuer_keys_workspace_id_is_active_idx"),
        "issuer_keys",
        ["workspace_id", "is_active"],
        unique=True,
    )
    op.create_table(
        "status_entries",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("list_number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("credential_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("status_entries_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("status_entries_credential_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "list_number", "position", name=op.f("status_entries_pkey")),
        sa.UniqueConstraint("credential_id", name=op.f("status_entries_credential_id_key")),
    )
