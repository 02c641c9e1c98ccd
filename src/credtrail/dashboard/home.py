"""Where a workspace begins. Wired by `app`."""

from starlette.responses import Response

from credtrail.accounts.store import list_tokens
from credtrail.credentials.store import list_credentials
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.groups.store import list_groups


class Home:
    """The first steps of an issuer, each with its state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self) -> list[View]:
        """For everybody here."""
        return [View("GET", "/w/{workspace_id}", self.show)]

    async def show(self, visit: Visit) -> Response:
        """What is done and what comes next."""

        def ask(transaction: Transaction) -> dict[str, bool]:
            here = visit.workspace_id
            issued = list_credentials(transaction, here, edge=None, newer=False, limit=20)
            return {
                "has_group": bool(list_groups(transaction, here, edge=None, newer=False, limit=1)),
                "has_credential": any(one.status != "draft" for one in issued),
                "has_token": any(one.revoked_at is None for one in list_tokens(transaction, here)),
            }

        return visit.page("home.html", **await self._database.read(ask))
