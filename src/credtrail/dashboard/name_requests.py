"""Corrections of names that recipients ask for: those that wait, and what the issuer says to them. Wired by `app`."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from credtrail.credentials.links import page_address
from credtrail.credentials.store import find_credential, find_credentials
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.press import Press
from credtrail.errors import Refusal
from credtrail.recipients import acts
from credtrail.recipients.model import NameRequest
from credtrail.recipients.store import list_name_requests

_ON_A_PAGE = 25


class NameRequests:
    """Everybody sees what waits; editors answer. `public_url` is the address that documents bear."""

    def __init__(self, database: Database, press: Press, public_url: str) -> None:
        self._database = database
        self._press = press
        self._public_url = public_url

    def views(self) -> list[View]:
        """One page, and the two answers."""
        path = "/w/{workspace_id}/name-requests"
        return [
            View("GET", path, self.show),
            View("POST", path + "/{request_id}/accept", self.accept, "editor"),
            View("POST", path + "/{request_id}/decline", self.decline, "editor"),
        ]

    async def show(self, visit: Visit) -> Response:
        """Those that wait, latest first, with the name that the credential bears now."""
        slice_ = visit.slice(_ON_A_PAGE, "names")

        def ask(transaction: Transaction) -> dict[str, Any]:
            rows = list_name_requests(transaction, visit.workspace_id, status="waiting", **slice_._asdict())
            shown, around = visit.page_of(rows, slice_, "names")
            known = find_credentials(transaction, [one.credential_id for one in shown])
            return {"lines": [(one, known[one.credential_id]) for one in shown], "around": around}

        return visit.page("name_requests.html", **await self._database.read(ask))

    async def accept(self, visit: Visit) -> Response:
        """The credential bears the name, and nothing that was drawn with the other one is left."""
        told = "The name is corrected; page and documents show it, and the recipient is told"
        return await self._answer(visit, "name_accepted", told, acts.accept_name)

    async def decline(self, visit: Visit) -> Response:
        """The name stays."""
        reason = visit.text("reason")[:1_000] or None
        return await self._answer(
            visit,
            "name_declined",
            "The name stays as it is; the recipient is told",
            lambda tx, here, id_: acts.decline_name(tx, here, id_, reason),
        )

    async def _answer(
        self, visit: Visit, action: str, told: str, answer: Callable[[Transaction, str, str], NameRequest]
    ) -> Response:
        id_ = visit.path("request_id")

        def act(transaction: Transaction) -> tuple[str, str]:
            request = answer(transaction, visit.workspace_id, id_)
            visit.note(transaction, action, request.credential_id)
            credential = find_credential(transaction, visit.workspace_id, request.credential_id)
            return request.credential_id, credential.public_id if credential else ""

        try:
            credential_id, public_id = await self._database.write(act)
        except Refusal as refusal:
            if refusal.kind != "conflict":
                raise
            told = "It was answered or withdrawn in the meantime"
            return visit.go(f"{visit.home}/name-requests", told, refused=True)
        await self._press.forget(page_address(self._public_url, public_id))
        return visit.go(f"{visit.home}/credentials/{credential_id}", told)
