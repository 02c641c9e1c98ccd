"""/v1/credentials. Wired by `app`."""

from msgspec import Struct, to_builtins

from credtrail.accounts.store import find_workspace
from credtrail.credentials import store
from credtrail.credentials.model import (
    Credential,
    CredentialAnswer,
    NewCredential,
    Revocation,
    check_custom_attributes,
    present_credential,
    read_dates,
)
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.errors import Refusal
from credtrail.groups.store import find_group
from credtrail.values import Answer, answer, day_of
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class CredentialsPage(Struct):
    """One page of credentials, newest first."""

    data: list[CredentialAnswer]
    pagination: Pagination


class Credentials:
    """Credentials of the caller's workspace."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        one, tag = "/credentials/{id}", "Credentials"
        return [
            Endpoint(
                "GET",
                "/credentials",
                self.list_page,
                "List credentials",
                CredentialsPage,
                query=PageQuery,
                tag=tag,
            ),
            Endpoint(
                "POST",
                "/credentials",
                self.create,
                "Create a credential",
                CredentialAnswer,
                201,
                body=NewCredential,
                refusals=("not_found", "conflict"),
                description="The credential begins as a draft; issue it to give it a public page.",
                tag=tag,
            ),
            Endpoint(
                "GET", one, self.get, "Get a credential", CredentialAnswer, refusals=("not_found",), tag=tag
            ),
            Endpoint(
                "DELETE",
                one,
                self.delete,
                "Delete a credential",
                None,
                204,
                refusals=("not_found",),
                description="Its public page, its interactions and all that is counted of it alone go with it.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{one}/issue",
                self.issue,
                "Issue a credential",
                CredentialAnswer,
                refusals=("not_found", "conflict"),
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{one}/revoke",
                self.revoke,
                "Revoke a credential",
                CredentialAnswer,
                body=Revocation,
                refusals=("not_found", "conflict"),
                description="For good. Its page then says so, with the reason, and shows no picture and no download; "
                "its `status` on the wire stays as it is.",
                tag=tag,
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """The workspace's credentials, newest first."""
        workspace_id = call.caller.workspace_id
        scope = ("credentials", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)

        def ask(transaction: Transaction) -> CredentialsPage:
            found = store.list_credentials(transaction, workspace_id, **slice_._asdict())
            page, pagination = self._cursors.page(found, slice_, scope, lambda credential: credential.id)
            zone = _time_zone(transaction, workspace_id)
            return CredentialsPage(
                [present_credential(credential, transaction.at, zone) for credential in page], pagination
            )

        return answer(200, await self._database.read(ask))

    async def create(self, call: Call) -> Answer:
        """Create a draft; refuses an unknown group (404), wrong dates and unknown attributes (400)."""
        new: NewCredential = call.body
        check_custom_attributes(new.custom_attributes)

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            workspace_id = call.caller.workspace_id
            if find_group(transaction, workspace_id, new.group_id) is None:
                raise Refusal("not_found", "There is no group with this groupId")
            zone = _time_zone(transaction, workspace_id)
            credential = store.add_credential(
                transaction,
                workspace_id,
                new.group_id,
                (new.recipient.id, new.recipient.name, new.recipient.email),
                read_dates(new, today=day_of(transaction.at, zone)),
                evidence=[to_builtins(one) for one in new.evidence],
            )
            return answer(201, present_credential(credential, transaction.at, zone)), credential.id

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def get(self, call: Call) -> Answer:
        """One credential."""
        return await self._database.read(
            lambda transaction: answer(200, _present(transaction, _get(transaction, call)))
        )

    async def delete(self, call: Call) -> Answer:
        """Delete for good; 404 the second time."""
        gone = await self._database.write(
            lambda transaction: store.delete_credential(
                transaction, call.caller.workspace_id, call.path["id"]
            )
        )
        if not gone:
            raise Refusal("not_found")
        return Answer(204, b"")

    async def issue(self, call: Call) -> Answer:
        """Draft or scheduled becomes issued; anything else is a conflict.

        Assumed: issuing what is neither draft nor scheduled is 409.
        """

        def issue(transaction: Transaction) -> tuple[Answer, str | None]:
            credential = _get(transaction, call)
            if not store.issue_credential(transaction, credential.workspace_id, credential.id):
                raise Refusal("conflict", "Only a draft or scheduled credential can be issued")
            return answer(200, _present(transaction, _get(transaction, call))), credential.id

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: issue(transaction))
        )

    async def revoke(self, call: Call) -> Answer:
        """Take an issued credential back; a draft, or one revoked before, is a conflict."""

        def revoke(transaction: Transaction) -> tuple[Answer, str | None]:
            credential = _get(transaction, call)
            if not store.revoke_credential(
                transaction, credential.workspace_id, credential.id, call.body.reason
            ):
                raise Refusal("conflict", "Only an issued credential that isn't revoked yet can be revoked")
            return answer(200, _present(transaction, _get(transaction, call))), credential.id

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: revoke(transaction))
        )


def _get(transaction: Transaction, call: Call) -> Credential:
    credential = store.find_credential(transaction, call.caller.workspace_id, call.path["id"])
    if credential is None:
        raise Refusal("not_found")
    return credential


def _present(transaction: Transaction, credential: Credential) -> CredentialAnswer:
    return present_credential(credential, transaction.at, _time_zone(transaction, credential.workspace_id))


def _time_zone(transaction: Transaction, workspace_id: str) -> str:
    workspace = find_workspace(transaction, id=workspace_id)
    return workspace.time_zone if workspace else "UTC"
