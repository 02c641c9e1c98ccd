"""Where a workspace begins: the essentials of the last thirty days, and the first steps. Wired by `app`."""

from typing import Any

from starlette.responses import Response

from credtrail.accounts.store import list_tokens
from credtrail.credentials.store import list_credentials
from credtrail.dashboard.door import View, Visit
from credtrail.dashboard.insight_words import Wanted
from credtrail.dashboard.insights import find_overview
from credtrail.database import Database, Transaction
from credtrail.groups.store import list_groups
from credtrail.insights.ask import read_question

_TILES = 8


class Home:
    """What interactions say, and the first steps of an issuer, each with its state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self) -> list[View]:
        """For everybody here."""
        return [View("GET", "/w/{workspace_id}", self.show)]

    async def show(self, visit: Visit) -> Response:
        """The numbers; what is done and what comes next."""

        def ask(transaction: Transaction) -> dict[str, Any]:
            here = visit.workspace_id
            issued = list_credentials(transaction, here, edge=None, newer=False, limit=20)
            steps = {
                "has_group": bool(list_groups(transaction, here, edge=None, newer=False, limit=1)),
                "has_credential": any(one.status != "draft" for one in issued),
                "has_token": any(one.revoked_at is None for one in list_tokens(transaction, here)),
            }
            overview = find_overview(
                transaction, read_question(transaction, here, None, None, None, None), Wanted()
            )
            return {**steps, **overview, "tiles": overview["tiles"][:_TILES]}

        return visit.page("home.html", **await self._database.read(ask))
