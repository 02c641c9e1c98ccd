"""What /v1 tells and takes of recipients' decisions: who sees a page, corrections of names. Wired by `app`."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Struct

from credtrail.credentials.links import page_address
from credtrail.credentials.store import find_credential
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs.press import Press
from credtrail.recipients import acts, store
from credtrail.recipients.model import (
    Decline,
    NameRequest,
    NameRequestAnswer,
    NameStatus,
    PrivacyAnswer,
    PrivacyChange,
    present_name_request,
)
from credtrail.values import Answer, answer, must
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class NameRequestsPage(Struct):
    """One page of corrections, newest first."""

    data: list[NameRequestAnswer]
    pagination: Pagination


class NameRequestsQuery(PageQuery, rename="camel"):
    """Which corrections to list."""

    status: Annotated[NameStatus, must("be waiting, accepted, declined or withdrawn")] | None = None


class Recipients:
    """What recipients of the caller's workspace decide; `public_url` is the address that documents bear."""

    def __init__(self, database: Database, cursors: Cursors, press: Press, public_url: str) -> None:
        self._database = database
        self._cursors = cursors
        self._press = press
        self._public_url = public_url

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        privacy, one, tag = "/credentials/{id}/privacy", "/name-requests/{id}", "Recipients"
        return [
            Endpoint(
                "GET",
                privacy,
                self.get_privacy,
                "Get who may see a credential's page",
                PrivacyAnswer,
                refusals=("not_found",),
                tag=tag,
            ),
            Endpoint(
                "PUT",
                privacy,
                self.set_privacy,
                "Say who may see a credential's page",
                PrivacyAnswer,
                body=PrivacyChange,
                refusals=("not_found", "conflict"),
                description="What its recipient has chosen can only be narrowed to private.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                "/name-requests",
                self.list_page,
                "List corrections of names",
                NameRequestsPage,
                query=NameRequestsQuery,
                description="What recipients who have proved their address ask for, newest first.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                one,
                self.get,
                "Get a correction of a name",
                NameRequestAnswer,
                refusals=("not_found",),
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{one}/accept",
                self.accept,
                "Accept a correction of a name",
                NameRequestAnswer,
                refusals=("not_found", "conflict"),
                description="The credential bears the name from then on, and its recipient is told by mail.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{one}/decline",
                self.decline,
                "Decline a correction of a name",
                NameRequestAnswer,
                body=Decline,
                refusals=("not_found", "conflict"),
                description="The recipient is told by mail, with the reason.",
                tag=tag,
            ),
        ]

    async def get_privacy(self, call: Call) -> Answer:
        """Who may see the page of a credential in any state."""
        return answer(200, await self._database.read(lambda tx: acts.describe_privacy(tx, *_named(call))))

    async def set_privacy(self, call: Call) -> Answer:
        """The issuer's choice; it holds within half a second."""
        change: PrivacyChange = call.body
        return answer(
            200,
            await self._database.write(lambda tx: acts.set_privacy(tx, *_named(call), change.privacy)),
        )

    async def list_page(self, call: Call) -> Answer:
        """The workspace's corrections, newest first."""
        workspace_id, query = call.caller.workspace_id, call.query
        scope = ("name-requests", workspace_id, query.status or "")
        slice_ = self._cursors.read(query.cursor, query.limit, scope)

        def ask(transaction: Transaction) -> NameRequestsPage:
            found = store.list_name_requests(
                transaction, workspace_id, status=query.status, **slice_._asdict()
            )
            page, pagination = self._cursors.page(found, slice_, scope, lambda one: one.id)
            return NameRequestsPage([present_name_request(one) for one in page], pagination)

        return answer(200, await self._database.read(ask))

    async def get(self, call: Call) -> Answer:
        """One of them."""
        found = await self._database.read(lambda tx: acts.get_name_request(tx, *_named(call)))
        return answer(200, present_name_request(found))

    async def accept(self, call: Call) -> Answer:
        """The name is corrected; what was drawn with the old one is forgotten."""
        made = await self._act(call, lambda tx: acts.accept_name(tx, *_named(call)))

        def ask(transaction: Transaction) -> str | None:
            request = acts.get_name_request(transaction, *_named(call))
            credential = find_credential(transaction, request.workspace_id, request.credential_id)
            return credential.public_id if credential else None

        public_id = await self._database.read(ask)
        if public_id is not None:
            await self._press.forget(page_address(self._public_url, public_id))
        return made

    async def decline(self, call: Call) -> Answer:
        """The name stays."""
        return await self._act(call, lambda tx: acts.decline_name(tx, *_named(call), call.body.reason))

    async def _act(self, call: Call, act: Callable[[Transaction], NameRequest]) -> Answer:
        def act_once(transaction: Transaction) -> tuple[Answer, str]:
            request = act(transaction)
            return answer(200, present_name_request(request)), request.credential_id

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: act_once(transaction))
        )


def _named(call: Call) -> tuple[str, str]:
    return call.caller.workspace_id, call.path["id"]
