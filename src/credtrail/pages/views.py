"""The public credential page. Wired by `app`.

Showing a page counts nothing: a server can't see who is looking, and robots fetch pages; `reports.py` takes in
what the page's own script saw. No cookie is set, no address of a visitor is kept or logged.
"""

from typing import Any
from unicodedata import east_asian_width
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from credtrail.credentials.model import has_expired
from credtrail.credentials.store import PublicView, find_public
from credtrail.database import Database, Transaction
from credtrail.pages.token import PageTokens
from credtrail.values import Moment, now
from credtrail.web.html import render

_LARGEST_REPORT_BYTES = 4_096
_LINKEDIN = "https://www.linkedin.com/sharing/share-offsite/?url="


class Pages:
    """Public pages; `public_url` is this installation's address, without a trailing slash."""

    def __init__(self, database: Database, tokens: PageTokens, public_url: str) -> None:
        self._database = database
        self._tokens = tokens
        self._public_url = public_url

    async def show_front(self, _: Request) -> Response:
        """What someone sees who opens the bare address."""
        return render("pages/front.html")

    async def show_missing(self, request: Request, _: Exception) -> Response:
        """404: the same for a draft, a deleted and an unknown credential, and any other address."""
        return render("pages/missing.html", status=404)

    async def show_robots(self, _: Request) -> Response:
        """Credential pages ask not to be indexed by themselves; the JSON API is nothing for robots."""
        return PlainTextResponse("User-agent: *\nDisallow: /v1/\n")

    async def show_credential(self, request: Request) -> Response:
        """The page, with a fresh page token. Counts nothing."""
        view, at = await self._find(request)
        if view is None:
            return render("pages/missing.html", status=404)
        shown = self._describe(view, at)
        return render(
            "pages/credential.html",
            **shown,
            token=self._tokens.make(view.credential.public_id, at),
            title_size=_size(view.group.name),
            name_size=_size(view.credential.recipient_name),
            linkedin_url=f"{_LINKEDIN}{quote(shown['address'], safe='')}",
        )

    async def show_verification(self, request: Request) -> Response:
        """What this server can vouch for at this moment, item by item: a part for the page, or a page of its own."""
        view, at = await self._find(request)
        if view is None:
            return render("pages/missing.html", status=404)
        part = request.headers.get("x-requested-with") == "credtrail"
        return render(
            "pages/verification_part.html" if part else "pages/verification.html",
            **self._describe(view, at),
            host=urlsplit(self._public_url).netloc,
            checked_at=at,
        )

    def _describe(self, view: PublicView, at: Moment) -> dict[str, Any]:
        """What both pages of a credential show. The address is the one to hand on: it never carries the flag."""
        return {
            "view": view,
            "credential": view.credential,
            "address": f"{self._public_url}/credentials/{view.credential.public_id}",
            "expired": has_expired(view.credential.expiry_date, at, view.time_zone),
        }

    async def _find(self, request: Request) -> tuple[PublicView | None, Moment]:
        public_id = request.path_params["public_id"]

        def ask(transaction: Transaction) -> tuple[PublicView | None, Moment]:
            return find_public(transaction, public_id), transaction.at

        if "\x00" in public_id:
            return None, now()
        return await self._database.read(ask)


def _size(text: str) -> str:
    """How much room a name needs on the certificate, so that long ones are set smaller; wide characters count twice."""
    width = sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return "short" if width <= 30 else "long" if width <= 70 else "very-long"
