"""The gate on its own: what several requests at once share."""

import asyncio

from credtrail.values import Answer
from credtrail.web.endpoint import Caller, Endpoint
from credtrail.web.gate import Gate
from credtrail.web.limits import RateLimit

HEADERS = [(b"authorization", b"Bearer token"), (b"certifier-version", b"2022-10-26")]


class House:
    """A gate with one endpoint, whose tokens are looked up as slowly as the test wants."""

    def __init__(self):
        self.lookups = 0
        self.open = asyncio.Event()
        self.done = asyncio.Event()
        endpoints = [
            Endpoint("GET", "/thing", self.get, "Get the thing", None),
            Endpoint("POST", "/thing", self.make, "Make the thing", None),
        ]
        self.gate = Gate(endpoints, self.find_caller, RateLimit(1_000, 1_000), 1_000)

    async def get(self, _):
        """The thing."""
        return Answer(200, b"{}")

    async def make(self, _):
        """The thing, when it is done."""
        await self.done.wait()
        return Answer(201, b"{}")

    async def find_caller(self, _):
        """Look a token up."""
        self.lookups += 1
        await self.open.wait()
        return Caller("t", "w", True, None)

    async def ask(self):
        """The status of one request."""
        return (await self.send("GET"))["status"]

    async def send(self, method, *headers):
        """The beginning of the answer to one request."""
        sent = []

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": "/v1/thing",
            "query_string": b"",
            "headers": [*HEADERS, *headers],
        }
        await self.gate(scope, receive, send)
        return sent[0]


def test_requests_with_one_token_share_one_lookup_and_outlive_the_first_of_them():
    async def play():
        house = House()
        requests = [asyncio.create_task(house.ask()) for _ in range(10)]
        await asyncio.sleep(0.01)
        requests[0].cancel()
        await asyncio.sleep(0.01)
        house.open.set()
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [200] * 9
        assert house.lookups == 1
        assert await house.ask() == 200
        assert house.lookups == 1  # believed for a second

    asyncio.run(play())


def test_a_request_with_a_key_that_is_under_way_is_asked_to_come_again():
    async def play():
        house = House()
        house.open.set()
        key = (b"idempotency-key", b"once")
        first = asyncio.create_task(house.send("POST", key))
        await asyncio.sleep(0.01)
        second = await house.send("POST", key)
        assert second["status"] == 409
        assert (b"retry-after", b"1") in second["headers"]
        house.done.set()
        assert (await first)["status"] == 201
        assert (await house.send("POST", key))["status"] == 201

    asyncio.run(play())
