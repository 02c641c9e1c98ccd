"""Uploaded sheets that are being imported: the import, its sheet, its refused lines."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("key_place", sa.Integer(), nullable=True),
        sa.Column("then", KEY, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("created_count", sa.Integer(), nullable=False),
        sa.Column("present_count", sa.Integer(), nullable=False),
        sa.Column("refused_count", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("imports_workspace_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("imports_group_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("imports_pkey")),
    )
    op.create_index(op.f("imports_workspace_id_id_idx"), "imports", ["workspace_id", "id"])
    op.create_index(op.f("imports_group_id_idx"), "imports", ["group_id"])
    op.create_index(op.f("imports_status_due_at_idx"), "imports", ["status", "due_at"])
    op.create_table(
        "import_sheets",
        sa.Column("import_id", KEY, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _of_import("import_sheets"),
        sa.PrimaryKeyConstraint("import_id", name=op.f("import_sheets_pkey")),
    )
    op.create_table(
        "import_refusals",
        sa.Column("import_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _of_import("import_refusals"),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("import_refusals_pkey")),
    )


def _of_import(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["import_id"], ["imports.id"], name=op.f(f"{table}_import_id_fkey"), ondelete="CASCADE"
    )
