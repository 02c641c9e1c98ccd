"""A workspace's own designs, and uploaded images beside the issuer's logo and signature."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("issuer_images", sa.Column("uploaded_at", sa.BigInteger(), nullable=True))
    op.add_column("issuer_images", sa.Column("width", sa.Integer(), nullable=True))
    op.add_column("issuer_images", sa.Column("height", sa.Integer(), nullable=True))
    op.create_table(
        "designs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("designs_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("designs_pkey")),
    )
    op.create_index(op.f("designs_workspace_id_id_idx"), "designs", ["workspace_id", "id"])
    op.create_table(
        "design_images",
        sa.Column("design_id", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["design_id"], ["designs.id"], name=op.f("design_images_design_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "digest"],
            ["issuer_images.workspace_id", "issuer_images.digest"],
            name="design_images_image_fkey",
        ),
        sa.PrimaryKeyConstraint("design_id", "digest", name=op.f("design_images_pkey")),
    )
    op.create_index(
        op.f("design_images_workspace_id_digest_idx"), "design_images", ["workspace_id", "digest"]
    )
    op.create_index(op.f("group_designs_design_id_idx"), "group_designs", ["design_id"])
