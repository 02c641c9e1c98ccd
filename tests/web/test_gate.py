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
        endpoint = Endpoint("GET", "/thing", self.get, "Get the thing", None)
        self.gate = Gate([endpoint], self.find_caller, RateLimit(1_000, 1_000), 1_000)

    async def get(self, _):
        """The thing."""
        return Answer(200, b"{}")

    async def find_caller(self, _):
        """Look a token up."""
        self.lookups += 1
        await self.open.wait()
        return Caller("t", "w", True, None)

    async def ask(self):
        """The status of one request."""
        sent = []

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/thing",
            "query_string": b"",
            "headers": HEADERS,
        }
        await self.gate(scope, receive, send)
        return sent[0]["status"]


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
