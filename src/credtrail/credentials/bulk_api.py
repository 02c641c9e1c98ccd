"""/v1/credentials/search and /v1/credentials/batch. Wired by `app`."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Struct
from msgspec.json import encode

from credtrail.accounts.store import time_zone_of
from credtrail.credentials import store
from credtrail.credentials.api import CredentialsPage
from credtrail.credentials.drafts import Surroundings, find_surroundings, make_credential
from credtrail.credentials.model import (
    AfterCreating,
    Credential,
    CredentialAnswer,
    NewCredential,
    NewCredentials,
    present_credential,
)
from credtrail.credentials.search import Order, Sort, read_filter
from credtrail.credentials.search_sql import read_edge, search_credentials, write_edge
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.errors import Refusal, invalid
from credtrail.mail.store import add_mails
from credtrail.values import Answer, answer, day_of, must
from credtrail.web.endpoint import Call, Endpoint, ErrorBody, present_error
from credtrail.web.paging import Cursor, Cursors, Limit
from credtrail.web.parse import parse_body

_NEWEST_FIRST = Order("id", "desc")


class Search(Struct):
    """A search; without a filter it finds every credential. Assumed: without a sort, newest first."""

    filter: (
        Annotated[dict[str, Any], must("be a JSON object: conditions on fields, or AND, OR, NOT")] | None
    ) = None
    sort: Sort | None = None
    cursor: Cursor | None = None
    limit: Limit = 20


class CredentialResult(Struct, omit_defaults=True):
    """What became of one item: its credential or its error."""

    status: Literal[201, 400, 404]
    credential: CredentialAnswer | None = None
    error: ErrorBody | None = None


class CredentialResults(Struct):
    """The results, in the order of the items."""

    data: list[CredentialResult]


class BulkCredentials:
    """Many credentials of the caller's workspace at once."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        return [
            Endpoint(
                "POST",
                "/credentials/search",
                self.search,
                "Search credentials",
                CredentialsPage,
                body=Search,
                description='Conditions are written `{"recipient": {"email": {"endsWith": "@learner.example"}}}`, and '
                "joined by `AND`, `OR` and `NOT`.",
                tag="Credentials",
            ),
            Endpoint(
                "POST",
                "/credentials/batch",
                self.create,
                "Create many credentials",
                CredentialResults,
                body=NewCredentials,
                refusals=("conflict",),
                description="Each item is created or refused by itself; those created are created in one transaction.",
                tag="Credentials",
            ),
        ]

    async def search(self, call: Call) -> Answer:
        """One page of what fits the filter, in the sort's order."""
        asked: Search = call.body
        workspace_id = call.caller.workspace_id
        sort = Order(asked.sort.property, asked.sort.order) if asked.sort else _NEWEST_FIRST
        scope = ("search", workspace_id, asked.filter or {}, sort)
        slice_ = self._cursors.read(asked.cursor, asked.limit, scope)

        def ask(transaction: Transaction) -> CredentialsPage:
            zone = time_zone_of(transaction, workspace_id)
            found = search_credentials(
                transaction,
                workspace_id,
                read_filter(asked.filter, zone),
                sort,
                today=day_of(transaction.at, zone),
                edge=read_edge(slice_.edge),
                back=slice_.newer,
                limit=slice_.limit,
            )
            page, pagination = self._cursors.page(found, slice_, scope, write_edge)
            return CredentialsPage(
                [present_credential(one.credential, transaction.at, zone) for one in page], pagination
            )

        return answer(200, await self._database.read(ask))

    async def create(self, call: Call) -> Answer:
        """Create the valid items; 200 with a result for each, in order."""
        asked: NewCredentials = call.body
        workspace_id = call.caller.workspace_id
        items = [_read_item(item, asked.then) for item in asked.data]

        def create(transaction: Transaction) -> tuple[Answer, list[str]]:
            around = find_surroundings(
                transaction, workspace_id, [item for item in items if isinstance(item, NewCredential)]
            )
            made = [_make(transaction, item, around, asked.then) for item in items]
            new = [one for one in made if isinstance(one, Credential)]
            store.add_credentials(transaction, new)
            if asked.then == "issue_and_send":
                add_mails(transaction, workspace_id, _sends(new))
            results = [_present(one, transaction.at, around.time_zone) for one in made]
            return answer(200, CredentialResults(results)), [one.id for one in new]

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )


def _read_item(item: Any, then: AfterCreating) -> NewCredential | Refusal:
    try:
        new = parse_body(NewCredential, encode(item))
        if then == "issue_and_send" and new.recipient.email is None:
            raise invalid("recipient.email", "is required, since the credential is mailed there")
    except Refusal as refusal:
        return refusal
    return new


def _make(
    transaction: Transaction, item: NewCredential | Refusal, around: Surroundings, then: AfterCreating
) -> Credential | Refusal:
    if isinstance(item, Refusal):
        return item
    try:
        return make_credential(transaction, item, around, status="draft" if then == "keep" else "issued")
    except Refusal as refusal:
        return refusal


def _sends(new: Sequence[Credential]) -> list[tuple[str, str]]:
    return [(one.id, one.recipient_email) for one in new if one.recipient_email]


def _present(made: Credential | Refusal, at: int, zone: str) -> CredentialResult:
    if isinstance(made, Refusal):
        status: Literal[400, 404] = 404 if made.kind == "not_found" else 400
        return CredentialResult(status, error=present_error(made))
    return CredentialResult(201, credential=present_credential(made, at, zone))
