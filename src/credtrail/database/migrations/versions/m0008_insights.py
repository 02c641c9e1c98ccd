"""What insights are read from: sums by hour, sums of whole workspaces, one row per credential.

`credential_firsts` goes: its facts are in `engagements`. Credentials learn when they became issued; for those that
were before, it is when they were created.
"""

from collections import Counter

import sqlalchemy as sa
from alembic import op

from credtrail.values import hour_of

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
    op.create_table(
        "hourly_counts",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("event_type", KEY, nullable=False),
        sa.Column("triggered_by", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("hourly_counts_workspace_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "group_id", "hour", "event_type", "triggered_by", name=op.f("hourly_counts_pkey")
        ),
        sqlite_with_rowid=False,
    )
    _fill_sums()
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
    _fill_engagements()
    op.drop_table("credential_firsts")
    op.add_column("credentials", sa.Column("issued_at", sa.BigInteger(), nullable=True))
    op.execute("update credentials set issued_at = created_at where status = 'issued'")
    op.drop_index(op.f("credentials_workspace_id_issue_date_id_idx"), "credentials")
    op.create_index(
        "credentials_issue_date_idx",
        "credentials",
        ["workspace_id", "issue_date", "id", "status", "group_id", "issued_at"],
    )


def _fill_sums() -> None:
    """Whole workspaces beside their groups, and hours of what the log still holds."""
    for table, key in (
        ("daily_counts", "day, event_type, triggered_by"),
        ("page_action_counts", "day, action, triggered_by"),
        ("set_aside_counts", "day, reason, event_type"),
    ):
        op.execute(
            f"insert into {table} (workspace_id, group_id, {key}, count) "
            f"select workspace_id, '', {key}, sum(count) from {table} group by workspace_id, {key}"
        )
    connection = op.get_bind()
    workspaces = connection.execute(sa.text("select id, time_zone from workspaces"))
    zones = {row.id: row.time_zone for row in workspaces}
    quarters = connection.execute(
        sa.text(
            "select workspace_id, group_id, triggered_at / 900000, event_type, triggered_by, count(*) "
            "from interactions group by workspace_id, group_id, triggered_at / 900000, event_type, triggered_by"
        )
    )
    hourly: Counter[tuple[str, str, int, str, str]] = Counter()
    for workspace_id, group_id, quarter, event_type, triggered_by, count in quarters:
        hour = hour_of(quarter * 900_000, zones[workspace_id])
        hourly[workspace_id, group_id, hour, event_type, triggered_by] += count
        hourly[workspace_id, "", hour, event_type, triggered_by] += count
    names = ("workspace_id", "group_id", "hour", "event_type", "triggered_by", "count")
    rows = [dict(zip(names, (*key, count), strict=True)) for key, count in sorted(hourly.items())]
    if rows:
        connection.execute(
            sa.text(f"insert into hourly_counts ({', '.join(names)}) values (:{', :'.join(names)})"),
            rows,
        )


def _fill_engagements() -> None:
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
