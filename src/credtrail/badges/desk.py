"""Signs what is asked for and keeps it at hand; knows what this server can say of its own issuers when it verifies.

Built by `app`, called by this slice's face, by pages and their documents. A credential is signed when it is first asked
for, in well under a millisecond, and anew when anything in it changes. Nothing is ever fetched.
"""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from msgspec.json import encode

from credtrail.accounts.model import Workspace
from credtrail.accounts.store import find_profile, find_workspace
from credtrail.badges import store
from credtrail.badges.acts import KeyLostError, Signer, get_signer, open_key
from credtrail.badges.model import (
    CONTEXTS,
    StatusEntry,
    achievement,
    did_document,
    did_of,
    first_design,
    has_did_web,
    issuer_profile,
    open_badge,
    status_list_address,
)
from credtrail.badges.presented import Presented, UnreadableError, read_presented
from credtrail.badges.sign import sign_document, sign_jwt
from credtrail.badges.status import status_list
from credtrail.badges.verify import Known, Verification, find_needs, verify
from credtrail.credentials.links import home_of
from credtrail.credentials.store import PublicView, find_public
from credtrail.database import Database, Transaction
from credtrail.errors import unavailable
from credtrail.seal import Seal
from credtrail.values import Moment

log = structlog.get_logger("credtrail.badges")

_MOST_AT_HAND = 2_000
Fetch = Callable[[str], Awaitable[bytes | None]]
"""Gets what is at an https address, guarded as everything that goes out; None where there is nothing to be had."""


class Signed(NamedTuple):
    """A credential as it is handed out: JSON with its proof, the same as a VC-JWT, and a digest of the JSON."""

    json: bytes
    jwt: str
    digest: str


class Desk:
    """One for each server process; `seal` is that for the purpose `issuer`."""

    def __init__(self, database: Database, seal: Seal, public_url: str) -> None:
        self._database = database
        self._seal = seal
        self._public_url = public_url
        self._at_hand: OrderedDict[bytes, Signed] = OrderedDict()
        self._lists: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self._opened: OrderedDict[str, Signer] = OrderedDict()
        self._checked: OrderedDict[tuple[str, str], Verification] = OrderedDict()

    async def sign(self, view: PublicView) -> Signed:
        """An issued credential, signed. Raises KeyLostError when the workspace's key can't be opened."""
        signer, entry = await self._find_signing(view)
        kept = sha256(encode((signer.about.id, entry, view))).digest()
        signed = self._at_hand.get(kept)
        if signed is None:
            signed = self._at_hand[kept] = self._sign(view, signer, entry)
            if len(self._at_hand) > _MOST_AT_HAND:
                self._at_hand.popitem(last=False)
        else:
            self._at_hand.move_to_end(kept)
        return signed

    async def try_sign(self, view: PublicView) -> Signed | None:
        """The same; None, and a line in the log, when the key can't be opened."""
        try:
            return await self.sign(view)
        except KeyLostError:
            log.error("issuer key lost", workspace_id=view.credential.workspace_id)
            return None

    def _sign(self, view: PublicView, signer: Signer, entry: StatusEntry) -> Signed:
        home = view.home(self._public_url)
        did = did_of(home, view.credential.workspace_id, signer.about.id)
        document = open_badge(view, home, did, entry)
        # As of when what it says stands, so that the same words are the same bytes in every process.
        at = max(view.credential.updated_at, view.group.updated_at, signer.about.created_at)
        content = write_json(sign_document(document, signer.key, did, at))
        return Signed(content, sign_jwt(document, signer.key, did), sha256(content).hexdigest()[:32])

    async def _find_signing(self, view: PublicView) -> tuple[Signer, StatusEntry]:
        credential = view.credential

        def find(transaction: Transaction) -> tuple[store.SealedKey | None, StatusEntry | None]:
            return (
                store.find_active_key(transaction, credential.workspace_id),
                store.find_entry(transaction, credential.id),
            )

        def make(transaction: Transaction) -> tuple[Signer, StatusEntry | None]:
            signer = get_signer(transaction, credential.workspace_id, self._seal)
            entry = store.take_entry(
                transaction, credential.workspace_id, credential.id, credential.public_id
            )
            return signer, entry

        sealed, entry = await self._database.read(find)
        if sealed is not None and entry is not None:
            return self._open(sealed), entry
        signer, entry = await self._database.write(make)
        if entry is None:
            raise unavailable()
        return signer, entry

    def _open(self, sealed: store.SealedKey) -> Signer:
        signer = self._opened.get(sealed.sealed)
        if signer is None:
            signer = self._opened[sealed.sealed] = open_key(sealed, self._seal)
            if len(self._opened) > 100:
                self._opened.popitem(last=False)
        return signer

    async def make_status_list(
        self, workspace_id: str, number: int, key_id: str | None = None, host: str = ""
    ) -> bytes | None:
        """A status list as it is now, signed; None where there is none.

        With `key_id` it is the list of the issuer that is called by that key, else of the one at that host. Raises
        KeyLostError.
        """

        def ask(transaction: Transaction) -> tuple[store.SealedKey, list[int], Moment, str] | None:
            workspace = find_workspace(transaction, id=workspace_id)
            found = (
                store.find_active_key(transaction, workspace_id)
                if key_id is None
                else store.find_key(transaction, workspace_id, key_id)
            )
            if (
                workspace is None
                or found is None
                or not store.has_status_list(transaction, workspace_id, number)
            ):
                return None
            positions = store.list_set_positions(transaction, workspace_id, number)
            return found, positions, transaction.at, self._home_at(workspace, host)

        found = await self._database.read(ask)
        if found is None or (key_id is None and not has_did_web(found[3])):
            return None
        sealed, positions, at, home = found
        signer = self._open(sealed)
        did = f"did:key:{key_id}" if key_id else did_of(home, workspace_id, signer.about.id)
        address = status_list_address(home, workspace_id, did, number)
        kept = (f"{address} {signer.about.id}", sha256(encode(positions)).digest())
        content = self._lists.get(kept)
        if content is None:
            document = status_list(address, did, positions, at)
            content = self._lists[kept] = write_json(sign_document(document, signer.key, did, at))
            if len(self._lists) > 100:
                self._lists.popitem(last=False)
        return content

    def _home_at(self, workspace: Workspace, host: str) -> str:
        """Which of a workspace's homes is at this host: that of its own domain, else the installation's.

        Both stay good: what was signed before there was a domain names the installation's.
        """
        domain = workspace.confirmed_domain
        return home_of(self._public_url, domain if domain == host else None)

    async def find_did_document(self, workspace_id: str, host: str = "") -> dict[str, Any] | None:
        """The DID document of a workspace that is called by did:web at this host and has signed something."""

        def ask(transaction: Transaction) -> dict[str, Any] | None:
            workspace = find_workspace(transaction, id=workspace_id)
            keys = store.list_keys(transaction, workspace_id)
            home = self._home_at(workspace, host) if workspace else ""
            if not keys or not has_did_web(home):
                return None
            return did_document(did_of(home, workspace_id, keys[0].id), keys)

        return await self._database.read(ask)

    async def find_profile(self, workspace_id: str) -> dict[str, Any] | None:
        """The issuer's profile, once it has a key."""

        def ask(transaction: Transaction) -> dict[str, Any] | None:
            workspace = find_workspace(transaction, id=workspace_id)
            found = store.find_active_key(transaction, workspace_id)
            if workspace is None or found is None:
                return None
            home = home_of(self._public_url, workspace.confirmed_domain)
            did = did_of(home, workspace_id, found.key.id)
            profile = find_profile(transaction, workspace_id)
            return {"@context": CONTEXTS, **issuer_profile(home, workspace_id, did, workspace.name, profile)}

        return await self._database.read(ask)

    async def find_achievement(self, group_id: str) -> dict[str, Any] | None:
        """What a group's credentials are awarded for, once one was issued."""
        view = await self.find_example(group_id)
        if view is None:
            return None
        home = view.home(self._public_url)
        return {"@context": CONTEXTS, **achievement(home, view.group, first_design(view))}

    async def find_example(self, group_id: str) -> PublicView | None:
        """Some issued credential of a group."""

        def ask(transaction: Transaction) -> PublicView | None:
            public_id = store.find_example(transaction, group_id)
            return find_public(transaction, public_id) if public_id else None

        return await self._database.read(ask)

    async def check(self, signed: Signed, at: Moment) -> Verification:
        """A credential of ours, verified as anybody could; once for each state of its list, since it takes a while."""
        presented = read_presented(signed.json)
        known = await self.find_known(presented)
        listed = [encode(found.credential) for found in known.status_lists.values()]
        kept = (signed.digest, sha256(b"".join(listed)).hexdigest())
        verification = self._checked.get(kept)
        if verification is None:
            verification = await asyncio.to_thread(verify, presented, known, at)
            self._checked[kept] = verification
            if len(self._checked) > _MOST_AT_HAND:
                self._checked.popitem(last=False)
        return verification

    async def find_known(self, presented: Presented, fetch: Fetch | None = None) -> Known:
        """What has to be known to judge it: our own from the database, the rest by `fetch`."""
        needs = find_needs(presented)
        lists: dict[str, Presented] = {}
        dids = set(needs.dids) | {did for did in [_issuer_of(presented)] if did.startswith("did:key:")}
        for address in needs.status_lists[:4]:
            content = await self._find_status_list(address, fetch)
            if content is not None:
                try:
                    lists[address] = read_presented(content)
                except UnreadableError:
                    continue
                dids |= set(find_needs(lists[address]).dids)
        documents: dict[str, Any] = {}
        issuers: dict[str, str] = {}
        withdrawn = set()
        for did in sorted(did for did in dids if did.isprintable())[:4]:
            name, is_withdrawn = await self._find_issuer(did)
            if is_withdrawn:
                withdrawn.add(did)
            elif name is not None:
                issuers[did] = name
            if did.startswith("did:web:"):
                documents[did] = await self._find_did_document(did, fetch)
        return Known(documents, lists, issuers, frozenset(withdrawn))

    async def _find_issuer(self, did: str) -> tuple[str | None, bool]:
        """The name of the workspace that is called so here, and whether its key was withdrawn."""

        def ask(transaction: Transaction) -> tuple[str | None, bool]:
            if did.startswith("did:key:"):
                owner = store.find_key_owner(transaction, did.removeprefix("did:key:"))
                found = find_workspace(transaction, id=owner[0]) if owner else None
                return found.name if found else None, bool(owner and owner[1])
            found = find_workspace(transaction, id=did.rpartition(":")[2])
            if found is None or did != did_of(self._home_at(found, host_of_did(did)), found.id, ""):
                return None, False
            return found.name, False

        return await self._database.read(ask)

    async def _find_did_document(self, did: str, fetch: Fetch | None) -> Any:
        own = await self.find_did_document(did.rpartition(":")[2], host_of_did(did))
        if own is not None and own["id"] == did:
            return own
        address = did_web_address(did)
        content = await fetch(address) if fetch and address else None
        return _read_json(content)

    async def _find_status_list(self, address: str, fetch: Fetch | None) -> bytes | None:
        own = _OWN_LIST.fullmatch(address)
        if own is not None:
            host = urlsplit(address).hostname or ""
            try:
                content = await self.make_status_list(own[2], int(own[4]), own[3], host)
            except KeyLostError:
                content = None
            if content is not None and address.encode() in content:
                return content
        return await fetch(address) if fetch and address.startswith("https://") else None


_OWN_LIST = re.compile(r"(https?://[^/?#\[\]]+)/issuers/([\w-]+)(?:/keys/(\w+))?/status/(\d{1,6})", re.ASCII)


def host_of_did(did: str) -> str:
    """The host name in a did:web, without port."""
    parts = did.split(":")
    return unquote(parts[2]).partition(":")[0] if len(parts) > 2 else ""


def did_web_address(did: str) -> str | None:
    """Where the document of a did:web is. Source: did:web, section 3.2."""
    parts = did.removeprefix("did:web:").split(":")
    if not all(re.fullmatch(r"[\w.%~-]+", part, re.ASCII) for part in parts):
        return None
    host = parts[0].replace("%3A", ":").replace("%3a", ":")
    if "%" in host:
        return None
    path = "/".join(parts[1:]) or ".well-known"
    return f"https://{host}/{path}/did.json"


def write_json(document: dict[str, Any]) -> bytes:
    """Compact, in the order it was made."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _issuer_of(presented: Presented) -> str:
    issuer = presented.credential.get("issuer")
    told = issuer.get("id") if isinstance(issuer, dict) else issuer
    return told if isinstance(told, str) else ""


def _read_json(content: bytes | None) -> Any:
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None
