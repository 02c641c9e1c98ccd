"""What was recorded and isn't in the sums yet, on PostgreSQL."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0016"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "pending_counts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("given", ARRAY(sa.Text()).with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pending_counts_pkey")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Rows live for a second: to press them together, or lay them elsewhere, costs more than their space.
        op.execute("alter table pending_counts set (toast_tuple_target = 8160)")
