"""/v1/attributes. Wired by `app`."""

from credtrail.attributes import acts, store
from credtrail.attributes.model import (
    AttributeAnswer,
    AttributeChange,
    NewAttribute,
    default_attributes,
    present_attribute,
)
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint


class Attributes:
    """Attributes of the caller's workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        one, tag = "/attributes/{id}", "Attributes"
        return [
            Endpoint(
                "GET",
                "/attributes",
                self.list_all,
                "List attributes",
                list[AttributeAnswer],
                description="All of them, not in pages: first those that every workspace has, then the workspace's own.",
                tag=tag,
            ),
            Endpoint(
                "POST",
                "/attributes",
                self.create,
                "Create a custom attribute",
                AttributeAnswer,
                201,
                body=NewAttribute,
                refusals=("conflict",),
                tag=tag,
            ),
            Endpoint(
                "PATCH",
                one,
                self.change,
                "Rename a custom attribute",
                AttributeAnswer,
                body=AttributeChange,
                refusals=("not_found",),
                tag=tag,
            ),
            Endpoint(
                "DELETE",
                one,
                self.delete,
                "Delete a custom attribute",
                None,
                204,
                refusals=("not_found",),
                description="Credentials keep the values they have.",
                tag=tag,
            ),
        ]

    async def list_all(self, call: Call) -> Answer:
        """Every attribute of the workspace, as a bare array."""
        workspace_id = call.caller.workspace_id
        own = await self._database.read(lambda transaction: store.list_attributes(transaction, workspace_id))
        return answer(200, [present_attribute(one) for one in (*default_attributes(workspace_id), *own)])

    async def create(self, call: Call) -> Answer:
        """Create a custom attribute; a tag that the workspace has is a conflict."""

        def create(transaction: Transaction) -> tuple[Answer, str | None]:
            made = acts.create_attribute(transaction, call.caller.workspace_id, call.body)
            return answer(201, present_attribute(made)), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: create(transaction))
        )

    async def change(self, call: Call) -> Answer:
        """Give a custom attribute another name."""
        change: AttributeChange = call.body
        renamed = await self._database.write(
            lambda transaction: acts.rename_attribute(transaction, *_named(call), change.name)
        )
        return answer(200, present_attribute(renamed))

    async def delete(self, call: Call) -> Answer:
        """Delete a custom attribute; 404 the second time."""
        await self._database.write(lambda transaction: acts.delete_attribute(transaction, *_named(call)))
        return Answer(204, b"")


def _named(call: Call) -> tuple[str, str]:
    return call.caller.workspace_id, call.path["id"]
