"""SQL of wallets, of what they were granted, and of their tokens. Called by this slice, `interactions/persons.py`, `work`."""

from typing import NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from credtrail.accounts.store import workspaces
from credtrail.credentials.store import PublicView, credentials, find_public
from credtrail.database import Key, Transaction, metadata
from credtrail.values import Moment, fold
from credtrail.wallets.model import (
    CODE_SECONDS,
    CONNECTED_DAYS,
    REUSE_DAYS,
    UNUSED_CLIENT_DAYS,
    Client,
    Connection,
    Grant,
    Page,
    Token,
    TokenKind,
)

_DAY_MS = 86_400_000

wallet_clients = Table(
    "wallet_clients",
    metadata,
    Column("id", Key, primary_key=True),
    Column("secret_digest", Key),
    Column("metadata", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

wallet_grants = Table(
    "wallet_grants",
    metadata,
    Column("id", Key, primary_key=True),
    Column("client_id", Key, ForeignKey("wallet_clients.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("address", Key, nullable=False, index=True),  # folded, as credentials are found by it
    Column("scope", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("code_digest", Key, nullable=False, unique=True),
    Column("code_challenge", Key, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_used_at", BigInteger),
)

wallet_tokens = Table(
    "wallet_tokens",
    metadata,
    Column("digest", Key, primary_key=True),
    Column("grant_id", Key, ForeignKey("wallet_grants.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Key, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger, index=True),
)

_clients, _grants, _tokens = wallet_clients.c, wallet_grants.c, wallet_tokens.c


class Access(NamedTuple):
    """Whom an access token speaks for, and what for."""

    grant_id: str
    address: str
    scope: str


def add_client(transaction: Transaction, client: Client, most: int) -> bool:
    """Keep it; False when there are that many already."""
    count = transaction.connection.execute(select(func.count()).select_from(wallet_clients)).scalar_one()
    if count >= most:
        return False
    transaction.connection.execute(insert(wallet_clients).values(client._asdict()))
    return True


def find_client(transaction: Transaction, id_: str) -> Client | None:
    """A registered wallet."""
    row = transaction.connection.execute(select(wallet_clients).where(_clients.id == id_)).first()
    return Client(*row) if row else None


def add_grant(transaction: Transaction, grant: Grant) -> None:
    """Keep it."""
    transaction.connection.execute(insert(wallet_grants).values(grant._asdict()))
    _note_used(transaction, grant.client_id)


def find_grant_of_code(transaction: Transaction, code_digest: str, client_id: str) -> Grant | None:
    """What this wallet's code was made for, used or not; nobody else decides about it meanwhile."""
    query = select(wallet_grants).where(_grants.code_digest == code_digest, _grants.client_id == client_id)
    row = transaction.connection.execute(query.with_for_update()).first()
    return Grant(*row) if row else None


def note_code_used(transaction: Transaction, grant_id: str) -> None:
    """The code has served."""
    used = update(wallet_grants).where(_grants.id == grant_id).values(code_used_at=transaction.at)
    transaction.connection.execute(used)


def find_grant(transaction: Transaction, id_: str) -> Grant | None:
    """A grant that hasn't ended; nobody else decides about it meanwhile."""
    query = select(wallet_grants).where(_grants.id == id_, _grants.expires_at > transaction.at)
    row = transaction.connection.execute(query.with_for_update()).first()
    return Grant(*row) if row else None


def end_grant(transaction: Transaction, grant_id: str) -> None:
    """The wallet may have nothing of it any more: its tokens go with it."""
    transaction.connection.execute(delete(wallet_grants).where(_grants.id == grant_id))


def end_grants_of(transaction: Transaction, email: str) -> int:
    """The same of all that was granted for an address; how many."""
    gone = delete(wallet_grants).where(_grants.address == fold(email))
    return transaction.connection.execute(gone).rowcount


def end_one_of(transaction: Transaction, email: str, grant_id: str) -> bool:
    """The same of one, if it is that address's."""
    gone = delete(wallet_grants).where(_grants.address == fold(email), _grants.id == grant_id)
    return transaction.connection.execute(gone).rowcount == 1


def list_connections(transaction: Transaction, email: str) -> list[Connection]:
    """The wallets that have tokens for what belongs to an address, latest first."""
    latest = select(func.max(_tokens.created_at)).where(_tokens.grant_id == _grants.id).scalar_subquery()
    query = (
        select(
            _grants.id,
            wallet_clients.c.metadata,
            _grants.scope,
            _grants.created_at,
            latest,
            _grants.expires_at,
        )
        .join(wallet_clients, _clients.id == _grants.client_id)
        .where(
            _grants.address == fold(email),
            _grants.expires_at > transaction.at,
            _grants.code_used_at.is_not(None),
        )
        .order_by(_grants.created_at.desc(), _grants.id)
    )
    return [
        Connection(row[0], str(row[1]["client_name"]), *row[2:])
        for row in transaction.connection.execute(query)
    ]


def add_token(transaction: Transaction, token: Token) -> None:
    """Keep it."""
    transaction.connection.execute(insert(wallet_tokens).values(token._asdict()))


def find_token(transaction: Transaction, digest: str, kind: TokenKind | None = None) -> Token | None:
    """A token, used or not, that hasn't ended; of this kind, if one is named."""
    query = select(wallet_tokens).where(_tokens.digest == digest, _tokens.expires_at > transaction.at)
    if kind is not None:
        query = query.where(_tokens.kind == kind)
    row = transaction.connection.execute(query.with_for_update()).first()
    return Token(*row) if row else None


def note_token_used(transaction: Transaction, digest: str) -> None:
    """A refresh token was exchanged for the next one."""
    used = update(wallet_tokens).where(_tokens.digest == digest).values(used_at=transaction.at)
    transaction.connection.execute(used)


def prolong(transaction: Transaction, grant: Grant, expires_at: Moment) -> None:
    """The connection lasts until then."""
    lasts = update(wallet_grants).where(_grants.id == grant.id).values(expires_at=expires_at)
    transaction.connection.execute(lasts)
    _note_used(transaction, grant.client_id)


def _note_used(transaction: Transaction, client_id: str) -> None:
    used = update(wallet_clients).where(_clients.id == client_id).values(used_at=transaction.at)
    transaction.connection.execute(used)


def delete_token(transaction: Transaction, digest: str) -> None:
    """It is good for nothing any more."""
    transaction.connection.execute(delete(wallet_tokens).where(_tokens.digest == digest))


def find_access(transaction: Transaction, digest: str) -> Access | None:
    """Whom an access token speaks for, as long as it is good."""
    query = (
        select(_grants.id, _grants.address, _tokens.scope)
        .join(wallet_grants, _grants.id == _tokens.grant_id)
        .where(
            _tokens.digest == digest,
            _tokens.kind == "access_token",
            _tokens.expires_at > transaction.at,
            _grants.expires_at > transaction.at,
        )
    )
    row = transaction.connection.execute(query).first()
    return Access(*row) if row else None


# Workspace by workspace: the index for a search by address begins with the workspace.
_HELD = (
    select(credentials.c.public_id)
    .join_from(workspaces, credentials, credentials.c.workspace_id == workspaces.c.id)
    .where(credentials.c.status == "issued")
)


def list_held(transaction: Transaction, address: str, page: Page) -> tuple[list[PublicView], int]:
    """The issued credentials of an address in all workspaces, oldest first: the page, and how many there are in all."""
    query = _HELD.where(credentials.c.folded_email == address)
    if page.since is not None:
        query = query.where(credentials.c.updated_at > page.since)
    count = select(func.count()).select_from(query.subquery())
    total = transaction.connection.execute(count).scalar_one()
    query = query.order_by(credentials.c.id).limit(page.limit).offset(page.offset)
    public_ids = list(transaction.connection.execute(query).scalars())
    views = (find_public(transaction, public_id) for public_id in public_ids)
    return [view for view in views if view is not None], total


class Held(NamedTuple):
    """One credential of an address: whose name it bears, where it was sent."""

    credential_id: str
    name: str
    email: str


def find_latest(transaction: Transaction, address: str) -> Held | None:
    """The latest issued credential of an address, if there is any."""
    query = _HELD.with_only_columns(
        credentials.c.id, credentials.c.recipient_name, credentials.c.recipient_email
    ).where(credentials.c.folded_email == fold(address))
    row = transaction.connection.execute(query.order_by(credentials.c.id.desc()).limit(1)).first()
    return Held(*row) if row else None


def forget_old(transaction: Transaction) -> int:
    """Delete what has ended or was never used: tokens, grants, wallets without any; how many rows went.

    With the last credential of an address its grants go, too.
    """
    at, run = transaction.at, transaction.connection.execute
    never_fetched = and_(_grants.code_used_at.is_(None), _grants.created_at < at - CODE_SECONDS * 1_000)
    held = _HELD.where(credentials.c.folded_email == _grants.address).exists()
    old = or_(_grants.expires_at <= at, never_fetched, ~held)
    used_long_ago = _tokens.used_at < at - REUSE_DAYS * _DAY_MS
    unused = and_(_clients.used_at.is_(None), _clients.created_at < at - UNUSED_CLIENT_DAYS * _DAY_MS)
    idle = _clients.used_at < at - CONNECTED_DAYS * _DAY_MS
    without_grants = ~exists().where(_grants.client_id == _clients.id)
    return (
        run(delete(wallet_grants).where(old)).rowcount
        + run(delete(wallet_tokens).where(or_(_tokens.expires_at <= at, used_long_ago))).rowcount
        + run(delete(wallet_clients).where(or_(unused, idle), without_grants)).rowcount
    )
