"""/v1/email-templates. Wired by `app`."""

from msgspec import Struct

from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.errors import Kind
from credtrail.mail import acts, store
from credtrail.mail.model import (
    EmailTemplateAnswer,
    EmailTemplateChange,
    NewEmailTemplate,
    WholeEmailTemplate,
    present_template,
    present_whole_template,
)
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class EmailTemplatesPage(Struct):
    """One page of e-mail templates, newest first."""

    data: list[EmailTemplateAnswer]
    pagination: Pagination


class EmailTemplates:
    """E-mail templates of the caller's workspace."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        all_, one, tag = "/email-templates", "/email-templates/{id}", "E-mail templates"
        whole = WholeEmailTemplate
        missing: tuple[Kind, ...] = ("not_found",)
        return [
            Endpoint(
                "GET",
                all_,
                self.list_page,
                "List e-mail templates",
                EmailTemplatesPage,
                query=PageQuery,
                tag=tag,
            ),
            Endpoint(
                "POST",
                all_,
                self.create,
                "Create an e-mail template",
                whole,
                201,
                body=NewEmailTemplate,
                refusals=("conflict",),
                description="Blank lines divide the body into paragraphs. `[credential.link]` on a line of its own "
                "becomes a button; a body without it gets one at its end.",
                tag=tag,
            ),
            Endpoint("GET", one, self.get, "Get an e-mail template", whole, refusals=missing, tag=tag),
            Endpoint(
                "PATCH",
                one,
                self.change,
                "Change an e-mail template",
                whole,
                body=EmailTemplateChange,
                refusals=missing,
                tag=tag,
            ),
            Endpoint(
                "DELETE",
                one,
                self.delete,
                "Delete an e-mail template",
                None,
                204,
                refusals=missing,
                description="Groups that use it get the built-in one.",
                tag=tag,
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """The workspace's templates, newest first."""
        workspace_id = call.caller.workspace_id
        scope = ("email-templates", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)
        found = await self._database.read(
            lambda transaction: store.list_templates(transaction, workspace_id, **slice_._asdict())
        )
        page, pagination = self._cursors.page(found, slice_, scope, lambda template: template.id)
        return answer(200, EmailTemplatesPage([present_template(one) for one in page], pagination))

    async def create(self, call: Call) -> Answer:
        """Create a template; refuses placeholders that don't exist."""

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            made = acts.create_template(transaction, call.caller.workspace_id, call.body)
            return answer(201, present_whole_template(made)), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def get(self, call: Call) -> Answer:
        """One template with its body."""
        template = await self._database.read(
            lambda transaction: acts.get_template(transaction, *_named(call))
        )
        return answer(200, present_whole_template(template))

    async def change(self, call: Call) -> Answer:
        """Change what is given."""
        changed = await self._database.write(
            lambda transaction: acts.change_template(transaction, *_named(call), call.body)
        )
        return answer(200, present_whole_template(changed))

    async def delete(self, call: Call) -> Answer:
        """Delete for good; 404 the second time."""
        await self._database.write(lambda transaction: acts.delete_template(transaction, *_named(call)))
        return Answer(204, b"")


def _named(call: Call) -> tuple[str, str]:
    return call.caller.workspace_id, call.path["id"]
