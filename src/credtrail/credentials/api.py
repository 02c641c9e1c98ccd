"""/v1/credentials. Wired by `app`."""

from collections.abc import Callable

from msgspec import Struct

from credtrail.accounts.store import time_zone_of
from credtrail.credentials import acts, store
from credtrail.credentials.links import page_address
from credtrail.credentials.model import (
    Credential,
    CredentialAnswer,
    CredentialChange,
    Delivery,
    NewCredential,
    Revocation,
    Schedule,
    present_credential,
)
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs.press import Press
from credtrail.errors import Refusal
from credtrail.mail.model import MailAnswer, present_mail
from credtrail.mail.store import list_mails
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class CredentialsPage(Struct):
    """One page of credentials, newest first."""

    data: list[CredentialAnswer]
    pagination: Pagination


class Credentials:
    """Credentials of the caller's workspace; `folded` is the database for what is told of their interactions, and
    `public_url` is the address that their documents bear."""

    def __init__(
        self, database: Database, folded: Database, cursors: Cursors, press: Press, public_url: str
    ) -> None:
        self._database = database
        self._folded = folded
        self._cursors = cursors
        self._press = press
        self._public_url = public_url

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
                "PATCH",
                one,
                self.change,
                "Change a credential",
                CredentialAnswer,
                body=CredentialChange,
                refusals=("not_found",),
                tag=tag,
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
                f"{one}/send",
                self.send,
                "Send a credential",
                CredentialAnswer,
                body=Delivery,
                refusals=("not_found", "conflict"),
                description="By the e-mail template of its group. Each call is one mail; `credtrail work` sends it.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{one}/schedule",
                self.schedule,
                "Schedule a credential",
                CredentialAnswer,
                body=Schedule,
                refusals=("not_found", "conflict"),
                tag=tag,
            ),
            Endpoint(
                "POST",
                "/credentials/create-issue-send",
                self.create_issue_send,
                "Create, issue and send a credential",
                CredentialAnswer,
                201,
                body=NewCredential,
                refusals=("not_found", "conflict"),
                description="All of it or nothing; the mail is queued with it.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{one}/mails",
                self.list_mails,
                "List a credential's mails",
                list[MailAnswer],
                refusals=("not_found",),
                description="The latest hundred, newest first.",
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
                description="Its page then says so, with the reason, and shows no picture and no download; its signed "
                "form is revoked in the status list; its `status` on the wire stays as it is.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                f"{one}/reinstate",
                self.reinstate,
                "Reinstate a credential",
                CredentialAnswer,
                refusals=("not_found", "conflict"),
                description="Undoes a revocation: page, documents and signed form hold again.",
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
            zone = time_zone_of(transaction, workspace_id)
            return CredentialsPage(
                [present_credential(credential, transaction.at, zone) for credential in page], pagination
            )

        return answer(200, await self._database.read(ask))

    async def create(self, call: Call) -> Answer:
        """Create a draft; refuses an unknown group (404), wrong dates and unknown attributes (400)."""
        return await self._act(
            call, lambda transaction: acts.create_credential(transaction, *_asked(call)), 201
        )

    async def create_issue_send(self, call: Call) -> Answer:
        """Create, issue, and queue the mail, all in one transaction. Without an e-mail address: 400."""
        return await self._act(
            call,
            lambda transaction: acts.create_credential(transaction, *_asked(call), "issued", send=True),
            201,
        )

    async def get(self, call: Call) -> Answer:
        """One credential."""
        return await self._database.read(
            lambda transaction: answer(
                200, _present(transaction, acts.get_credential(transaction, *_named(call)))
            )
        )

    async def change(self, call: Call) -> Answer:
        """Change what is given, in any status; `updatedAt` moves only when something changed."""
        change: CredentialChange = call.body
        return await self._database.write(
            lambda transaction: answer(
                200, _present(transaction, acts.change_given(transaction, *_named(call), change))
            )
        )

    async def delete(self, call: Call) -> Answer:
        """Delete for good, its documents with it; 404 the second time."""
        public_id = await self._database.write(
            lambda transaction: store.delete_credential(
                transaction, call.caller.workspace_id, call.path["id"]
            )
        )
        if public_id is None:
            raise Refusal("not_found")
        await self._press.forget(page_address(self._public_url, public_id))
        return Answer(204, b"")

    async def issue(self, call: Call) -> Answer:
        """Draft or scheduled becomes issued; anything else is a conflict.

        Assumed: issuing what is neither draft nor scheduled is 409.
        """
        return await self._act(call, lambda transaction: acts.issue(transaction, *_named(call)))

    async def schedule(self, call: Call) -> Answer:
        """Draft or scheduled becomes scheduled; `credtrail work` issues it at its time.

        Assumed: a scheduled one is scheduled anew; the issue date stays what it is; mailing at issuance without an
        e-mail address is 400.
        """
        return await self._act(call, lambda transaction: acts.schedule(transaction, *_named(call), call.body))

    async def send(self, call: Call) -> Answer:
        """Queue a mail with the credential's link.

        Assumed: what isn't issued (or was revoked) is 409, a recipient without an e-mail address 400.
        """
        return await self._act(call, lambda transaction: acts.send(transaction, *_named(call)))

    async def list_mails(self, call: Call) -> Answer:
        """The credential's mails, newest first."""

        def ask(transaction: Transaction) -> list[MailAnswer]:
            credential = acts.get_credential(transaction, *_named(call))
            opened_at = store.find_opened_at(transaction, credential.id)
            return [present_mail(mail, opened_at) for mail in list_mails(transaction, credential.id)]

        return answer(200, await self._folded.read(ask))

    async def revoke(self, call: Call) -> Answer:
        """Take an issued credential back; a draft, or one that is revoked already, is a conflict."""
        return await self._act(
            call, lambda transaction: acts.revoke(transaction, *_named(call), call.body.reason)
        )

    async def reinstate(self, call: Call) -> Answer:
        """Put a revoked credential in force again; one that isn't revoked is a conflict."""
        return await self._act(call, lambda transaction: acts.reinstate(transaction, *_named(call)))

    async def _act(self, call: Call, act: Callable[[Transaction], Credential], status: int = 200) -> Answer:
        """What the act leaves, once for each Idempotency-Key."""

        def act_once(transaction: Transaction) -> tuple[Answer, str]:
            credential = act(transaction)
            return answer(status, _present(transaction, credential)), credential.id

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: act_once(transaction))
        )


def _named(call: Call) -> tuple[str, str]:
    return call.caller.workspace_id, call.path["id"]


def _asked(call: Call) -> tuple[str, NewCredential]:
    return call.caller.workspace_id, call.body


def _present(transaction: Transaction, credential: Credential) -> CredentialAnswer:
    return present_credential(credential, transaction.at, time_zone_of(transaction, credential.workspace_id))
