"""/v1/groups. Wired by `app`."""

from msgspec import Struct

from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.errors import Refusal
from credtrail.groups import store
from credtrail.groups.model import Group, GroupAnswer, NewGroup, designs_of, present_group
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
        return [
            Endpoint(
                "GET", "/groups", self.list_page, "List groups", GroupsPage, query=PageQuery, tag="Groups"
            ),
            Endpoint(
                "POST",
                "/groups",
                self.create,
                "Create a group",
                GroupAnswer,
                201,
                body=NewGroup,
                refusals=("conflict",),
                tag="Groups",
            ),
            Endpoint(
                "GET",
                "/groups/{id}",
                self.get,
                "Get a group",
                GroupAnswer,
                refusals=("not_found",),
                tag="Groups",
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """The workspace's groups, newest first."""
        workspace_id = call.caller.workspace_id
        scope = ("groups", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)
        found = await self._database.read(
            lambda transaction: store.list_groups(transaction, workspace_id, **slice_._asdict())
        )
        page, pagination = self._cursors.page(found, slice_, scope, lambda group: group.id)
        return answer(200, GroupsPage([present_group(group) for group in page], pagination))

    async def create(self, call: Call) -> Answer:
        """Create a group; refuses designs that don't exist."""
        new: NewGroup = call.body
        design_ids = designs_of(new)

        def act(transaction: Transaction) -> Answer:
            return once(
                transaction,
                call.idempotency_key,
                lambda: (answer(201, present_group(add(transaction))), None),
            )

        def add(transaction: Transaction) -> Group:
            return store.add_group(
                transaction,
                call.caller.workspace_id,
                new.name,
                design_ids,
                new.learning_event_url,
                description=new.description,
                skills=new.skills,
            )

        return await self._database.write(act)

    async def get(self, call: Call) -> Answer:
        """One group."""
        group = await self._database.read(
            lambda transaction: store.find_group(transaction, call.caller.workspace_id, call.path["id"])
        )
        if group is None:
            raise Refusal("not_found")
        return answer(200, present_group(group))
