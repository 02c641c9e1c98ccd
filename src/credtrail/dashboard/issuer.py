"""Who the workspace is to those who verify its credentials, and its keys: shown, rotated, withdrawn. Wired by `app`."""

from typing import Any

from starlette.responses import Response

from credtrail.accounts.store import find_workspace
from credtrail.badges import acts
from credtrail.badges.model import did_of, has_did_web, key_state
from credtrail.badges.store import list_keys
from credtrail.credentials.links import home_of
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.seal import Seal


class Issuer:
    """For admins; `seal` is what issuers' keys are sealed with."""

    def __init__(self, database: Database, seal: Seal, public_url: str) -> None:
        self._database = database
        self._seal = seal
        self._public_url = public_url

    def views(self) -> list[View]:
        """One page, and what is sent from it."""
        path = "/w/{workspace_id}/issuer"
        return [
            View("GET", path, self.show, "admin"),
            View("POST", path + "/rotate", self.rotate, "admin"),
            View("POST", path + "/{key_id}/withdraw", self.withdraw, "admin"),
        ]

    async def show(self, visit: Visit) -> Response:
        """The keys, latest first. Looking makes none."""

        def ask(transaction: Transaction) -> dict[str, Any]:
            keys = list_keys(transaction, visit.workspace_id)
            active = next((key for key in keys if key_state(key) == "active"), None)
            is_lost = False
            if active is not None:
                try:
                    acts.get_signer(transaction, visit.workspace_id, self._seal)
                except acts.KeyLostError:
                    is_lost = True
            workspace = find_workspace(transaction, id=visit.workspace_id)
            home = home_of(self._public_url, workspace.confirmed_domain if workspace else None)
            did = did_of(home, visit.workspace_id, active.id) if active else ""
            return {
                "keys": [(key, key_state(key)) for key in keys],
                "did": did,
                "has_domain": has_did_web(home),
                "is_lost": is_lost,
            }

        return visit.page("issuer.html", **await self._database.read(ask))

    async def rotate(self, visit: Visit) -> Response:
        """A new key signs from now on."""

        def act(transaction: Transaction) -> None:
            key = acts.rotate_key(transaction, visit.workspace_id, self._seal)
            visit.note(transaction, "issuer_key_rotated", key.id)

        await self._database.write(act)
        return visit.go(f"{visit.home}/issuer", "A new key signs from now on")

    async def withdraw(self, visit: Visit) -> Response:
        """A retired key is not to be trusted any more."""
        key_id = visit.path("key_id")

        def act(transaction: Transaction) -> None:
            acts.withdraw_key(transaction, visit.workspace_id, key_id)
            visit.note(transaction, "issuer_key_withdrawn", key_id)

        try:
            await self._database.write(act)
        except Refusal as refusal:
            if refusal.kind != "conflict":
                raise
            return visit.go(f"{visit.home}/issuer", refusal.message, refused=True)
        return visit.go(f"{visit.home}/issuer", "Withdrawn: what it signed doesn’t verify any more")
