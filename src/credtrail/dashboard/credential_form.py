"""The form of a credential: from its fields to what the acts take, and from a credential to its fields.

Called by `credential`. Fields are called as on the wire, so that refusals name them.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.json import encode

from credtrail.accounts.store import list_images, time_zone_of
from credtrail.attributes.model import PREFIX, Attribute
from credtrail.attributes.store import list_attributes
from credtrail.credentials.model import Credential, CredentialChange, NewCredential, Schedule
from credtrail.dashboard.door import Visit
from credtrail.database import Transaction
from credtrail.errors import invalid
from credtrail.web.parse import parse_body

_MOST_IMAGES = 200
_CUSTOM = "customAttributes."


def read_new(visit: Visit, attributes: list[Attribute]) -> NewCredential:
    """A credential to be created; an expiry date that is left empty is the group's to decide."""
    asked: dict[str, Any] = {
        "groupId": visit.text("groupId"),
        "recipient": {"name": visit.text("recipient.name"), "email": visit.text("recipient.email") or None},
        "customAttributes": {key: value for key, value in _custom(visit, attributes).items() if value},
    }
    if visit.text("issueDate"):
        asked["issueDate"] = visit.text("issueDate")
    if visit.text("never") == "yes":
        asked["expiryDate"] = None
    elif visit.text("expiryDate"):
        asked["expiryDate"] = visit.text("expiryDate")
    return parse_body(NewCredential, encode(asked))


def read_change(visit: Visit, attributes: list[Attribute]) -> CredentialChange:
    """What shall be of a credential from now on; empty fields take away what may be missing."""
    asked = {
        "recipient": {"name": visit.text("recipient.name"), "email": visit.text("recipient.email") or None},
        "issueDate": visit.text("issueDate"),
        "expiryDate": visit.text("expiryDate") or None,
        "customAttributes": _custom(visit, attributes),
    }
    return parse_body(CredentialChange, encode(asked))


def read_schedule(visit: Visit) -> Schedule:
    """When to issue, given as a time of day in the workspace's time zone; refuses (400) what is none."""
    try:
        local = datetime.fromisoformat(visit.text("issueAt")).replace(tzinfo=ZoneInfo(visit.time_zone))
    except ValueError:
        raise invalid("issueAt", "must be a day and a time") from None
    return Schedule(local.isoformat(), visit.text("sendAtIssuance") == "yes")


def fields_of(credential: Credential) -> dict[str, str]:
    """The form's fields as a credential fills them."""
    return {
        "groupId": credential.group_id,
        "recipient.name": credential.recipient_name,
        "recipient.email": credential.recipient_email or "",
        "issueDate": credential.issue_date,
        "expiryDate": credential.expiry_date or "",
        **{_CUSTOM + key: value for key, value in credential.custom_attributes.items()},
    }


def typed(visit: Visit) -> dict[str, str]:
    """The form's fields as they were sent."""
    return {name: value for name, value in visit.form.multi_items() if isinstance(value, str)}


def find_choices(transaction: Transaction, workspace_id: str) -> dict[str, Any]:
    """What the form offers: the workspace's attributes, its images where one needs them, its time zone."""
    attributes = list_attributes(transaction, workspace_id)
    images: list[tuple[str, str]] = []
    if any(one.type == "image" for one in attributes):
        found = list_images(transaction, workspace_id, edge=None, newer=False, limit=_MOST_IMAGES)
        images = [(one.digest, f"{one.width} × {one.height}, {one.digest[:8]}") for one in found]
    return {
        "attributes": attributes,
        "images": [("", "none"), *images],
        "zone": time_zone_of(transaction, workspace_id),
    }


def _custom(visit: Visit, attributes: list[Attribute]) -> dict[str, str | None]:
    keys = [PREFIX + one.tag for one in attributes]
    return {key: visit.text(_CUSTOM + key) or None for key in keys}
