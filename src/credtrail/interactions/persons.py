"""All that is known of a person in a workspace, and its erasure. Called by the dashboard and the command line.

A person is an e-mail address: whoever it is written for on credentials. What names nobody (sums per day of a
workspace or a group) stays after an erasure; what hangs on a credential goes with it.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from credtrail.accounts.store import time_zone_of
from credtrail.credentials.model import Credential, present_credential
from credtrail.credentials.store import delete_credential, find_opened_at, list_of_address
from credtrail.database import Transaction
from credtrail.interactions.log import Log
from credtrail.interactions.model import Filters, present_interaction
from credtrail.interactions.visits import list_set_aside
from credtrail.mail.model import present_mail
from credtrail.mail.notice_store import forget_notices_to
from credtrail.mail.store import list_mails
from credtrail.recipients.acts import describe_privacy
from credtrail.recipients.model import present_name_request
from credtrail.recipients.store import list_codes, list_names_of, list_proofs
from credtrail.values import moment_of_id, present_moment
from credtrail.wallets.model import Connection
from credtrail.wallets.store import end_grants_of, list_connections

_AT_ONCE = 1_000


def describe_person(transaction: Transaction, log: Log, workspace_id: str, email: str) -> dict[str, Any]:
    """Everything about the address, as plain values for JSON: credentials with their interactions, mails, what was set
    aside, what their recipient decided, and which wallets are connected. Source: GDPR, articles 15 and 20."""
    zone = time_zone_of(transaction, workspace_id)
    here = list_of_address(transaction, workspace_id, email)
    # They belong to the person and to no workspace: told where the person is known at all.
    connections = list_connections(transaction, email) if here else []
    return {
        "email": email,
        "exportedAt": present_moment(transaction.at),
        "credentials": [_describe(transaction, log, credential, zone) for credential in here],
        "wallets": [_describe_wallet(one) for one in connections],
    }


def _describe_wallet(connection: Connection) -> dict[str, Any]:
    return {
        "name": connection.name,
        "scope": connection.scope,
        "since": present_moment(connection.created_at),
        "until": present_moment(connection.expires_at),
    }


def _describe(transaction: Transaction, log: Log, credential: Credential, zone: str) -> dict[str, Any]:
    opened_at = find_opened_at(transaction, credential.id)
    page = describe_privacy(transaction, credential.workspace_id, credential.id)
    return {
        **to_builtins(present_credential(credential, transaction.at, zone)),
        "evidence": credential.evidence,
        "revokedAt": present_moment(credential.revoked_at) if credential.revoked_at else None,
        "revocationReason": credential.revocation_reason,
        "mails": [
            to_builtins(present_mail(mail, opened_at)) for mail in list_mails(transaction, credential.id)
        ],
        "page": to_builtins(page),
        "nameRequests": [
            to_builtins(present_name_request(one)) for one in list_names_of(transaction, credential.id)
        ],
        "verifiedDevices": [
            {"since": present_moment(one.created_at), "until": present_moment(one.expires_at)}
            for one in list_proofs(transaction, credential.id)
        ],
        "codes": [
            {"askedAt": present_moment(one.created_at), "tries": one.try_count}
            for one in list_codes(transaction, credential.id)
        ],
        "interactions": list(_interactions(transaction, log, credential)),
        "setAside": list(_set_aside(transaction, credential)),
    }


def _interactions(transaction: Transaction, log: Log, credential: Credential) -> Iterator[dict[str, Any]]:
    edge = None
    while found := log.page(
        transaction,
        credential.workspace_id,
        Filters(credential_id=credential.id),
        edge=edge,
        newer=False,
        limit=_AT_ONCE,
    ):
        for one in found:
            yield {**to_builtins(present_interaction(one)), "certainty": one.certainty}
        edge = found[-1].id


def _set_aside(transaction: Transaction, credential: Credential) -> Iterator[dict[str, Any]]:
    edge = None
    while found := list_set_aside(
        transaction,
        credential.workspace_id,
        credential_id=credential.id,
        reason=None,
        edge=edge,
        newer=False,
        limit=_AT_ONCE,
    ):
        for one in found:
            received = present_moment(moment_of_id(one.id))
            yield {"receivedAt": received, "eventType": one.event_type, "reason": one.reason}
        edge = found[-1].id


def erase_person(transaction: Transaction, workspace_id: str, email: str) -> list[str]:
    """Delete all of it; the public ids of the credentials, whose drawn documents the caller shall forget. Then shall be
    folded: that drops what was still pending of them.

    Assumed: wallets are disconnected, also from what other workspaces have issued to the address: nothing is kept that
    was kept on the strength of this workspace's credentials. Their issuers' credentials stay, to be connected anew.
    """
    forget_notices_to(transaction, email)
    here = list_of_address(transaction, workspace_id, email)
    if here:
        end_grants_of(transaction, email)
    gone = [delete_credential(transaction, workspace_id, credential.id) for credential in here]
    return [public_id for public_id in gone if public_id is not None]
