"""What a credential's page shows and tells: issuer profiles, descriptions, evidence, revocation, actions by page,
and what was set aside of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "issuer_profiles",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("website_url", sa.Text(), nullable=True),
        sa.Column("contact_email", sa.Text(), nullable=True),
        sa.Column("brand_color", KEY, nullable=False),
        sa.Column("signatory_name", sa.Text(), nullable=True),
        sa.Column("signatory_title", sa.Text(), nullable=True),
        sa.Column("privacy_mode", KEY, nullable=False),
        sa.Column("indexed", sa.Boolean(), nullable=False),
        sa.Column("logo_digest", KEY, nullable=True),
        sa.Column("signature_digest", KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("issuer_profiles_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("issuer_profiles_pkey")),
    )
    op.create_table(
        "issuer_images",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("media_type", KEY, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("issuer_images_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "digest", name=op.f("issuer_images_pkey")),
    )
    op.create_table(
        "page_action_counts",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("day", KEY, nullable=False),
        sa.Column("action", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("page_action_counts_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id",
            "group_id",
            "day",
            "action",
            "triggered_by",
            name=op.f("page_action_counts_pkey"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "set_aside_counts",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("day", KEY, nullable=False),
        sa.Column("reason", KEY, nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("set_aside_counts_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id",
            "group_id",
            "day",
            "reason",
            "event_type",
            name=op.f("set_aside_counts_pkey"),
        ),
        sqlite_with_rowid=False,
    )
    aside = "set_aside_interactions"
    op.drop_index(op.f("set_aside_interactions_credential_id_idx"), aside)
    op.create_index(op.f("set_aside_interactions_credential_id_id_idx"), aside, ["credential_id", "id"])
    op.create_index(
        op.f("set_aside_interactions_workspace_id_reason_id_idx"), aside, ["workspace_id", "reason", "id"]
    )
    op.add_column("groups", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("groups", sa.Column("skills", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("credentials", sa.Column("evidence", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("credentials", sa.Column("sent_at", sa.BigInteger(), nullable=True))
    op.add_column("credentials", sa.Column("revoked_at", sa.BigInteger(), nullable=True))
    op.add_column("credentials", sa.Column("revocation_reason", sa.Text(), nullable=True))
