"""What is done with endpoints, whoever does it: the API's face, the dashboard, the command line.

All in the caller's transaction. Refusals (400) name the field.
"""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from credtrail.database import Transaction
from credtrail.errors import Refusal, invalid
from credtrail.seal import Seal
from credtrail.values import IdMaker, Moment, present_moment
from credtrail.webhooks import delivery_store, store
from credtrail.webhooks.model import (
    INTERACTION_TYPES,
    DeliveryStatus,
    Endpoint,
    EndpointChange,
    Message,
    NewEndpoint,
    WebhookType,
    make_secret,
    read_types,
    read_url,
    write_body,
)

MOST_ENDPOINTS = 100
_HOUR_MS = 3_600_000


def create_endpoint(
    transaction: Transaction, workspace_id: str, new: NewEndpoint, seal: Seal, hosts: frozenset[str]
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, told this once. Refuses a URL that isn't allowed, and more than a hundred."""
    url, types = read_url(new.url, hosts), read_types(new.types)
    if store.count_endpoints(transaction, workspace_id) >= MOST_ENDPOINTS:
        raise invalid("url", f"must be one of at most {MOST_ENDPOINTS} endpoints of a workspace")
    secret, id_ = make_secret(), transaction.new_id()
    endpoint = Endpoint(
        id_,
        workspace_id,
        url,
        new.description,
        new.body,
        "enabled",
        None,
        new.rate_per_second,
        seal.close(secret, id_),
        None,
        None,
        None,
        transaction.at,
        transaction.at,
        types,
    )
    store.add_endpoint(transaction, endpoint)
    return endpoint, secret


def change_endpoint(
    transaction: Transaction, endpoint: Endpoint, change: EndpointChange, hosts: frozenset[str]
) -> Endpoint:
    """What is given is changed. Another address or status begins anew: old failures don't count, and where it had asked
    to be left alone, it need not be any longer."""
    given: dict[str, Any] = {name: value for name, value in asdict(change).items() if value is not UNSET}
    if "url" in given:
        read_url(given["url"], hosts)
    if "types" in given:
        given["types"] = read_types(given["types"])
    begins_anew = given.get("url", endpoint.url) != endpoint.url
    if given.get("status", endpoint.status) != endpoint.status:
        given["disabled_reason"], begins_anew = None, True
    if begins_anew:
        given["failing_since"] = None
    if begins_anew or "rate_per_second" in given:
        store.end_pause(transaction, endpoint.id)
    changed = endpoint._replace(**given, updated_at=transaction.at)
    store.save_endpoint(transaction, changed)
    return changed


def rotate_secret(
    transaction: Transaction, endpoint: Endpoint, seal: Seal, grace_hours: int
) -> tuple[Endpoint, str]:
    """A new secret, told this once; the one before is good beside it for so long."""
    secret = make_secret()
    changed = endpoint._replace(
        secret=seal.close(secret, endpoint.id),
        previous_secret=endpoint.secret if grace_hours else None,
        previous_until=transaction.at + grace_hours * _HOUR_MS if grace_hours else None,
        updated_at=transaction.at,
    )
    store.save_endpoint(transaction, changed)
    return changed, secret


def send_test(transaction: Transaction, endpoint: Endpoint, type_: WebhookType | None) -> str:
    """Queue a message that looks like a real one, of a credential that nobody has; its id. 409 where it is disabled.

    What somebody does by hand, this and delivering again, doesn't wait where the endpoint was to be left alone.
    """
    _refuse_disabled(endpoint)
    store.end_pause(transaction, endpoint.id)
    chosen: WebhookType = type_ or endpoint.types[0]
    message_id, credential_id = transaction.new_id(), transaction.new_id()
    thin = write_body(message_id, chosen, transaction.at, credential_id)
    message = Message(
        message_id,
        endpoint.workspace_id,
        chosen,
        credential_id,
        write_body(
            message_id,
            chosen,
            transaction.at,
            credential_id,
            **_sample(chosen, credential_id, transaction.at),
        ),
        thin,
        transaction.at,
    )
    delivery_store.add_messages(transaction, [(message, [endpoint.id])])
    return message_id


def redeliver(
    transaction: Transaction,
    endpoint: Endpoint,
    status: DeliveryStatus,
    created_from: Moment | None = None,
    created_to: Moment | None = None,
) -> int:
    """Deliver again all of that status that were created in that span of time; how many. 409 where it is disabled."""
    _refuse_disabled(endpoint)
    store.end_pause(transaction, endpoint.id)
    return delivery_store.redeliver(
        transaction, endpoint.id, status=status, created_from=created_from, created_to=created_to
    )


def redeliver_one(transaction: Transaction, endpoint: Endpoint, delivery_id: str) -> None:
    """Deliver it again. 404 where there is none, 409 where it is still being tried or the endpoint is disabled."""
    if delivery_store.find_delivery(transaction, endpoint, delivery_id) is None:
        raise Refusal("not_found")
    _refuse_disabled(endpoint)
    if not delivery_store.redeliver(transaction, endpoint.id, id_=delivery_id):
        raise Refusal("conflict", "This delivery is still being tried")
    store.end_pause(transaction, endpoint.id)


def _refuse_disabled(endpoint: Endpoint) -> None:
    if endpoint.status == "disabled":
        raise Refusal("conflict", "This webhook is disabled; enable it first")


def _sample(type_: WebhookType, credential_id: str, at: Moment) -> dict[str, Any]:
    """What a full body has beside the resource, with a name in two scripts: receivers shall meet one early."""
    if type_ not in INTERACTION_TYPES:
        return {}
    moment = present_moment(at)
    event_type = {"credential.shared": "credential_shared_to_linkedin"}.get(type_, type_.replace(".", "_"))
    return {
        "credential": {
            "id": credential_id,
            "publicId": "00000000-0000-4000-8000-000000000000",
            "groupId": IdMaker().make(at),
            "status": "issued",
            "recipient": {
                "id": IdMaker().make(at),
                "name": "Test Recipient 测试",
                "email": "test@example.org",
            },
            "issueDate": moment[:10],
            "expiryDate": None,
            "attributes": {"recipient.name": "Test Recipient 测试"},
            "customAttributes": {},
            "createdAt": moment,
            "updatedAt": moment,
        },
        "credentialInteraction": {
            "id": IdMaker().make(at),
            "credentialId": credential_id,
            "eventType": event_type,
            "triggeredBy": "guest",
            "triggeredAt": moment,
        },
    }
