"""/v1/groups. Wired by `app`."""

from msgspec import Struct

from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs.store import find_designs
from credtrail.errors import Kind
from credtrail.groups import acts, store
from credtrail.groups.model import Group, GroupAnswer, GroupChange, GroupSettings, NewGroup, present_group
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination


class GroupsPage(Struct):
    """One page of groups, newest first."""

    data: list[GroupAnswer]
    pagination: Pagination


class Groups:
    """Groups of the caller's workspace."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        one, tag = "/groups/{id}", "Groups"
        missing: tuple[Kind, ...] = ("not_found",)
        return [
            Endpoint("GET", "/groups", self.list_page, "List groups", GroupsPage, query=PageQuery, tag=tag),
            Endpoint(
                "POST",
                "/groups",
                self.create,
                "Create a group",
                GroupAnswer,
                201,
                body=NewGroup,
                refusals=("conflict",),
                tag=tag,
            ),
            Endpoint("GET", one, self.get, "Get a group", GroupAnswer, refusals=missing, tag=tag),
            Endpoint(
                "PATCH",
                one,
                self.change,
                "Change a group",
                GroupAnswer,
                body=GroupChange,
                refusals=missing,
                description="Its credentials follow: name, description, skills and designs are shown as they are now.",
                tag=tag,
            ),
            Endpoint(
                "DELETE",
                one,
                self.delete,
                "Delete a group",
                None,
                204,
                refusals=("not_found", "conflict"),
                description="Only a group without credentials can be deleted.",
                tag=tag,
            ),
            Endpoint(
                "GET",
                f"{one}/settings",
                self.get_settings,
                "Get what a group has beyond its fields",
                GroupSettings,
                refusals=missing,
                tag=tag,
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """The workspace's groups, newest first."""
        workspace_id = call.caller.workspace_id
        scope = ("groups", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)

        def ask(transaction: Transaction) -> GroupsPage:
            found = store.list_groups(transaction, workspace_id, **slice_._asdict())
            page, pagination = self._cursors.page(found, slice_, scope, lambda group: group.id)
            designs = find_designs(
                transaction, workspace_id, {id_ for group in page for id_ in group.design_ids}
            )
            return GroupsPage([present_group(group, designs) for group in page], pagination)

        return answer(200, await self._database.read(ask))

    async def create(self, call: Call) -> Answer:
        """Create a group; refuses designs and an e-mail template that don't exist."""

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            group = acts.create_group(transaction, call.caller.workspace_id, call.body)
            return answer(201, _present(transaction, group)), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def get(self, call: Call) -> Answer:
        """One group."""
        return await self._database.read(
            lambda transaction: answer(200, _present(transaction, acts.get_group(transaction, *_named(call))))
        )

    async def change(self, call: Call) -> Answer:
        """Change what is given; refuses what `create` refuses."""
        return await self._database.write(
            lambda transaction: answer(
                200, _present(transaction, acts.change_group(transaction, *_named(call), call.body))
            )
        )

    async def delete(self, call: Call) -> Answer:
        """Delete for good. Assumed: a group with credentials is a conflict."""
        await self._database.write(lambda transaction: acts.delete_group(transaction, *_named(call)))
        return Answer(204, b"")

    async def get_settings(self, call: Call) -> Answer:
        """Description, skills, expiry rule and e-mail template of a group."""
        group = await self._database.read(lambda transaction: acts.get_group(transaction, *_named(call)))
        return answer(
            200,
            GroupSettings(
                group.description, list(group.skills), group.expires_after, group.email_template_id
            ),
        )


def _named(call: Call) -> tuple[str, str]:
    return call.caller.workspace_id, call.path["id"]


def _present(transaction: Transaction, group: Group) -> GroupAnswer:
    return present_group(group, find_designs(transaction, group.workspace_id, group.design_ids))
