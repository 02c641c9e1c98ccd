"""The one seam of the house: what a log of interactions must do. Implemented by `log_sql.py`.

A log keeps interactions, for good unless it is told to forget, and lists them by id, newest first. It is used inside
the transaction that checks the credential and counts.
"""

from collections.abc import Collection
from typing import Protocol

from credtrail.database import Transaction, Writes
from credtrail.interactions.model import Filters, Interaction


class Log(Protocol):
    """Where interactions are kept."""

    def append(self, interactions: list[Interaction]) -> Writes:
        """The statements that keep them all, for the one transaction that also counts them; ids must be new."""

    def find(self, transaction: Transaction, workspace_id: str, id_: str) -> Interaction | None:
        """One interaction of this workspace."""

    def find_all(self, transaction: Transaction, ids: Collection[str]) -> list[Interaction]:
        """Those of these that are there, of any workspace, in no set order."""

    def page(
        self,
        transaction: Transaction,
        workspace_id: str,
        filters: Filters,
        *,
        edge: str | None,
        newer: bool,
        limit: int,
    ) -> list[Interaction]:
        """Up to `limit` before the edge, newest first; with `newer` those after it, oldest first. The edge is excluded."""

    def forget(self, transaction: Transaction, workspace_id: str, before: str, limit: int) -> int:
        """Delete up to `limit` of the workspace's, oldest first, whose ids are before this one; how many went."""
