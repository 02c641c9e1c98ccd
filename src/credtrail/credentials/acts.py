"""What can be done with a credential, whichever face asks: each in the caller's transaction, each refusing what can't be.

Called by this slice's faces and by the dashboard. What follows from an act (a mail, an event for webhooks) is written
down in the same transaction.
"""

from credtrail.accounts.store import time_zone_of
from credtrail.attributes.store import find_by_tag
from credtrail.credentials import store
from credtrail.credentials.drafts import (
    Surroundings,
    find_surroundings,
    make_credential,
    merge_attributes,
    tags_in,
)
from credtrail.credentials.model import (
    Credential,
    CredentialChange,
    NewCredential,
    Schedule,
    StoredStatus,
    change_credential,
    read_issue_at,
    status_at,
)
from credtrail.database import Transaction
from credtrail.errors import Refusal, invalid
from credtrail.mail.store import add_mails


def get_credential(transaction: Transaction, workspace_id: str, id_: str) -> Credential:
    """One credential of the workspace; refuses (404) any other."""
    credential = store.find_credential(transaction, workspace_id, id_)
    if credential is None:
        raise Refusal("not_found")
    return credential


def create_credential(
    transaction: Transaction,
    workspace_id: str,
    new: NewCredential,
    status: StoredStatus = "draft",
    *,
    send: bool = False,
) -> Credential:
    """Create one; with `send` its mail is queued too, which an address is needed for (400).

    Refuses an unknown group (404), wrong dates and unknown attributes (400).
    """
    if send and new.recipient.email is None:
        raise invalid("recipient.email", "is required, since the credential is mailed there")
    around = find_surroundings(transaction, workspace_id, [new])
    credential = make_credential(transaction, new, around, status=status)
    store.add_credentials(transaction, [credential])
    if send and credential.recipient_email is not None:
        add_mails(transaction, workspace_id, [(credential.id, credential.recipient_email)])
    return credential


def change_given(
    transaction: Transaction, workspace_id: str, id_: str, change: CredentialChange
) -> Credential:
    """Change what is given, in any status; `updated_at` moves only when something changed."""
    before = get_credential(transaction, workspace_id, id_)
    changed = change_credential(before, change)
    known = find_by_tag(transaction, workspace_id, tags_in(change.custom_attributes))
    around = Surroundings(workspace_id, "", {}, known)
    values = merge_attributes(transaction, before.custom_attributes, change.custom_attributes, around)
    changed = changed._replace(custom_attributes=values)
    if changed != before:
        changed = changed._replace(updated_at=transaction.at)
        store.save_credential(transaction, changed)
    return changed


def issue(transaction: Transaction, workspace_id: str, id_: str) -> Credential:
    """Draft or scheduled becomes issued; anything else is a conflict."""
    get_credential(transaction, workspace_id, id_)
    if not store.issue_credential(transaction, workspace_id, id_):
        raise Refusal("conflict", "Only a draft or scheduled credential can be issued")
    return get_credential(transaction, workspace_id, id_)


def schedule(transaction: Transaction, workspace_id: str, id_: str, plan: Schedule) -> Credential:
    """Draft or scheduled becomes scheduled for a time; refuses one that is past, and mailing without an address."""
    credential = get_credential(transaction, workspace_id, id_)
    zone = time_zone_of(transaction, workspace_id)
    issue_at = read_issue_at(plan, credential, transaction.at, zone)
    if plan.send_at_issuance and credential.recipient_email is None:
        raise invalid("sendAtIssuance", "must be false for a recipient without an e-mail address")
    if not store.schedule_credential(
        transaction, credential, issue_at, send_at_issuance=plan.send_at_issuance
    ):
        raise Refusal("conflict", "Only a draft or scheduled credential can be scheduled")
    return get_credential(transaction, workspace_id, id_)


def send(transaction: Transaction, workspace_id: str, id_: str) -> Credential:
    """Queue a mail with the credential's link; refuses what isn't issued, expired, or revoked (409), and (400) a
    recipient without an address."""
    credential = get_credential(transaction, workspace_id, id_)
    status = status_at(credential, transaction.at, time_zone_of(transaction, workspace_id))
    if status != "issued" or credential.revoked_at is not None:
        raise Refusal("conflict", "Only an issued credential can be sent")
    if credential.recipient_email is None:
        raise invalid("recipient.email", "is missing: the recipient has no e-mail address")
    add_mails(transaction, workspace_id, [(credential.id, credential.recipient_email)])
    return credential


def revoke(transaction: Transaction, workspace_id: str, id_: str, reason: str | None) -> Credential:
    """Take an issued credential back; a draft, or one that is revoked already, is a conflict."""
    get_credential(transaction, workspace_id, id_)
    if not store.revoke_credential(transaction, workspace_id, id_, reason):
        raise Refusal("conflict", "Only an issued credential that isn't revoked yet can be revoked")
    return get_credential(transaction, workspace_id, id_)


def reinstate(transaction: Transaction, workspace_id: str, id_: str) -> Credential:
    """Put a revoked credential in force again, as it was; one that isn't revoked is a conflict.

    Assumed: copies of the signed credential hold again, too, though its standard calls a revocation irreversible:
    what was revoked by mistake shall not have to be issued anew.
    """
    get_credential(transaction, workspace_id, id_)
    if not store.reinstate_credential(transaction, workspace_id, id_):
        raise Refusal("conflict", "Only a revoked credential can be reinstated")
    return get_credential(transaction, workspace_id, id_)
