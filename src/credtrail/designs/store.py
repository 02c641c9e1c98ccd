"""Which designs a workspace can use. Called by groups."""

from collections.abc import Iterable

from credtrail.database import Transaction
from credtrail.designs.model import Design, find_design


def find_designs(transaction: Transaction, workspace_id: str, ids: Iterable[str]) -> dict[str, Design]:
    """Those of the ids that this workspace can use, by id."""
    found = ((id_, find_design(id_)) for id_ in ids)
    return {id_: design for id_, design in found if design is not None}
