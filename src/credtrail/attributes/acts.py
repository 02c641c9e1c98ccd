"""What can be done with attributes, whichever face asks: each in the caller's transaction, each refusing what can't be.

Called by this slice's face and by the dashboard.
"""

from credtrail.attributes import store
from credtrail.attributes.model import MOST, Attribute, NewAttribute, tag_from
from credtrail.database import Transaction
from credtrail.errors import Refusal, invalid


def get_attribute(transaction: Transaction, workspace_id: str, id_: str) -> Attribute:
    """One custom attribute of the workspace; refuses (404) any other."""
    found = store.find_attribute(transaction, workspace_id, id_)
    if found is None:
        raise Refusal("not_found")
    return found


def create_attribute(transaction: Transaction, workspace_id: str, new: NewAttribute) -> Attribute:
    """Create one; a tag that the workspace has is a conflict, and so is one attribute too many."""
    tag = new.tag or tag_from(new.name)
    if not tag:
        raise invalid("tag", "is required where the name has no letters from a to z")
    _require_room(transaction, workspace_id, tag)
    return store.add_attribute(transaction, workspace_id, tag, new.name, new.type)


def restore_attribute(transaction: Transaction, gone: Attribute) -> None:
    """Bring back one that was deleted, as it was; refuses (409) as `create_attribute` does."""
    _require_room(transaction, gone.workspace_id, gone.tag)
    store.restore_attribute(transaction, gone)


def _require_room(transaction: Transaction, workspace_id: str, tag: str) -> None:
    if store.find_by_tag(transaction, workspace_id, [tag]):
        raise Refusal("conflict", f"There is an attribute with the tag {tag} already")
    if store.count_attributes(transaction, workspace_id) >= MOST:
        raise Refusal("conflict", f"A workspace can have {MOST} attributes")


def rename_attribute(transaction: Transaction, workspace_id: str, id_: str, name: str) -> Attribute:
    """Give it another name."""
    return store.rename_attribute(transaction, get_attribute(transaction, workspace_id, id_), name)


def delete_attribute(transaction: Transaction, workspace_id: str, id_: str) -> Attribute:
    """Delete one; credentials keep the values they have."""
    found = get_attribute(transaction, workspace_id, id_)
    store.delete_attribute(transaction, workspace_id, id_)
    return found
