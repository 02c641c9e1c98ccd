"""What insights are read from: sums per workspace by day and quarter of an hour, one row per credential.

`credential_firsts` goes: its facts are in `engagements`. Credentials learn when they became issued; for those that
were before, it is when they were created.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TYPES = (
    "credential_viewed",
    "credential_shared_to_linkedin",
    "credential_added_to_linkedin_profile",
    "credential_shared_to_facebook",
    "credential_shared_to_twitter",
    "credential_shared_to_messenger",
    "credential_shared_to_whatsapp",
    "credential_shared_to_pinterest",
    "credential_shared_to_telegram",
    "credential_shared_to_weibo",
    "credential_downloaded",
    "credential_link_copied",
    "credential_verified",
)
IS_SHARE = "(event_type like 'credential_shared_%' or event_type like 'credential_added_%')"


def upgrade() -> None:
    _make_sums("workspace_counts", sa.Column("day", KEY, nullable=False))
    _make_sums("quarter_counts", sa.Column("quarter", sa.BigInteger(), nullable=False))
    op.create_table(
        "engagements",
        sa.Column("credential_id", KEY, nullable=False),
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
            name=op.f("engagements_credential_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("engagements_pkey")),
        sqlite_with_rowid=False,
    )
    _fill()
    op.drop_table("credential_firsts")
    op.add_column("credentials", sa.Column("issued_at", sa.BigInteger(), nullable=True))
    op.execute("update credentials set issued_at = created_at where status = 'issued'")
    op.drop_index(op.f("credentials_workspace_id_issue_date_id_idx"), "credentials")
    op.create_index(
        "credentials_issue_date_idx",
        "credentials",
        ["workspace_id", "issue_date", "id", "status", "group_id", "issued_at"],
    )


def _make_sums(name: str, when: "sa.Column[str] | sa.Column[int]") -> None:
    op.create_table(
        name,
        sa.Column("workspace_id", KEY, nullable=False),
        when,
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f(f"{name}_workspace_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", when.name, "event_type", "triggered_by", name=op.f(f"{name}_pkey")
        ),
        sqlite_with_rowid=False,
    )


def _fill() -> None:
    op.execute(
        "insert into workspace_counts select workspace_id, day, event_type, triggered_by, sum(count) "
        "from daily_counts group by workspace_id, day, event_type, triggered_by"
    )
    op.execute(
        "insert into quarter_counts select workspace_id, triggered_at / 900000, event_type, triggered_by, "
        "count(*) from interactions group by workspace_id, triggered_at / 900000, event_type, triggered_by"
    )
    bit = " ".join(f"when '{one}' then {1 << number}" for number, one in enumerate(TYPES))
    op.execute(
        "insert into engagements select f.credential_id, f.opened_at, f.shared_at, f.guest_viewed_at, "
        "f.guest_verified_at, f.recipient_acts, f.guest_acts, c.guest_views, c.shares, c.guest_verifications "
        "from (select credential_id, "
        "min(case when triggered_by = 'recipient' and event_type = 'credential_viewed' then first_at end) opened_at, "
        f"min(case when triggered_by = 'recipient' and {IS_SHARE} then first_at end) shared_at, "
        "min(case when triggered_by = 'guest' and event_type = 'credential_viewed' then first_at end) guest_viewed_at, "
        "min(case when triggered_by = 'guest' and event_type = 'credential_verified' then first_at end) "
        "guest_verified_at, "
        f"sum(case when triggered_by = 'recipient' then case event_type {bit} end else 0 end) recipient_acts, "
        f"sum(case when triggered_by = 'guest' then case event_type {bit} end else 0 end) guest_acts "
        "from credential_firsts group by credential_id) f join (select credential_id, "
        "sum(case when triggered_by = 'guest' and event_type = 'credential_viewed' then count else 0 end) guest_views, "
        f"sum(case when triggered_by = 'recipient' and {IS_SHARE} then count else 0 end) shares, "
        "sum(case when triggered_by = 'guest' and event_type = 'credential_verified' then count else 0 end) "
        "guest_verifications from credential_counts group by credential_id) c on c.credential_id = f.credential_id"
    )
