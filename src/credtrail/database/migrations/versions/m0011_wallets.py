"""Wallets that recipients connect, what they were granted, and their tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "wallet_clients",
        sa.Column("id", KEY, nullable=False),
        sa.Column("secret_digest", KEY, nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("wallet_clients_pkey")),
    )
    op.create_table(
        "wallet_grants",
        sa.Column("id", KEY, nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("address", KEY, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("code_digest", KEY, nullable=False),
        sa.Column("code_challenge", KEY, nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("code_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["wallet_clients.id"],
            name=op.f("wallet_grants_client_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("wallet_grants_pkey")),
        sa.UniqueConstraint("code_digest", name=op.f("wallet_grants_code_digest_key")),
    )
    for column in ("client_id", "address", "expires_at"):
        op.create_index(op.f(f"wallet_grants_{column}_idx"), "wallet_grants", [column])
    op.create_table(
        "wallet_tokens",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("grant_id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["wallet_grants.id"],
            name=op.f("wallet_tokens_grant_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("wallet_tokens_pkey")),
    )
    for column in ("grant_id", "expires_at", "used_at"):
        op.create_index(op.f(f"wallet_tokens_{column}_idx"), "wallet_tokens", [column])
