"""/v1/webhooks: endpoints, their secrets, deliveries with their attempts. Wired by `app`. All of it is an extension."""

from collections.abc import Callable
from typing import Literal

from msgspec import UNSET, Struct
from msgspec.json import decode

from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.errors import Kind, Refusal, invalid
from credtrail.seal import Seal
from credtrail.values import Answer, AnyId, Moment, answer, parse_moment
from credtrail.web.endpoint import Call
from credtrail.web.endpoint import Endpoint as Route
from credtrail.web.paging import Cursor, Cursors, Limit, PageQuery, Pagination
from credtrail.webhooks import delivery_store, manage, store
from credtrail.webhooks.model import (
    Delivery,
    DeliveryAnswer,
    DeliveryStatus,
    Endpoint,
    EndpointAnswer,
    EndpointChange,
    EndpointWithSecret,
    NewEndpoint,
    Redelivery,
    RedeliveryAnswer,
    Rotation,
    Test,
    TestAnswer,
    WebhookType,
    WholeDelivery,
    present_delivery,
    present_endpoint,
    present_whole,
    present_with_secret,
)

_LEFT_OUT: Literal["failed"] = "failed"


class EndpointsPage(Struct):
    """One page of endpoints, newest first."""

    data: list[EndpointAnswer]
    pagination: Pagination


class DeliveriesPage(Struct):
    """One page of deliveries, newest first."""

    data: list[DeliveryAnswer]
    pagination: Pagination


class DeliveriesQuery(Struct, rename="camel"):
    """A page of deliveries; filters optional, all at once."""

    status: DeliveryStatus | None = None
    type: WebhookType | None = None
    credential_id: AnyId | None = None
    cursor: Cursor | None = None
    limit: Limit = 20


class Webhooks:
    """Endpoints of the caller's workspace. `hosts` are those that may have any address."""

    def __init__(self, database: Database, cursors: Cursors, seal: Seal, hosts: frozenset[str]) -> None:
        self._database = database
        self._cursors = cursors
        self._seal = seal
        self._hosts = hosts

    def endpoints(self) -> list[Route]:
        """The routes of this face."""
        all_, one, tag = "/webhooks", "/webhooks/{id}", "Webhooks"
        deliveries = f"{one}/deliveries"
        delivery = f"{deliveries}/{{deliveryId}}"
        missing: tuple[Kind, ...] = ("not_found",)
        clashing: tuple[Kind, ...] = ("not_found", "conflict")
        return [
            Route("GET", all_, self.list_page, "List webhooks", EndpointsPage, query=PageQuery, tag=tag),
            Route(
                "POST",
                all_,
                self.create,
                "Create a webhook",
                EndpointWithSecret,
                201,
                body=NewEndpoint,
                refusals=("conflict",),
                description="The secret is told in this answer only. From this answer on, what happens is told.",
                tag=tag,
            ),
            Route("GET", one, self.get, "Get a webhook", EndpointAnswer, refusals=missing, tag=tag),
            Route(
                "PATCH",
                one,
                self.change,
                "Change a webhook",
                EndpointAnswer,
                body=EndpointChange,
                refusals=missing,
                description="`paused` gathers what is to be delivered later; `disabled` gathers nothing.",
                tag=tag,
            ),
            Route(
                "DELETE",
                one,
                self.delete,
                "Delete a webhook",
                None,
                204,
                refusals=missing,
                description="Its deliveries go with it.",
                tag=tag,
            ),
            Route(
                "POST",
                f"{one}/rotate-secret",
                self.rotate,
                "Give a webhook a new secret",
                EndpointWithSecret,
                body=Rotation,
                refusals=clashing,
                tag=tag,
            ),
            Route(
                "POST",
                f"{one}/test",
                self.test,
                "Send a test message",
                TestAnswer,
                202,
                body=Test,
                refusals=clashing,
                tag=tag,
            ),
            Route(
                "POST",
                f"{one}/redeliver",
                self.redeliver_range,
                "Deliver a span of time again",
                RedeliveryAnswer,
                202,
                body=Redelivery,
                refusals=clashing,
                tag=tag,
            ),
            Route(
                "GET",
                deliveries,
                self.list_deliveries,
                "List deliveries",
                DeliveriesPage,
                query=DeliveriesQuery,
                refusals=missing,
                tag=tag,
            ),
            Route(
                "GET",
                delivery,
                self.get_delivery,
                "Get a delivery with its attempts",
                WholeDelivery,
                refusals=missing,
                tag=tag,
            ),
            Route(
                "POST",
                f"{delivery}/redeliver",
                self.redeliver,
                "Deliver again",
                RedeliveryAnswer,
                202,
                refusals=clashing,
                description="With the same id and bytes; 409 while it is still being tried, or the webhook is disabled.",
                tag=tag,
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """The workspace's endpoints, newest first."""
        workspace_id = call.caller.workspace_id
        scope = ("webhooks", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)
        found = await self._database.read(
            lambda transaction: store.list_endpoints(transaction, workspace_id, **slice_._asdict())
        )
        page, pagination = self._cursors.page(found, slice_, scope, lambda endpoint: endpoint.id)
        return answer(200, EndpointsPage([present_endpoint(one) for one in page], pagination))

    async def create(self, call: Call) -> Answer:
        """Create an endpoint, enabled."""

        def act(transaction: Transaction) -> tuple[Endpoint, str]:
            new: NewEndpoint = call.body
            return manage.create_endpoint(transaction, call.caller.workspace_id, new, self._seal, self._hosts)

        return await self._answer_with_secret(call, 201, act)

    async def rotate(self, call: Call) -> Answer:
        """A new secret beside the one before."""

        def act(transaction: Transaction) -> tuple[Endpoint, str]:
            rotation: Rotation = call.body
            return manage.rotate_secret(
                transaction, _get(transaction, call, lock=True), self._seal, rotation.grace_hours
            )

        return await self._answer_with_secret(call, 200, act)

    async def _answer_with_secret(
        self, call: Call, status: int, act: Callable[[Transaction], tuple[Endpoint, str]]
    ) -> Answer:
        """Act once per Idempotency-Key. What is kept for the key lacks the secret, which isn't kept in the clear."""
        told: Answer | None = None

        def perform(transaction: Transaction) -> tuple[Answer, str | None]:
            nonlocal told
            endpoint, secret = act(transaction)
            told = answer(status, present_with_secret(endpoint, secret))
            return answer(status, present_with_secret(endpoint, None)), None

        def run(transaction: Transaction) -> Answer:
            nonlocal told
            told = None
            return once(transaction, call.idempotency_key, lambda: perform(transaction))

        kept = await self._database.write(run)
        return told or kept

    async def get(self, call: Call) -> Answer:
        """One endpoint."""
        endpoint = await self._database.read(lambda transaction: _get(transaction, call))
        return answer(200, present_endpoint(endpoint))

    async def change(self, call: Call) -> Answer:
        """Change what is given."""
        change: EndpointChange = call.body

        def act(transaction: Transaction) -> Endpoint:
            endpoint = _get(transaction, call, lock=True)
            return manage.change_endpoint(transaction, endpoint, change, self._hosts)

        return answer(200, present_endpoint(await self._database.write(act)))

    async def delete(self, call: Call) -> Answer:
        """Delete for good; 404 the second time."""
        gone = await self._database.write(
            lambda transaction: store.delete_endpoint(transaction, call.caller.workspace_id, call.path["id"])
        )
        if not gone:
            raise Refusal("not_found")
        return Answer(204, b"")

    async def test(self, call: Call) -> Answer:
        """Queue a test message."""
        test: Test = call.body

        def act(transaction: Transaction) -> tuple[Answer, str | None]:
            endpoint = _get(transaction, call)
            type_ = None if test.type is UNSET else test.type
            return answer(202, TestAnswer(manage.send_test(transaction, endpoint, type_))), None

        return await self._once(call, act)

    async def _once(self, call: Call, act: Callable[[Transaction], tuple[Answer, str | None]]) -> Answer:
        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: act(transaction))
        )

    async def list_deliveries(self, call: Call) -> Answer:
        """An endpoint's deliveries, newest first."""
        query: DeliveriesQuery = call.query
        filters = (query.status, query.type, query.credential_id)
        scope = ("deliveries", call.caller.workspace_id, call.path["id"], filters)
        slice_ = self._cursors.read(query.cursor, query.limit, scope)

        def ask(transaction: Transaction) -> list[Delivery]:
            endpoint = _get(transaction, call)
            return delivery_store.list_deliveries(transaction, endpoint.id, *filters, **slice_._asdict())

        found = await self._database.read(ask)
        page, pagination = self._cursors.page(found, slice_, scope, lambda delivery: delivery.id)
        return answer(200, DeliveriesPage([present_delivery(one) for one in page], pagination))

    async def get_delivery(self, call: Call) -> Answer:
        """One delivery with the very body that is sent, and every attempt."""

        def ask(transaction: Transaction) -> WholeDelivery:
            found = delivery_store.find_delivery(
                transaction, _get(transaction, call), call.path["deliveryId"]
            )
            if found is None:
                raise Refusal("not_found")
            delivery, body, attempts = found
            return present_whole(delivery, body, attempts, decode)

        return answer(200, await self._database.read(ask))

    async def redeliver(self, call: Call) -> Answer:
        """Deliver one again."""

        def act(transaction: Transaction) -> tuple[Answer, str | None]:
            manage.redeliver_one(transaction, _get(transaction, call), call.path["deliveryId"])
            return answer(202, RedeliveryAnswer(1)), None

        return await self._once(call, act)

    async def redeliver_range(self, call: Call) -> Answer:
        """Deliver again what was created in a span of time."""
        wanted: Redelivery = call.body
        created_from = _read_moment("createdFrom", wanted.created_from)
        created_to = None if wanted.created_to is UNSET else _read_moment("createdTo", wanted.created_to)
        status = _LEFT_OUT if wanted.status is UNSET else wanted.status

        def act(transaction: Transaction) -> tuple[Answer, str | None]:
            count = manage.redeliver(transaction, _get(transaction, call), status, created_from, created_to)
            return answer(202, RedeliveryAnswer(count)), None

        return await self._once(call, act)


def _get(transaction: Transaction, call: Call, *, lock: bool = False) -> Endpoint:
    endpoint = store.find_endpoint(transaction, call.caller.workspace_id, call.path["id"], lock=lock)
    if endpoint is None:
        raise Refusal("not_found")
    return endpoint


def _read_moment(field: str, text: str) -> Moment:
    try:
        return parse_moment(text)
    except ValueError:
        raise invalid(
            field, "must be an ISO 8601 date and time with Z or an offset, such as 2024-03-12T17:33:05.784Z"
        ) from None
