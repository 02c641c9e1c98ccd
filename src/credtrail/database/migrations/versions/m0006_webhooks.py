"""Webhooks: endpoints, the outbox, messages with deliveries and attempts; which expirations were told."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("body", KEY, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("rate_per_second", sa.Float(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("lease", KEY, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("untold", sa.Integer(), nullable=False, server_default="0"),
        _of_workspace("webhook_endpoints"),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_endpoints_pkey")),
    )
    op.create_index(
        op.f("webhook_endpoints_workspace_id_id_idx"), "webhook_endpoints", ["workspace_id", "id"]
    )
    op.create_table(
        "webhook_subscriptions",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        _of_workspace("webhook_subscriptions"),
        _of("webhook_subscriptions", "endpoint_id", "webhook_endpoints"),
        sa.PrimaryKeyConstraint(
            "workspace_id", "type", "endpoint_id", name=op.f("webhook_subscriptions_pkey")
        ),
    )
    op.create_index(op.f("webhook_subscriptions_endpoint_id_idx"), "webhook_subscriptions", ["endpoint_id"])
    op.create_table(
        "webhook_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_events_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("webhook_events_credential_id_idx"), "webhook_events", ["credential_id"])
    op.create_table(
        "webhook_messages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("full", sa.LargeBinary(), nullable=False),
        sa.Column("thin", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _of_workspace("webhook_messages"),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_messages_pkey")),
    )
    for column in ("workspace_id", "credential_id", "created_at"):
        op.create_index(op.f(f"webhook_messages_{column}_idx"), "webhook_messages", [column])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("message_id", KEY, nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("series", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("body", KEY, nullable=True),
        _of("webhook_deliveries", "endpoint_id", "webhook_endpoints"),
        _of("webhook_deliveries", "message_id", "webhook_messages"),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_deliveries_pkey")),
    )
    op.create_index(op.f("webhook_deliveries_message_id_idx"), "webhook_deliveries", ["message_id"])
    op.create_index(
        op.f("webhook_deliveries_endpoint_id_id_idx"), "webhook_deliveries", ["endpoint_id", "id"]
    )
    op.create_index(
        "webhook_deliveries_due_idx", "webhook_deliveries", ["endpoint_id", "due_at", "message_id"]
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("failure", KEY, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        _of("webhook_attempts", "delivery_id", "webhook_deliveries"),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("webhook_attempts_pkey")),
    )
    op.create_table(
        "told_expirations",
        sa.Column("credential_id", KEY, nullable=False),
        sa.Column("expiry_date", KEY, nullable=False),
        _of("told_expirations", "credential_id", "credentials"),
        sa.PrimaryKeyConstraint("credential_id", "expiry_date", name=op.f("told_expirations_pkey")),
    )


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    return _of(table, "workspace_id", "workspaces")


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"{table}_{column}_fkey"), ondelete="CASCADE"
    )
