"""The OpenAPI document and its rendered reference, both served from this installation alone. Wired by `app`."""

from collections.abc import Sequence
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from credtrail.web.endpoint import Endpoint
from credtrail.web.html import render
from credtrail.web.openapi import encode_document


class Reference:
    """Serves one document, encoded when it is first asked for: most starts of the server end before that."""

    def __init__(self, endpoints: Sequence[Endpoint], public_url: str) -> None:
        self._endpoints = endpoints
        self._public_url = public_url

    @cached_property
    def _document(self) -> bytes:
        return encode_document(self._endpoints, self._public_url)

    async def show_document(self, _: Request) -> Response:
        """The OpenAPI 3.1 document. Assumed: it is readable without a token, since it tells no secret."""
        return Response(
            self._document, media_type="application/json", headers={"access-control-allow-origin": "*"}
        )

    async def show_page(self, request: Request) -> Response:
        """The document as a page to read and try out."""
        return render(request, "web/reference.html")
