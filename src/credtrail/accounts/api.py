"""/v1/workspace and /v1/me. Wired by `app`."""

from credtrail.accounts import store
from credtrail.accounts.model import MeAnswer, TokenName, WorkspaceAnswer, present_workspace
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint


class Accounts:
    """Who is asking, and for which workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        return [
            Endpoint(
                "GET", "/workspace", self.get_workspace, "Get the workspace", WorkspaceAnswer, tag="Workspace"
            ),
            Endpoint(
                "GET",
                "/me",
                self.get_me,
                "Get the access token's name and workspace",
                MeAnswer,
                tag="Workspace",
            ),
        ]

    async def get_workspace(self, call: Call) -> Answer:
        """The workspace whose token asks."""

        def ask(transaction: Transaction) -> WorkspaceAnswer:
            workspace = store.find_workspace(transaction, id=call.caller.workspace_id)
            if workspace is None:
                raise Refusal("not_found")
            return present_workspace(workspace)

        return answer(200, await self._database.read(ask))

    async def get_me(self, call: Call) -> Answer:
        """The token that asks, and its workspace."""

        def ask(transaction: Transaction) -> MeAnswer:
            token = store.find_token_by_id(transaction, call.caller.token_id)
            workspace = store.find_workspace(transaction, id=call.caller.workspace_id)
            if token is None or workspace is None:
                raise Refusal("not_found")
            return MeAnswer(TokenName(token.id, token.name), present_workspace(workspace))

        return answer(200, await self._database.read(ask))
