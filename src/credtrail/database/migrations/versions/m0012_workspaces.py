"""Workspaces: a domain of their own, how long single rows are kept, a change of time zone under way."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0009"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for column in (
        sa.Column("domain", KEY, nullable=True),
        sa.Column("domain_confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("interaction_days", sa.Integer(), nullable=True),
        sa.Column("set_aside_days", sa.Integer(), nullable=True),
        sa.Column("next_time_zone", sa.Text(), nullable=True),
        sa.Column("next_time_zone_at", sa.BigInteger(), nullable=True),
        sa.Column("days_moved_to", KEY, nullable=True),
    ):
        op.add_column("workspaces", column)
    op.create_index(op.f("workspaces_domain_idx"), "workspaces", ["domain"], unique=True)
