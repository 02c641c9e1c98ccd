"""/v1/groups. Wired by `app`."""

from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs.store import find_designs
from credtrail.errors import Kind, Refusal, invalid
from credtrail.groups import store
from credtrail.groups.model import (
    Group,
    GroupAnswer,
    GroupChange,
    GroupSettings,
    NewGroup,
    designs_of,
    present_group,
    wanted_designs,
)
from credtrail.mail.store import find_template
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination

_OLDER = ("design_ids", "certificate_design_id", "badge_design_id")


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
        new: NewGroup = call.body
        workspace_id = call.caller.workspace_id

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            design_ids = designs_of(
                new, find_designs(transaction, workspace_id, wanted_designs(new), hold=True)
            )
            _check_template(transaction, workspace_id, new.email_template_id)
            group = store.add_group(
                transaction,
                workspace_id,
                new.name,
                design_ids,
                new.learning_event_url,
                description=new.description,
                skills=new.skills,
                expires_after=new.expires_after,
                email_template_id=new.email_template_id,
            )
            return answer(201, _present(transaction, group)), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def get(self, call: Call) -> Answer:
        """One group."""
        return await self._database.read(
            lambda transaction: answer(200, _present(transaction, _get(transaction, call)))
        )

    async def change(self, call: Call) -> Answer:
        """Change what is given; refuses what `create` refuses."""
        change: GroupChange = call.body

        def act(transaction: Transaction) -> Answer:
            group = _get(transaction, call)
            given: dict[str, Any] = {
                name: value
                for name, value in asdict(change).items()
                if value is not UNSET and name not in _OLDER
            }
            _check_template(transaction, group.workspace_id, given.get("email_template_id"))
            known = find_designs(
                transaction, group.workspace_id, (*wanted_designs(change), *group.design_ids), hold=True
            )
            given["design_ids"] = designs_of(change, known, group.design_ids)
            given["skills"] = tuple(given.get("skills", group.skills))
            changed = group._replace(**given)
            if changed != group:
                changed = changed._replace(updated_at=transaction.at)
                store.save_group(transaction, changed)
            return answer(200, _present(transaction, changed))

        return await self._database.write(act)

    async def delete(self, call: Call) -> Answer:
        """Delete for good. Assumed: a group with credentials is a conflict."""

        def act(transaction: Transaction) -> Answer:
            group = _get(transaction, call)
            if not store.delete_group(transaction, group.id):
                raise Refusal("conflict", "A group that has credentials can't be deleted; delete them first")
            return Answer(204, b"")

        return await self._database.write(act)

    async def get_settings(self, call: Call) -> Answer:
        """Description, skills, expiry rule and e-mail template of a group."""
        group = await self._database.read(lambda transaction: _get(transaction, call))
        return answer(
            200,
            GroupSettings(
                group.description, list(group.skills), group.expires_after, group.email_template_id
            ),
        )


def _get(transaction: Transaction, call: Call) -> Group:
    group = store.find_group(transaction, call.caller.workspace_id, call.path["id"])
    if group is None:
        raise Refusal("not_found")
    return group


def _present(transaction: Transaction, group: Group) -> GroupAnswer:
    return present_group(group, find_designs(transaction, group.workspace_id, group.design_ids))


def _check_template(transaction: Transaction, workspace_id: str, template_id: str | None) -> None:
    if template_id is not None and find_template(transaction, workspace_id, template_id) is None:
        raise invalid("emailTemplateId", "must be the id of an e-mail template of the workspace")
