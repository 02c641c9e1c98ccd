"""From what a caller sends to a new credential. Called by the faces and by the import; writes nothing itself."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from msgspec import to_builtins

from credtrail.accounts.store import find_image, time_zone_of
from credtrail.attributes.model import PREFIX, Attribute, merge_values
from credtrail.attributes.store import find_by_tag
from credtrail.credentials.model import Credential, NewCredential, StoredStatus, read_dates
from credtrail.database import Transaction
from credtrail.errors import Refusal, invalid
from credtrail.groups.model import Group
from credtrail.groups.store import find_groups
from credtrail.values import day_of


class Surroundings(NamedTuple):
    """What new credentials refer to: the workspace's time zone, its groups by id, its attributes by tag."""

    workspace_id: str
    time_zone: str
    groups: Mapping[str, Group]
    attributes: Mapping[str, Attribute]


def find_surroundings(
    transaction: Transaction, workspace_id: str, new: Iterable[NewCredential]
) -> Surroundings:
    """Everything that these credentials name and that exists, in three questions."""
    wanted = list(new)
    keys = {key for one in wanted for key in one.custom_attributes}
    return Surroundings(
        workspace_id,
        time_zone_of(transaction, workspace_id),
        find_groups(transaction, workspace_id, {one.group_id for one in wanted}),
        find_by_tag(transaction, workspace_id, tags_in(keys)),
    )


def make_credential(
    transaction: Transaction,
    new: NewCredential,
    around: Surroundings,
    *,
    status: StoredStatus = "draft",
    external_key: str | None = None,
) -> Credential:
    """The credential to be added. Refuses an unknown group (404), wrong dates and attributes (400)."""
    group = around.groups.get(new.group_id)
    if group is None:
        raise Refusal("not_found", "There is no group with this groupId")
    today = day_of(transaction.at, around.time_zone)
    issue_date, expiry_date = read_dates(new, today, group.expires_after)
    values = merge_attributes(transaction, {}, new.custom_attributes, around)
    return Credential(
        id=transaction.new_id(),
        public_id=str(uuid4()),
        workspace_id=around.workspace_id,
        group_id=group.id,
        status=status,
        recipient_id=new.recipient.id or transaction.new_id(),
        recipient_name=new.recipient.name,
        recipient_email=new.recipient.email,
        issue_date=issue_date,
        expiry_date=expiry_date,
        custom_attributes=values,
        created_at=transaction.at,
        updated_at=transaction.at,
        evidence=to_builtins(new.evidence),
        external_key=external_key,
    )


def merge_attributes(
    transaction: Transaction, present: Mapping[str, str], given: Mapping[str, Any], around: Surroundings
) -> dict[str, str]:
    """Custom attributes after a change; refuses (400) what `merge_values` refuses, and images that don't exist."""
    merged = merge_values(present, given, around.attributes)
    for key in given:
        is_image = around.attributes[key.removeprefix(PREFIX)].type == "image"
        if is_image and key in merged and find_image(transaction, around.workspace_id, merged[key]) is None:
            raise invalid(f"customAttributes.{key}", "must be the id of an uploaded image")
    return merged


def tags_in(keys: Iterable[str]) -> list[str]:
    """The tags of keys such as `custom.grade`; other keys have none."""
    return [key.removeprefix(PREFIX) for key in keys if key.startswith(PREFIX)]
