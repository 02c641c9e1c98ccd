"""The verified owner: codes, proofs, who may see a page, corrections of names, and what workspaces allow."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0012"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for name in ("sharing", "downloading"):
        column = sa.Column(name, KEY, nullable=False, server_default="everybody")
        op.add_column("issuer_profiles", column)
    op.add_column(
        "issuer_profiles",
        sa.Column("privacy_choices", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.add_column("issuer_profiles", sa.Column("name_changes", KEY, nullable=False, server_default="request"))
    op.add_column(
        "issuer_profiles",
        sa.Column("offline_choices", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.create_table(
        "page_privacy",
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("chosen", KEY, nullable=True),
        sa.Column("chosen_by", KEY, nullable=True),
        sa.Column("link_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("offline_at", sa.BigInteger(), nullable=True),
        _of_credential("page_privacy"),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("page_privacy_pkey")),
    )
    op.create_table(
        "recipient_codes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=True),
        sa.Column("asked_for", KEY, nullable=False),
        sa.Column("code_digest", KEY, nullable=False),
        sa.Column("try_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        _of_credential("recipient_codes"),
        sa.PrimaryKeyConstraint("id", name=op.f("recipient_codes_pkey")),
    )
    op.create_index(op.f("recipient_codes_credential_id_idx"), "recipient_codes", ["credential_id"])
    op.create_index(
        op.f("recipient_codes_asked_for_created_at_idx"), "recipient_codes", ["asked_for", "created_at"]
    )
    op.create_index(op.f("recipient_codes_created_at_idx"), "recipient_codes", ["created_at"])
    op.create_table(
        "recipient_proofs",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("address_digest", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        _of_credential("recipient_proofs"),
        sa.PrimaryKeyConstraint("digest", name=op.f("recipient_proofs_pkey")),
    )
    op.create_index(op.f("recipient_proofs_credential_id_idx"), "recipient_proofs", ["credential_id"])
    op.create_index(op.f("recipient_proofs_expires_at_idx"), "recipient_proofs", ["expires_at"])
    op.create_table(
        "name_requests",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("name_requests_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        _of_credential("name_requests"),
        sa.PrimaryKeyConstraint("id", name=op.f("name_requests_pkey")),
    )
    op.create_index(
        op.f("name_requests_workspace_id_status_id_idx"), "name_requests", ["workspace_id", "status", "id"]
    )
    op.create_index(op.f("name_requests_credential_id_id_idx"), "name_requests", ["credential_id", "id"])
    op.create_index(op.f("name_requests_settled_at_idx"), "name_requests", ["settled_at"])


def _of_credential(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["credential_id"], ["credentials.id"], name=op.f(f"{table}_credential_id_fkey"), ondelete="CASCADE"
    )
