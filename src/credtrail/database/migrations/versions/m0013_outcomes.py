"""What became of each issued credential, in the order in which insights read it.

What was recorded of them moves there. When they became issued is kept there alone, and the index of issue dates is as
narrow again as searches need it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0015"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "outcomes",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("issue_date", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("shared_at", sa.BigInteger(), nullable=True),
        sa.Column("guest_viewed_at", sa.BigInteger(), nullable=True),
        sa.Column("guest_verified_at", sa.BigInteger(), nullable=True),
        sa.Column("recipient_acts", sa.BigInteger(), nullable=False),
        sa.Column("guest_acts", sa.BigInteger(), nullable=False),
        sa.Column("guest_views", sa.BigInteger(), nullable=False),
        sa.Column("shares", sa.BigInteger(), nullable=False),
        sa.Column("guest_verifications", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("outcomes_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "group_id", "issue_date", "credential_id", name=op.f("outcomes_pkey")
        ),
        sa.UniqueConstraint("credential_id", name=op.f("outcomes_credential_id_key")),
        sqlite_with_rowid=False,
    )
    facts = (
        "opened_at, shared_at, guest_viewed_at, guest_verified_at, coalesce(recipient_acts, 0), coalesce(guest_acts, 0), "
        "coalesce(guest_views, 0), coalesce(shares, 0), coalesce(guest_verifications, 0)"
    )
    op.execute(
        "insert into outcomes select workspace_id, group_id, issue_date, id, coalesce(issued_at, created_at), "
        f"{facts} from credentials left join engagements on credential_id = id where status = 'issued' "
        "order by workspace_id, group_id, issue_date, id"
    )
    op.execute("delete from engagements where credential_id in (select credential_id from outcomes)")
    op.drop_index("credentials_issue_date_idx", "credentials")
    op.create_index(
        op.f("credentials_workspace_id_issue_date_id_idx"),
        "credentials",
        ["workspace_id", "issue_date", "id"],
    )
    op.drop_column("credentials", "issued_at")
