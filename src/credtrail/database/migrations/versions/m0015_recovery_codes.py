"""Recovery codes for users whose authenticator app is lost."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0011"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", KEY, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("digest", KEY, primary_key=True),
    )
