"""The OpenAPI document and its rendered reference, both served from this installation alone. Wired by `app`."""

from starlette.requests import Request
from starlette.responses import Response

from credtrail.web.html import render


class Reference:
    """Serves one document, encoded once."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    async def show_document(self, _: Request) -> Response:
        """The OpenAPI 3.1 document. Assumed: it is readable without a token, since it tells no secret."""
        return Response(
            self._document, media_type="application/json", headers={"access-control-allow-origin": "*"}
        )

    async def show_page(self, request: Request) -> Response:
        """The document as a page to read and try out."""
        return render(request, "web/reference.html")
