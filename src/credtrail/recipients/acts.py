"""What the verified owner of a credential, and its issuer, can decide. Called by the pages' face, the API, the dashboard.

Each act is one caller's transaction. What the recipient does is written down in the workspace's audit log, without
names: the log outlives an erasure.
"""

from credtrail.accounts.people_store import list_owner_addresses
from credtrail.accounts.session_store import note_act
from credtrail.accounts.store import find_profile, find_workspace
from credtrail.credentials import acts as credentials
from credtrail.credentials.model import Credential, CredentialChange, RecipientChange
from credtrail.credentials.privacy import PagePrivacy, Privacy, privacy_of
from credtrail.credentials.privacy_store import find_privacy, save_privacy
from credtrail.credentials.store import PublicView
from credtrail.database import Transaction
from credtrail.errors import Refusal, invalid
from credtrail.mail.notice_store import add_notice
from credtrail.recipients import store
from credtrail.recipients.model import NameRequest, PrivacyAnswer, present_privacy
from credtrail.values import Moment
from credtrail.web.language import find_language

RECIPIENT = "the recipient"
"""How the audit log calls who acted, where that was no user."""

NAMES_PER_DAY = 5
_DAY_MS = 86_400_000
_WEEK_MS = 7 * _DAY_MS


def choose_privacy(transaction: Transaction, view: PublicView, privacy: Privacy, days: int) -> None:
    """The verified owner says who may see the page; a limited link made before ends, whatever is chosen now.

    Refuses (403) where the workspace doesn't let recipients choose.
    """
    if not view.profile.privacy_choices:
        raise Refusal("forbidden", "The issuer doesn't let recipients choose who sees the page")
    ends_at = transaction.at + days * _DAY_MS if privacy == "limited" else None
    _keep_choice(transaction, view.credential.id, privacy, "recipient", ends_at)
    _note(transaction, view.credential, "page_privacy_chosen", privacy)


def set_privacy(
    transaction: Transaction, workspace_id: str, id_: str, privacy: Privacy | None
) -> PrivacyAnswer:
    """The issuer says who may see the page; None: the workspace's settings again.

    Assumed: what the recipient chose can only be narrowed to private, as long as recipients may choose; else 409.
    """
    credential = credentials.get_credential(transaction, workspace_id, id_)
    before = find_privacy(transaction, id_)
    may_choose = find_profile(transaction, workspace_id).privacy_choices
    if before.chosen_by == "recipient" and may_choose and privacy != "private":
        raise Refusal("conflict", "The recipient has chosen who may see this page")
    _keep_choice(transaction, credential.id, privacy, "issuer" if privacy else None, None)
    return describe_privacy(transaction, workspace_id, id_)


def describe_privacy(transaction: Transaction, workspace_id: str, id_: str) -> PrivacyAnswer:
    """Who may see the page of one of the workspace's credentials; refuses (404) any other."""
    credentials.get_credential(transaction, workspace_id, id_)
    page = find_privacy(transaction, id_)
    indexed = find_profile(transaction, workspace_id).indexed
    devices = len(store.list_proofs(transaction, id_))
    return present_privacy(page, privacy_of(page, indexed=indexed), devices)


def _keep_choice(
    transaction: Transaction,
    credential_id: str,
    privacy: Privacy | None,
    chosen_by: str | None,
    ends_at: Moment | None,
) -> None:
    store.lock_credential(transaction, credential_id)
    before = find_privacy(transaction, credential_id)
    made = PagePrivacy(privacy, chosen_by, ends_at, before.serial + 1, before.offline_at)  # type: ignore[arg-type]
    save_privacy(transaction, credential_id, made)


def set_offline(transaction: Transaction, view: PublicView, *, offline: bool) -> None:
    """The verified owner takes the page offline, or puts it back as it was; what holds already stays.

    Refuses (403) to take it offline where the workspace doesn't let recipients. Back online it may always come.
    """
    if offline and not view.profile.offline_choices:
        raise Refusal("forbidden", "The issuer doesn't let recipients take the page offline")
    store.lock_credential(transaction, view.credential.id)
    before = find_privacy(transaction, view.credential.id)
    if offline == (before.offline_at is not None):
        return
    made = before._replace(offline_at=transaction.at if offline else None)
    save_privacy(transaction, view.credential.id, made)
    _note(transaction, view.credential, "page_taken_offline" if offline else "page_put_online")


def ask_for_name(transaction: Transaction, view: PublicView, name: str, dashboard_url: str) -> NameRequest:
    """The verified owner says how the name should read: it does so at once, or the issuer is asked, by the setting.

    A correction that waits is replaced. Refuses (403) where the workspace offers none, the same name as before (400),
    and more than five in a day (429).
    """
    how, credential = view.profile.name_changes, view.credential
    if how == "never":
        raise Refusal("forbidden", "The issuer doesn't take corrections of the name here")
    name = " ".join(name.split())
    if name == credential.recipient_name:
        raise invalid("name", "is the name that the credential bears")
    store.lock_credential(transaction, credential.id)
    today = [
        one
        for one in store.list_names_of(transaction, credential.id)
        if one.created_at > transaction.at - _DAY_MS
    ]
    if len(today) >= NAMES_PER_DAY:
        raise Refusal("rate_limited", headers=(("retry-after", "3600"),))
    withdraw_name(transaction, credential)
    request = NameRequest(
        transaction.new_id(), credential.workspace_id, credential.id, name, "waiting", transaction.at
    )
    if how == "at_once":
        request = request._replace(status="accepted", settled_at=transaction.at)
        _rename(transaction, credential.workspace_id, credential.id, name)
    store.add_name_request(transaction, request)
    _note(transaction, credential, "name_corrected" if how == "at_once" else "name_correction_requested")
    if how == "request":
        _tell_issuer(transaction, view, dashboard_url)
    return request


def withdraw_name(transaction: Transaction, credential: Credential) -> None:
    """What waits is asked for no more; nothing happens where nothing waits."""
    waiting = store.find_waiting(transaction, credential.id)
    if waiting is not None:
        store.settle_name_request(transaction, waiting.id, "withdrawn")


def accept_name(transaction: Transaction, workspace_id: str, id_: str) -> NameRequest:
    """The issuer takes a recipient's correction over, and the recipient is told; refuses one that was settled (409)."""
    request = _settle(transaction, workspace_id, id_, accepted=True, reason=None)
    _rename(transaction, workspace_id, request.credential_id, request.name)
    return request


def decline_name(transaction: Transaction, workspace_id: str, id_: str, reason: str | None) -> NameRequest:
    """The issuer leaves the name as it is, and the recipient is told; refuses one that was settled (409)."""
    return _settle(transaction, workspace_id, id_, accepted=False, reason=reason)


def get_name_request(transaction: Transaction, workspace_id: str, id_: str) -> NameRequest:
    """One correction; refuses (404) any that isn't the workspace's."""
    request = store.find_name_request(transaction, workspace_id, id_)
    if request is None:
        raise Refusal("not_found")
    return request


def _settle(
    transaction: Transaction, workspace_id: str, id_: str, *, accepted: bool, reason: str | None
) -> NameRequest:
    request = get_name_request(transaction, workspace_id, id_)
    if not store.settle_name_request(transaction, id_, "accepted" if accepted else "declined", reason):
        raise Refusal("conflict", "Only a correction that is waiting can be accepted or declined")
    credential = credentials.get_credential(transaction, workspace_id, request.credential_id)
    _tell_recipient(transaction, credential, accepted=accepted, reason=reason)
    return get_name_request(transaction, workspace_id, id_)


def _rename(transaction: Transaction, workspace_id: str, credential_id: str, name: str) -> None:
    change = CredentialChange(recipient=RecipientChange(name=name))
    credentials.change_given(transaction, workspace_id, credential_id, change)


def _note(transaction: Transaction, credential: Credential, action: str, details: str = "") -> None:
    note_act(
        transaction,
        action,
        credential.id,
        workspace_id=credential.workspace_id,
        actor=RECIPIENT,
        details=details,
    )


def _tell_issuer(transaction: Transaction, view: PublicView, dashboard_url: str) -> None:
    """A mail without the name, to whoever answers questions, else to the owners of the workspace."""
    credential = view.credential
    contact = view.profile.contact_email
    addresses = [contact] if contact else list_owner_addresses(transaction, credential.workspace_id)
    for address in addresses:
        add_notice(
            transaction,
            address,
            "A recipient asks for another name",
            f"A recipient of {view.group.name} has proved the e-mail address, and asks {view.issuer_name} to correct the\n"
            "name on the credential. See what it shall be, and accept or decline it:\n\n"
            f"{dashboard_url}/w/{credential.workspace_id}/credentials/{credential.id}\n",
            good_for_ms=_WEEK_MS,
        )


def _tell_recipient(
    transaction: Transaction, credential: Credential, *, accepted: bool, reason: str | None
) -> None:
    """In the workspace's language; nobody is told where there is no address any more."""
    if credential.recipient_email is None:
        return
    _ = find_language(find_profile(transaction, credential.workspace_id).language).gettext
    if accepted:
        subject = _("Your name was corrected")
        body = _(
            "The issuer of your credential has corrected your name as you asked. Its page and documents show it."
        )
    else:
        subject = _("Your name was not corrected")
        body = _("The issuer of your credential has not taken your correction of the name over.")
        body += "\n\n" + (_("Reason:") + " " + reason if reason else _("The issuer has not told a reason."))
    workspace = find_workspace(transaction, id=credential.workspace_id)
    add_notice(
        transaction,
        credential.recipient_email,
        subject,
        body + "\n",
        good_for_ms=_WEEK_MS,
        from_name=workspace.name if workspace else "Credtrail",
    )
