"""SQL of workspaces, their issuer profiles and access tokens. Called by `app`, the faces, the command line."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from credtrail.accounts.model import AccessToken, IssuerImage, IssuerProfile, StoredImage, Workspace
from credtrail.database import Key, Transaction, metadata
from credtrail.values import Moment

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("time_zone", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("domain", Key, unique=True, index=True),
    Column("domain_confirmed_at", BigInteger),
    Column("interaction_days", Integer),
    Column("set_aside_days", Integer),
    Column("next_time_zone", Text),
    Column("next_time_zone_at", BigInteger),
    Column("days_moved_to", Key),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Key, primary_key=True),
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", Key, nullable=False, unique=True),
    Column("access", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)

issuer_profiles = Table(
    "issuer_profiles",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("website_url", Text),
    Column("contact_email", Text),
    Column("brand_color", Key, nullable=False),
    Column("signatory_name", Text),
    Column("signatory_title", Text),
    Column("privacy_mode", Key, nullable=False),
    Column("indexed", Boolean, nullable=False),
    Column("logo_digest", Key),
    Column("signature_digest", Key),
    Column("sender_name", Text),
    Column("sender_email", Text),
    Column("language", Key, nullable=False, server_default="en"),
    Column("sharing", Key, nullable=False, server_default="everybody"),
    Column("downloading", Key, nullable=False, server_default="everybody"),
    Column("privacy_choices", Boolean, nullable=False, server_default=true()),
    Column("name_changes", Key, nullable=False, server_default="request"),
    Column("offline_choices", Boolean, nullable=False, server_default=true()),
)

issuer_images = Table(
    "issuer_images",
    metadata,
    Column("workspace_id", Key, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Key, primary_key=True),
    Column("media_type", Key, nullable=False),
    Column("content", LargeBinary, nullable=False),
    # Null: a logo or a signature, which goes with its profile; else it stays until it is deleted by its id.
    Column("uploaded_at", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
)


def add_workspace(transaction: Transaction, name: str, time_zone: str = "UTC") -> Workspace:
    """Create a workspace; its name must be new (else the database's own unique violation)."""
    workspace = Workspace(transaction.new_id(), name, time_zone, transaction.at, transaction.at)
    transaction.connection.execute(insert(workspaces).values(workspace._asdict()))
    return workspace


def find_workspace(
    transaction: Transaction, *, id: str | None = None, name: str | None = None
) -> Workspace | None:
    """One workspace by its id or by its name."""
    where = workspaces.c.id == id if id is not None else workspaces.c.name == name
    row = transaction.connection.execute(select(workspaces).where(where)).first()
    return Workspace(*row) if row else None


def rename_workspace(transaction: Transaction, id_: str, name: str) -> bool:
    """Give a workspace another name; False when another one has it."""
    taken = select(workspaces.c.id).where(workspaces.c.name == name, workspaces.c.id != id_)
    if transaction.connection.execute(taken).first():
        return False
    where = (workspaces.c.id == id_, workspaces.c.name != name)
    transaction.connection.execute(
        update(workspaces).where(*where).values(name=name, updated_at=transaction.at)
    )
    return True


def change_workspace(transaction: Transaction, id_: str, **changes: Any) -> None:
    """Give these fields of a workspace these values; for its name there is `rename_workspace`."""
    changes["updated_at"] = transaction.at
    transaction.connection.execute(update(workspaces).where(workspaces.c.id == id_).values(changes))


def find_workspace_of_domain(transaction: Transaction, domain: str) -> Workspace | None:
    """The one workspace that has this domain, or wants it and hasn't confirmed it yet."""
    row = transaction.connection.execute(select(workspaces).where(workspaces.c.domain == domain)).first()
    return Workspace(*row) if row else None


def find_domain(transaction: Transaction, workspace_id: str) -> str | None:
    """The workspace's own domain, once it is confirmed."""
    query = select(workspaces.c.domain).where(
        workspaces.c.id == workspace_id, workspaces.c.domain_confirmed_at.is_not(None)
    )
    return transaction.connection.execute(query).scalar()


def list_changing_days(transaction: Transaction) -> list[Workspace]:
    """Workspaces whose next time zone holds by now, for what is received; each for one worker at a time."""
    query = select(workspaces).where(workspaces.c.next_time_zone_at <= transaction.at).order_by("id")
    query = query.with_for_update(skip_locked=True, key_share=True)
    return [Workspace(*row) for row in transaction.connection.execute(query)]


def list_forgetting(transaction: Transaction) -> list[Workspace]:
    """Workspaces that keep single rows for a time of their own."""
    query = select(workspaces).where(
        workspaces.c.interaction_days.is_not(None) | workspaces.c.set_aside_days.is_not(None)
    )
    return [Workspace(*row) for row in transaction.connection.execute(query.order_by("id"))]


def delete_workspace(transaction: Transaction, id_: str) -> None:
    """Delete a workspace and, by the foreign keys, all that is in it."""
    transaction.connection.execute(delete(workspaces).where(workspaces.c.id == id_))


def time_zone_of(transaction: Transaction, workspace_id: str) -> str:
    """The IANA time zone in which the workspace's days begin; UTC where the workspace has just been deleted."""
    query = select(workspaces.c.time_zone).where(workspaces.c.id == workspace_id)
    return transaction.connection.execute(query).scalar() or "UTC"


def list_workspaces(transaction: Transaction) -> list[Workspace]:
    """All workspaces by name."""
    return [Workspace(*row) for row in transaction.connection.execute(select(workspaces).order_by("name"))]


def count_workspaces(transaction: Transaction) -> int:
    """How many workspaces there are."""
    return transaction.connection.execute(select(func.count()).select_from(workspaces)).scalar_one()


def find_profile(transaction: Transaction, workspace_id: str) -> IssuerProfile:
    """The workspace's issuer profile; one of defaults where none was saved."""
    query = select(issuer_profiles).where(issuer_profiles.c.workspace_id == workspace_id)
    row = transaction.connection.execute(query).first()
    return IssuerProfile(*row[1:]) if row else IssuerProfile()


def save_profile(transaction: Transaction, workspace_id: str, profile: IssuerProfile) -> None:
    """Keep this profile instead of the one before; images that it doesn't name any more are deleted."""
    where = issuer_profiles.c.workspace_id == workspace_id
    transaction.connection.execute(delete(issuer_profiles).where(where))
    transaction.connection.execute(
        insert(issuer_profiles).values(workspace_id=workspace_id, **profile._asdict())
    )
    named = [digest for digest in (profile.logo_digest, profile.signature_digest) if digest]
    transaction.connection.execute(
        delete(issuer_images).where(
            issuer_images.c.workspace_id == workspace_id,
            issuer_images.c.digest.not_in(named),
            issuer_images.c.uploaded_at.is_(None),
        )
    )


def add_image(
    transaction: Transaction,
    workspace_id: str,
    image: IssuerImage,
    uploaded_size: tuple[int, int] | None = None,
) -> None:
    """Keep an image of the workspace; the same one twice is kept once.

    `save_profile` then names it. One that was uploaded by itself needs no name to stay; its size is in pixels.
    """
    upload: dict[str, Any] = {}
    if uploaded_size:
        upload = {"uploaded_at": transaction.at, "width": uploaded_size[0], "height": uploaded_size[1]}
    try:
        with transaction.connection.begin_nested():
            row = {"workspace_id": workspace_id, **image._asdict(), **upload}
            transaction.connection.execute(insert(issuer_images).values(row))
    except IntegrityError:  # it is there already
        where = (issuer_images.c.workspace_id == workspace_id, issuer_images.c.digest == image.digest)
        if upload:
            transaction.connection.execute(update(issuer_images).where(*where).values(upload))


def list_images(
    transaction: Transaction, workspace_id: str, *, edge: str | None, newer: bool, limit: int
) -> list[StoredImage]:
    """Up to `limit` uploaded images before the edge (a `StoredImage.key`), latest first; with `newer` those after it,
    earliest first."""
    at, digest = issuer_images.c.uploaded_at, issuer_images.c.digest
    query = select(
        digest,
        issuer_images.c.media_type,
        issuer_images.c.width,
        issuer_images.c.height,
        func.length(issuer_images.c.content),
        at,
    ).where(issuer_images.c.workspace_id == workspace_id, at.is_not(None))
    if edge is not None:
        place = tuple_(literal(int(edge[:15])), literal(edge[15:]))
        query = query.where(tuple_(at, digest) > place if newer else tuple_(at, digest) < place)
    order = (at, digest) if newer else (at.desc(), digest.desc())
    return [StoredImage(*row) for row in transaction.connection.execute(query.order_by(*order).limit(limit))]


def count_images(transaction: Transaction, workspace_id: str) -> int:
    """How many images a workspace keeps."""
    query = select(func.count()).select_from(issuer_images)
    return transaction.connection.execute(
        query.where(issuer_images.c.workspace_id == workspace_id)
    ).scalar_one()


def find_uploaded_image(transaction: Transaction, workspace_id: str, digest: str) -> IssuerImage | None:
    """One image that was uploaded by itself, not as a logo or a signature."""
    query = _IMAGES.where(
        issuer_images.c.workspace_id == workspace_id,
        issuer_images.c.digest == digest,
        issuer_images.c.uploaded_at.is_not(None),
    )
    row = transaction.connection.execute(query).first()
    return IssuerImage(*row) if row else None


def delete_image(transaction: Transaction, workspace_id: str, digest: str) -> bool:
    """Delete an uploaded image; False, and nothing done, when a design or the profile shows it."""
    profile = find_profile(transaction, workspace_id)
    if digest in (profile.logo_digest, profile.signature_digest):
        return False
    where = (issuer_images.c.workspace_id == workspace_id, issuer_images.c.digest == digest)
    try:
        with transaction.connection.begin_nested():
            transaction.connection.execute(delete(issuer_images).where(*where))
    except IntegrityError:
        return False
    return True


def find_image(transaction: Transaction, workspace_id: str, digest: str) -> IssuerImage | None:
    """One kept image of this workspace."""
    return find_images(transaction, workspace_id, [digest]).get(digest)


def find_images(
    transaction: Transaction, workspace_id: str, digests: Iterable[str]
) -> dict[str, IssuerImage]:
    """Those kept images of this workspace, by digest."""
    query = _IMAGES.where(
        issuer_images.c.workspace_id == workspace_id, issuer_images.c.digest.in_(set(digests))
    )
    return {row[0]: IssuerImage(*row) for row in transaction.connection.execute(query)}


_IMAGES = select(issuer_images.c.digest, issuer_images.c.media_type, issuer_images.c.content)


def add_token(
    transaction: Transaction,
    workspace_id: str,
    name: str,
    digest: str,
    *,
    access: str = "full",
    expires_at: Moment | None = None,
) -> str:
    """Keep a new token's digest; its id."""
    id_ = transaction.new_id()
    transaction.connection.execute(
        insert(access_tokens).values(
            id=id_,
            workspace_id=workspace_id,
            name=name,
            digest=digest,
            access=access,
            created_at=transaction.at,
            expires_at=expires_at,
        )
    )
    return id_


def renew_token(transaction: Transaction, workspace_id: str, name: str, digest: str) -> None:
    """Keep a new token in place of the one of this name, whose secret isn't good any more."""
    token = access_tokens.c
    transaction.connection.execute(
        delete(access_tokens).where(token.workspace_id == workspace_id, token.name == name)
    )
    add_token(transaction, workspace_id, name, digest)


def find_token(transaction: Transaction, digest: str) -> AccessToken | None:
    """The token with this digest, unless it is revoked or has expired."""
    row = transaction.connection.execute(
        _tokens().where(access_tokens.c.digest == digest, access_tokens.c.revoked_at.is_(None))
    ).first()
    token = AccessToken(*row) if row else None
    if token is None or (token.expires_at is not None and token.expires_at <= transaction.at):
        return None
    return token


def find_token_by_id(transaction: Transaction, id_: str) -> AccessToken | None:
    """A token in any state, by the id that the list shows."""
    row = transaction.connection.execute(_tokens().where(access_tokens.c.id == id_)).first()
    return AccessToken(*row) if row else None


def list_tokens(transaction: Transaction, workspace_id: str | None = None) -> list[AccessToken]:
    """Tokens in any state, oldest first; of one workspace or of all."""
    query = _tokens().order_by(access_tokens.c.id)
    if workspace_id is not None:
        query = query.where(access_tokens.c.workspace_id == workspace_id)
    return [AccessToken(*row) for row in transaction.connection.execute(query)]


def revoke_token(transaction: Transaction, id_: str) -> bool:
    """Revoke a token for good; False when there is no such token or it was revoked before."""
    changed = transaction.connection.execute(
        update(access_tokens)
        .where(access_tokens.c.id == id_, access_tokens.c.revoked_at.is_(None))
        .values(revoked_at=transaction.at)
    )
    return changed.rowcount == 1


def note_token_used(transaction: Transaction, id_: str) -> None:
    """A token was used at this moment."""
    transaction.connection.execute(
        update(access_tokens).where(access_tokens.c.id == id_).values(last_used_at=transaction.at)
    )


def _tokens() -> Select[Any]:
    token = access_tokens.c
    return select(
        token.id,
        token.workspace_id,
        workspaces.c.name,
        token.name,
        token.access,
        token.created_at,
        token.expires_at,
        token.revoked_at,
        token.last_used_at,
    ).join_from(access_tokens, workspaces)
