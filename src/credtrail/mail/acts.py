"""What can be done with e-mail templates, whichever face asks: each in the caller's transaction, each refusing what
can't be.

Called by this slice's face and by the dashboard.
"""

from msgspec import UNSET
from msgspec.structs import asdict

from credtrail.database import Transaction
from credtrail.errors import Refusal
from credtrail.mail import store
from credtrail.mail.model import EmailTemplate, EmailTemplateChange, NewEmailTemplate, check_placeholders


def get_template(transaction: Transaction, workspace_id: str, id_: str) -> EmailTemplate:
    """One template of the workspace; refuses (404) any other."""
    template = store.find_template(transaction, workspace_id, id_)
    if template is None:
        raise Refusal("not_found")
    return template


def create_template(transaction: Transaction, workspace_id: str, new: NewEmailTemplate) -> EmailTemplate:
    """Create a template; refuses (400) placeholders that don't exist."""
    _check(new.subject, new.body)
    return store.add_template(transaction, workspace_id, new.name, new.subject, new.body)


def change_template(
    transaction: Transaction, workspace_id: str, id_: str, change: EmailTemplateChange
) -> EmailTemplate:
    """Change what is given; refuses placeholders that don't exist."""
    given = {name: value for name, value in asdict(change).items() if value is not UNSET}
    _check(given.get("subject", ""), given.get("body", ""))
    template = get_template(transaction, workspace_id, id_)._replace(**given, updated_at=transaction.at)
    store.save_template(transaction, template)
    return template


def delete_template(transaction: Transaction, workspace_id: str, id_: str) -> EmailTemplate:
    """Delete for good: groups that use it get the built-in one."""
    template = get_template(transaction, workspace_id, id_)
    store.delete_template(transaction, workspace_id, id_)
    return template


def restore_template(transaction: Transaction, gone: EmailTemplate) -> None:
    """Bring back one that was deleted, as it was: groups that sent by it, and chose no other since, do again."""
    if store.find_template(transaction, gone.workspace_id, gone.id):
        raise Refusal("conflict", "The template is there already")
    store.restore_template(transaction, gone)


def _check(subject: str, body: str) -> None:
    check_placeholders("subject", subject)
    check_placeholders("body", body)
