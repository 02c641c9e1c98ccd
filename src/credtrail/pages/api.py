"""What /v1 tells of a credential's public side: its documents and its links. Wired by `app`."""

from typing import Literal

from msgspec import Struct

from credtrail.credentials.links import RecipientLinks, page_address, recipient_address
from credtrail.credentials.store import PublicView, find_view
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.pages.documents import documents_of
from credtrail.pages.links import linkedin_profile_link
from credtrail.recipients.access import KEY_SECONDS, Access
from credtrail.values import Answer, Moment, answer
from credtrail.web.endpoint import Call, Endpoint


class Preview(Struct):
    """A document of a credential in one format."""

    format: Literal["png", "pdf"]
    url: str


class CredentialDesign(Struct):
    """A design of a credential's group, filled with what the credential says."""

    id: str
    name: str
    previews: list[Preview]


class CredentialLinksAnswer(Struct, rename="camel"):
    """Where a credential is to be found. All null as long as it has no public page.

    `recipient` is for the recipient alone: who opens it counts as the recipient. `pdf` and `png` are the first design's.
    `json` and `jwt` are the signed credential, `bakedPng` and `bakedSvg` the first design with it inside.
    """

    page: str | None = None
    recipient: str | None = None
    linked_in_profile: str | None = None
    pdf: str | None = None
    png: str | None = None
    verification: str | None = None
    json: str | None = None
    jwt: str | None = None
    baked_png: str | None = None
    baked_svg: str | None = None


class CredentialLinks:
    """Documents and links of credentials; `public_url` is this installation's address."""

    def __init__(self, database: Database, links: RecipientLinks, access: Access, public_url: str) -> None:
        self._database = database
        self._links = links
        self._access = access
        self._public_url = public_url

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        return [
            Endpoint(
                "GET",
                "/credentials/{id}/designs",
                self.list_designs,
                "List a credential's designs",
                list[CredentialDesign],
                refusals=("not_found",),
                description="In the group's order. The addresses hold a digest of what is drawn, and change with it; "
                "a credential without a public page has no previews.",
                tag="Credentials",
            ),
            Endpoint(
                "GET",
                "/credentials/{id}/links",
                self.get_links,
                "Get a credential's links",
                CredentialLinksAnswer,
                refusals=("not_found",),
                tag="Credentials",
            ),
        ]

    async def list_designs(self, call: Call) -> Answer:
        """Each design with its PNG and PDF, as a bare array; where not everybody may have them, the addresses hold for
        an hour.

        Assumed: none of them for what isn't issued or is revoked.
        """
        view, key = await self._get(call)
        shown, home = _is_shown(view), view.home(self._public_url)
        return answer(
            200,
            [
                CredentialDesign(
                    document.design_id,
                    document.name,
                    [
                        Preview("png", home + document.png_path),
                        Preview("pdf", home + document.pdf_path),
                    ]
                    if shown
                    else [],
                )
                for document in documents_of(view, self._public_url, key=key)
            ],
        )

    async def get_links(self, call: Call) -> Answer:
        """The public page, the recipient's own link, LinkedIn's form, documents, the verification, the signed credential."""
        view, key = await self._get(call)
        if view.credential.status != "issued":
            return answer(200, CredentialLinksAnswer())
        public_id = view.credential.public_id
        home = view.home(self._public_url)
        page = page_address(home, public_id)
        access = f"?access={key}" if key else ""
        links = CredentialLinksAnswer(
            page,
            recipient_address(home, public_id, self._links),
            linkedin_profile_link(view, page),
            verification=f"{page}/verification",
            json=f"{page}.json{access}",
            jwt=f"{page}.jwt{access}",
        )
        if _is_shown(view):
            first = documents_of(view, self._public_url, key=key)[0]
            links.pdf, links.png = home + first.pdf_path, home + first.png_path
            links.baked_png, links.baked_svg = f"{page}.png{access}", f"{page}.svg{access}"
        return answer(200, links)

    async def _get(self, call: Call) -> tuple[PublicView, str]:
        """The credential, and the key that its documents need for others than the issuer to be kept out."""

        def ask(transaction: Transaction) -> tuple[PublicView | None, Moment]:
            return find_view(transaction, call.caller.workspace_id, call.path["id"]), transaction.at

        view, at = await self._database.look(ask)
        if view is None:
            raise Refusal("not_found")
        if self._access.may_be_seen(view, at) and self._access.may_download(view, at):
            return view, ""
        return view, self._access.make_key(view, "issuer", at + KEY_SECONDS["issuer"] * 1_000)


def _is_shown(view: PublicView) -> bool:
    return view.credential.status == "issued" and view.credential.revoked_at is None
