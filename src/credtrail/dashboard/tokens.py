"""Access tokens of a workspace: shown once, listed, revoked. Wired by `app`."""

import asyncio
from typing import Any

from starlette.responses import Response

from credtrail.accounts.model import digest_token, make_token
from credtrail.accounts.store import add_token, find_token_by_id, list_tokens, revoke_token
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.web.gate import CALLER_SECONDS

_DAY_MS = 86_400_000
_LIFETIMES = {"": None, "30": 30, "90": 90, "365": 365}


class Tokens:
    """What the workspace's programs speak with."""

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url

    def views(self) -> list[View]:
        """For admins: a full token can do all that an editor can, and more."""
        path = "/w/{workspace_id}/access-tokens"
        return [
            View("GET", path, self.show, "admin"),
            View("POST", path, self.create, "admin"),
            View("POST", path + "/{token_id}/revoke", self.revoke, "admin"),
        ]

    async def show(self, visit: Visit) -> Response:
        """The list and the form."""
        return visit.page("tokens.html", problems={}, made="", **await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        found = await self._database.read(lambda tx: list_tokens(tx, visit.workspace_id))
        return {"tokens": list(reversed(found)), "public_url": self._public_url}

    async def create(self, visit: Visit) -> Response:
        """The secret is in this answer and nowhere else, ever."""
        token = make_token()
        name, access, lifetime = visit.text("name"), visit.text("access"), visit.text("lifetime")
        try:
            if not 1 <= len(name) <= 255:
                raise invalid("name", "must be a name of 1 to 255 characters")
            if access not in ("full", "read"):
                raise invalid("access", "must be full or read")
            if lifetime not in _LIFETIMES:
                raise invalid("lifetime", "must be one of those offered")
        except Refusal as refusal:
            return visit.again("tokens.html", refusal, made="", **await self._list(visit))
        days = _LIFETIMES[lifetime]

        def act(transaction: Transaction) -> None:
            expires_at = transaction.at + days * _DAY_MS if days else None
            digest = digest_token(token)
            add_token(transaction, visit.workspace_id, name, digest, access=access, expires_at=expires_at)
            visit.note(transaction, "token_created", name, access)

        await self._database.write(act)
        return visit.page("tokens.html", problems={}, made=token, **await self._list(visit))

    async def revoke(self, visit: Visit) -> Response:
        """When this is answered, no server process takes the token any more: each believes a caller that long at most."""
        id_ = visit.path("token_id")

        def act(transaction: Transaction) -> str:
            token = find_token_by_id(transaction, id_)
            if token is None or token.workspace_id != visit.workspace_id:
                raise Refusal("not_found")
            if revoke_token(transaction, id_):
                visit.note(transaction, "token_revoked", token.name)
            return token.name

        name = await self._database.write(act)
        await asyncio.sleep(CALLER_SECONDS)
        return visit.go(
            f"{visit.home}/access-tokens", f"{name} is revoked: no request with it is answered any more"
        )
