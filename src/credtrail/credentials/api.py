"""/v1/credentials. Wired by `app`."""

from collections.abc import Callable

from msgspec import Struct

from credtrail.accounts.store import time_zone_of
from credtrail.attributes.store import find_by_tag
from credtrail.credentials import store
from credtrail.credentials.drafts import (
    Surroundings,
    find_surroundings,
    make_credential,
    merge_attributes,
    tags_in,
)
from credtrail.credentials.links import page_address
from credtrail.credentials.model import (
    Credential,
    CredentialAnswer,
    CredentialChange,
    Delivery,
    NewCredential,
    Revocation,
    Schedule,
    StoredStatus,
    change_credential,
    present_credential,
    read_issue_at,
)
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs.press import Press
from credtrail.errors import Refusal, invalid
from credtrail.mail.model import MailAnswer, present_mail
from credtrail.mail.store import add_mails, list_mails
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class CredentialsPage(Struct):
    """One page of credentials, newest first."""

    data: list[CredentialAnswer]
    pagination: Pagination


class Credentials:
    """Credentials of the caller's workspace; `public_url` is the address that their documents bear."""

    def __init__(self, database: Database, cursors: Cursors, press: Press, public_url: str) -> None:
        self._database = database
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
            zone = time_zone_of(transaction, workspace_id)
            return CredentialsPage(
                [present_credential(credential, transaction.at, zone) for credential in page], pagination
            )

        return answer(200, await self._database.read(ask))

    async def create(self, call: Call) -> Answer:
        """Create a draft; refuses an unknown group (404), wrong dates and unknown attributes (400)."""
        return await self._act(call, lambda transaction: _create(transaction, call, "draft"))

    async def create_issue_send(self, call: Call) -> Answer:
        """Create, issue, and queue the mail, all in one transaction. Without an e-mail address: 400."""
        if call.body.recipient.email is None:
            raise invalid("recipient.email", "is required, since the credential is mailed there")

        def act(transaction: Transaction) -> tuple[Answer, str]:
            answered, id_ = _create(transaction, call, "issued")
            add_mails(transaction, call.caller.workspace_id, [(id_, call.body.recipient.email)])
            return answered, id_

        return await self._act(call, act)

    async def get(self, call: Call) -> Answer:
        """One credential."""
        return await self._database.read(
            lambda transaction: answer(200, _present(transaction, _get(transaction, call)))
        )

    async def change(self, call: Call) -> Answer:
        """Change what is given, in any status; `updatedAt` moves only when something changed."""
        change: CredentialChange = call.body

        def act(transaction: Transaction) -> Answer:
            before = _get(transaction, call)
            changed = change_credential(before, change)
            around = Surroundings(
                before.workspace_id,
                "",
                {},
                find_by_tag(transaction, before.workspace_id, tags_in(change.custom_attributes)),
            )
            values = merge_attributes(transaction, before.custom_attributes, change.custom_attributes, around)
            changed = changed._replace(custom_attributes=values)
            if changed != before:
                changed = changed._replace(updated_at=transaction.at)
                store.save_credential(transaction, changed)
            return answer(200, _present(transaction, changed))

        return await self._database.write(act)

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

        def act(transaction: Transaction) -> tuple[Answer, str]:
            credential = _get(transaction, call)
            if not store.issue_credential(transaction, credential.workspace_id, credential.id):
                raise Refusal("conflict", "Only a draft or scheduled credential can be issued")
            return answer(200, _present(transaction, _get(transaction, call))), credential.id

        return await self._act(call, act)

    async def schedule(self, call: Call) -> Answer:
        """Draft or scheduled becomes scheduled; `credtrail work` issues it at its time.

        Assumed: a scheduled one is scheduled anew; the issue date stays what it is; mailing at issuance without an
        e-mail address is 400.
        """

        def act(transaction: Transaction) -> tuple[Answer, str]:
            credential, plan = _get(transaction, call), call.body
            zone = time_zone_of(transaction, credential.workspace_id)
            issue_at = read_issue_at(plan, credential, transaction.at, zone)
            if plan.send_at_issuance and credential.recipient_email is None:
                raise invalid("sendAtIssuance", "must be false for a recipient without an e-mail address")
            if not store.schedule_credential(
                transaction, credential, issue_at, send_at_issuance=plan.send_at_issuance
            ):
                raise Refusal("conflict", "Only a draft or scheduled credential can be scheduled")
            return answer(200, _present(transaction, _get(transaction, call))), credential.id

        return await self._act(call, act)

    async def send(self, call: Call) -> Answer:
        """Queue a mail with the credential's link.

        Assumed: what isn't issued (or was revoked) is 409, a recipient without an e-mail address 400.
        """

        def act(transaction: Transaction) -> tuple[Answer, str]:
            credential = _get(transaction, call)
            told = _present(transaction, credential)
            if told.status != "issued" or credential.revoked_at is not None:
                raise Refusal("conflict", "Only an issued credential can be sent")
            if credential.recipient_email is None:
                raise invalid("recipient.email", "is missing: the recipient has no e-mail address")
            add_mails(transaction, credential.workspace_id, [(credential.id, credential.recipient_email)])
            return answer(200, told), credential.id

        return await self._act(call, act)

    async def list_mails(self, call: Call) -> Answer:
        """The credential's mails, newest first."""

        def ask(transaction: Transaction) -> list[MailAnswer]:
            credential = _get(transaction, call)
            opened_at = store.find_opened_at(transaction, credential.id)
            return [present_mail(mail, opened_at) for mail in list_mails(transaction, credential.id)]

        return answer(200, await self._database.read(ask))

    async def revoke(self, call: Call) -> Answer:
        """Take an issued credential back; a draft, or one revoked before, is a conflict."""

        def act(transaction: Transaction) -> tuple[Answer, str]:
            credential = _get(transaction, call)
            if not store.revoke_credential(
                transaction, credential.workspace_id, credential.id, call.body.reason
            ):
                raise Refusal("conflict", "Only an issued credential that isn't revoked yet can be revoked")
            return answer(200, _present(transaction, _get(transaction, call))), credential.id

        return await self._act(call, act)

    async def _act(self, call: Call, act: Callable[[Transaction], tuple[Answer, str]]) -> Answer:
        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: act(transaction))
        )


def _create(transaction: Transaction, call: Call, status: StoredStatus) -> tuple[Answer, str]:
    new: NewCredential = call.body
    around = find_surroundings(transaction, call.caller.workspace_id, [new])
    credential = make_credential(transaction, new, around, status=status)
    store.add_credentials(transaction, [credential])
    return answer(201, present_credential(credential, transaction.at, around.time_zone)), credential.id


def _get(transaction: Transaction, call: Call) -> Credential:
    credential = store.find_credential(transaction, call.caller.workspace_id, call.path["id"])
    if credential is None:
        raise Refusal("not_found")
    return credential


def _present(transaction: Transaction, credential: Credential) -> CredentialAnswer:
    return present_credential(credential, transaction.at, time_zone_of(transaction, credential.workspace_id))
