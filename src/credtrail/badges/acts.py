"""What is done with issuers' keys, whichever face asks, and the signing of a credential. In the caller's transaction.

Called by `desk`, the command line, the dashboard.
"""

from typing import NamedTuple

from credtrail.badges import store
from credtrail.badges.keys import SigningKey
from credtrail.badges.model import IssuerKey
from credtrail.database import Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal


class KeyLostError(Exception):
    """The workspace's key was sealed with another CREDTRAIL_SECRET_KEY, and can't be opened with this one."""


class Signer(NamedTuple):
    """A key that signs for a workspace, opened."""

    key: SigningKey
    about: IssuerKey


def get_signer(transaction: Transaction, workspace_id: str, seal: Seal) -> Signer:
    """The workspace's key, made if it is the first time that one is needed. Raises KeyLostError."""
    found = store.find_active_key(transaction, workspace_id)
    if found is None:
        _make(transaction, workspace_id, seal)
        found = store.find_active_key(transaction, workspace_id)
    if found is None:
        raise Refusal("not_found")  # the workspace itself is gone
    return open_key(found, seal)


def rotate_key(transaction: Transaction, workspace_id: str, seal: Seal) -> IssuerKey:
    """A new key signs from now on; those before it still vouch for what they signed.

    It is the way out, too, when a key is lost: nothing that was signed with it needs its private half.
    """
    store.retire_active_key(transaction, workspace_id)
    _make(transaction, workspace_id, seal)
    found = store.find_active_key(transaction, workspace_id)
    if found is None:
        raise Refusal("not_found")
    return found.key


def withdraw_key(transaction: Transaction, workspace_id: str, key_id: str) -> None:
    """A retired key isn't to be trusted any more, since somebody else may have it: what it signed no longer verifies.

    Refuses (404) a key that isn't the workspace's, and (409) the one that signs.
    """
    keys = {key.id: key for key in store.list_keys(transaction, workspace_id)}
    if key_id not in keys:
        raise Refusal("not_found", "The workspace has no such key")
    if not store.withdraw_key(transaction, workspace_id, key_id):
        raise Refusal(
            "conflict", "Only a retired key can be withdrawn; rotate first, so that another one signs"
        )


def _make(transaction: Transaction, workspace_id: str, seal: Seal) -> None:
    key = SigningKey.make()
    store.add_active_key(transaction, workspace_id, key.id, seal.close(key.write(), key.id))


def open_key(found: store.SealedKey, seal: Seal) -> Signer:
    """A key that can sign. Raises KeyLostError."""
    text = seal.open(found.sealed, found.key.id)
    if text is None:
        raise KeyLostError
    return Signer(SigningKey.read(text), found.key)
