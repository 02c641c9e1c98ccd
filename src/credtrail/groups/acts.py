"""What can be done with groups, whichever face asks: each in the caller's transaction, each refusing what can't be.

Called by this slice's face and by the dashboard.
"""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from credtrail.database import Transaction
from credtrail.designs.store import find_designs
from credtrail.errors import Refusal, invalid
from credtrail.groups import store
from credtrail.groups.model import Group, GroupChange, NewGroup, designs_of, wanted_designs
from credtrail.mail.store import find_template

_OLDER = ("design_ids", "certificate_design_id", "badge_design_id")


def get_group(transaction: Transaction, workspace_id: str, id_: str) -> Group:
    """One group of the workspace; refuses (404) any other."""
    group = store.find_group(transaction, workspace_id, id_)
    if group is None:
        raise Refusal("not_found")
    return group


def create_group(transaction: Transaction, workspace_id: str, new: NewGroup) -> Group:
    """Create a group; refuses (400) designs and an e-mail template that don't exist."""
    design_ids = designs_of(new, find_designs(transaction, workspace_id, wanted_designs(new), hold=True))
    _check_template(transaction, workspace_id, new.email_template_id)
    return store.add_group(
        transaction,
        workspace_id,
        new.name,
        design_ids,
        new.learning_event_url,
        description=new.description,
        skills=new.skills,
        expires_after=new.expires_after,
        email_template_id=new.email_template_id,
    )


def change_group(transaction: Transaction, workspace_id: str, id_: str, change: GroupChange) -> Group:
    """Change what is given; refuses what `create_group` refuses."""
    group = get_group(transaction, workspace_id, id_)
    given: dict[str, Any] = {
        name: value for name, value in asdict(change).items() if value is not UNSET and name not in _OLDER
    }
    _check_template(transaction, workspace_id, given.get("email_template_id"))
    wanted = (*wanted_designs(change), *group.design_ids)
    known = find_designs(transaction, workspace_id, wanted, hold=True)
    given["design_ids"] = designs_of(change, known, group.design_ids)
    given["skills"] = tuple(given.get("skills", group.skills))
    changed = group._replace(**given)
    if changed != group:
        changed = changed._replace(updated_at=transaction.at)
        store.save_group(transaction, changed)
    return changed


def delete_group(transaction: Transaction, workspace_id: str, id_: str) -> Group:
    """Delete for good; a group with credentials is a conflict."""
    group = get_group(transaction, workspace_id, id_)
    if not store.delete_group(transaction, group.id):
        raise Refusal("conflict", "A group that has credentials can't be deleted; delete them first")
    return group


def restore_group(transaction: Transaction, gone: Group) -> None:
    """Bring back one that was deleted, as it was; a conflict where a design or e-mail template of it is gone since."""
    if store.find_group(transaction, gone.workspace_id, gone.id):
        raise Refusal("conflict", "The group is there already")
    if len(find_designs(transaction, gone.workspace_id, gone.design_ids, hold=True)) < len(gone.design_ids):
        raise Refusal("conflict", "A design of the group is deleted since; make the group anew with another")
    template_id = gone.email_template_id
    if template_id is not None and find_template(transaction, gone.workspace_id, template_id) is None:
        raise Refusal(
            "conflict", "The group's e-mail template is deleted since; make the group anew without it"
        )
    store.restore_group(transaction, gone)


def _check_template(transaction: Transaction, workspace_id: str, template_id: str | None) -> None:
    if template_id is not None and find_template(transaction, workspace_id, template_id) is None:
        raise invalid("emailTemplateId", "must be the id of an e-mail template of the workspace")
