"""The public credential page and what hangs on it: verification, embed page, QR code, oEmbed. Wired by `app`.

Showing a page counts nothing: a server can't see who is looking, and robots fetch pages; `reports.py` takes in
what the page's own script saw. No cookie is set, no address of a visitor is kept or logged.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any, Literal, NamedTuple
from unicodedata import east_asian_width
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

from msgspec.json import encode
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from credtrail.accounts.colors import brand_style
from credtrail.accounts.store import find_workspace_of_domain
from credtrail.badges.desk import Desk
from credtrail.badges.verify import issuer_id
from credtrail.credentials.links import page_address
from credtrail.credentials.model import has_expired
from credtrail.credentials.store import PublicView
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.interactions.counts import find_audience
from credtrail.pages.documents import documents_of, logo_path
from credtrail.pages.links import (
    linkedin_profile_link,
    mail_link,
    more_share_links,
    share_links,
    wallet_link,
)
from credtrail.pages.qr import draw_qr
from credtrail.pages.token import PageTokens, Visit
from credtrail.recipients.access import KEY_SECONDS
from credtrail.recipients.model import NameRequest
from credtrail.recipients.proofs import Proof
from credtrail.recipients.showing import Showing, Shown, Visitor, visitor_of
from credtrail.recipients.store import list_names_of, list_proofs
from credtrail.values import Moment, day_of
from credtrail.web.host import host_of
from credtrail.web.html import render, respond, write
from credtrail.web.language import language_of
from credtrail.web.prefer import JSON_TYPES, prefer

_MOST_WRITTEN = 1_000
_TOKEN = "page-token-stands-here"  # noqa: S105 - where each answer gets its own; the first thing in the page
_EMBED_SIZE = (640, 520)
_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
_DAY_LONG = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}


class Own(NamedTuple):
    """What a verified owner's page tells: on which day this device's proof ends, how many devices have one, the latest
    correction of the name."""

    ends_on: str
    devices: int
    name: NameRequest | None


class Pages:
    """Public pages; `public_url` is this installation's address, without a trailing slash. `folded` is the database for
    what is told of interactions.

    `show_json` answers programs that ask for the signed credential at a page's address.
    """

    def __init__(
        self,
        database: Database,
        folded: Database,
        showing: Showing,
        tokens: PageTokens,
        desk: Desk,
        show_json: Callable[[Request], Awaitable[Response]],
        public_url: str,
        facebook_app_id: str = "",
    ) -> None:
        self._database = database
        self._folded = folded
        self._showing = showing
        self._tokens = tokens
        self._desk = desk
        self._show_json = show_json
        self._public_url = public_url
        self._host = urlsplit(public_url).hostname or ""
        self._facebook_app_id = facebook_app_id
        self._written: OrderedDict[tuple[bytes, str, str, str], str] = OrderedDict()

    async def show_front(self, request: Request) -> Response:
        """What someone sees who opens the bare address."""
        return render(request, "pages/front.html", dashboard=f"{self._public_url}/dashboard")

    async def show_missing(self, request: Request, _: Exception) -> Response:
        """404: the same for a draft, a deleted and an unknown credential, and any other address."""
        if request.url.path.startswith("/dashboard/"):
            # Whoever mistypes an address there isn't looking for a credential.
            return render(
                request, "pages/missing.html", status=404, dashboard=f"{self._public_url}/dashboard"
            )
        return _missing(request)

    async def show_refusal(self, request: Request, refusal: Exception) -> Response:
        """What a page couldn't answer, storage that is away above all (503 with Retry-After): words for people, the
        error envelope for programs."""
        if not isinstance(refusal, Refusal):  # pragma: no cover - nothing else is sent here
            raise refusal
        if refusal.status == 503 and "text/html" in request.headers.get("accept", ""):
            answer = render(request, "pages/unavailable.html", status=503)
            answer.headers.update(dict(refusal.headers))
            return answer
        body, headers = encode(refusal.envelope()), {**dict(refusal.headers), "cache-control": "no-store"}
        return Response(body, refusal.status, headers, "application/json")

    async def show_robots(self, _: Request) -> Response:
        """Credential pages ask not to be indexed by themselves; the JSON API is nothing for robots."""
        return PlainTextResponse("User-agent: *\nDisallow: /v1/\n")

    async def show_credential(self, request: Request) -> Response:
        """The page, with a fresh page token; for programs that ask for JSON, the signed credential. Counts nothing. For its
        verified owner with what only they can do.

        What isn't for whoever asks is answered like what doesn't exist; the script of that very answer asks again when
        the device has a proof.
        """
        if prefer(request, ("text/html", *JSON_TYPES)) != "text/html":
            return await self._show_json(request)
        visitor = visitor_of(request)
        shown = await self._find_any(request, visitor)
        if shown is None or not self._may_be_seen(shown, visitor):
            if shown is not None and shown.is_verified:
                return render(request, "pages/offline.html", **self._describe(request, shown, visitor))
            return _missing(request)
        if shown.proof is None:
            text = self._recall(request, shown, visitor)
        else:
            text = await self._write_for_recipient(request, shown, shown.proof, visitor)
        token = self._tokens.make(shown.view.credential.public_id, shown.at)
        response = respond(request, text.replace(_TOKEN, token, 1))
        response.headers["vary"] = "accept, accept-language"
        return response

    def _may_be_seen(self, shown: Shown, visitor: Visitor) -> bool:
        access = self._showing.access
        return access.may_be_seen(shown.view, shown.at, visitor.key, verified=shown.is_verified)

    def _recall(self, request: Request, shown: Shown, visitor: Visitor) -> str:
        """The page but for its token, written anew when anything it shows is another, or its language, or its state."""
        query = request.url.query
        key = (encode(shown.view), _state(shown.view, shown.at), language_of(request).code, query)
        text = self._written.get(key)
        if text is None:
            text = self._write(request, shown, visitor, None)
            if not query:  # so that nobody fills the memory with pages for made-up queries
                self._written[key] = text
                if len(self._written) > _MOST_WRITTEN:
                    self._written.popitem(last=False)
        else:
            self._written.move_to_end(key)
        return text

    async def _write_for_recipient(
        self, request: Request, shown: Shown, proof: Proof, visitor: Visitor
    ) -> str:
        def ask(transaction: Transaction) -> tuple[NameRequest | None, int]:
            names = list_names_of(transaction, proof.credential_id)
            return (names[0] if names else None), len(list_proofs(transaction, proof.credential_id))

        name, devices = await self._database.read(ask)
        ends_on = day_of(proof.expires_at, shown.view.time_zone)
        return self._write(request, shown, visitor, Own(ends_on, devices, name))

    def _write(self, request: Request, shown: Shown, visitor: Visitor, own: Own | None) -> str:
        view, described = shown.view, self._describe(request, shown, visitor)
        return write(
            request,
            "pages/credential.html",
            **described,
            **self._actions(request, view, described),
            own=own,
            token=_TOKEN,
            logo_path=logo_path(view),
            title_size=_size(view.group.name),
            name_size=_size(view.credential.recipient_name),
        )

    async def show_verification(self, request: Request) -> Response:
        """What holds at this moment, item by item: a part for the page, or a page of its own."""
        visitor = visitor_of(request)
        shown = await self._find(request, visitor)
        if shown is None:
            return _missing(request)
        part = request.headers.get("x-requested-with") == "credtrail"
        signed = await self._desk.try_sign(shown.view)
        proof = await self._desk.check(signed, shown.at) if signed else None
        return render(
            request,
            "pages/verification_part.html" if part else "pages/verification.html",
            **self._describe(request, shown, visitor),
            host=urlsplit(shown.view.home(self._public_url)).netloc,
            checked_at=shown.at,
            proof=proof,
            issuer_did=issuer_id(proof.presented.credential) if proof else "",
        )

    async def show_embed(self, request: Request) -> Response:
        """The picture with a link to the page, for a frame on anybody's site. It reports nothing."""
        visitor = visitor_of(request)
        shown = await self._find(request, visitor)
        if shown is None:
            return _missing(request)
        described = self._describe(request, shown, visitor)
        return render(request, "pages/embed.html", **described, frames=True)

    async def show_audience(self, request: Request) -> Response:
        """How often others have seen the credential, for its recipient's eyes; asked for by the page itself.

        Assumed: whoever holds the page and says to be its recipient may know this one number; it names nobody.
        """
        public_id = request.path_params["public_id"]
        shown = await self._find(request, visitor_of(request))
        token = request.headers.get("credtrail-page-token", "")
        if shown is None or not isinstance(self._tokens.read(token, public_id, shown.at), Visit):
            return _missing(request)
        credential_id = shown.view.credential.id
        views, last_day = await self._folded.read(lambda tx: find_audience(tx, credential_id))
        return render(request, "pages/audience.html", views=views, last_day=last_day)

    async def show_qr(self, request: Request) -> Response:
        """The QR code of a credential's address. There is one for an id that nobody has, too, and the same for one that
        isn't for whoever asks: it tells nothing."""
        public_id = request.path_params["public_id"]
        if len(public_id) > 64:
            return _missing(request)
        shown = await self._find(request, visitor_of(request))
        home = shown.view.home(self._public_url) if shown else self._public_url
        address = page_address(home, public_id)
        return Response(draw_qr(address), media_type="image/svg+xml", headers=_DAY_LONG)

    async def show_wallet_qr(self, request: Request) -> Response:
        """The QR code by which a wallet on a phone gets what another device shows; with that device's key, if it has one."""
        visitor = visitor_of(request)
        shown = await self._find(request, visitor)
        if shown is None:
            return _missing(request)
        key_query = f"?{urlencode({'access': visitor.key})}" if visitor.key else ""
        link = self._wallet_link(shown.view, key_query)
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return Response(draw_qr(link), media_type="image/svg+xml", headers=headers)

    async def show_colors(self, request: Request) -> Response:
        """A style sheet with an issuer's colour, which is all that its address says."""
        style = brand_style(request.path_params["color"])
        if style is None:
            return _missing(request)
        return Response(style, media_type="text/css", headers=_IMMUTABLE)

    async def show_oembed(self, request: Request) -> Response:
        """How to embed the page at `url`. Source: oEmbed 1.0; 404 for what isn't ours or not for everybody, 501 for XML."""
        if request.query_params.get("format", "json") != "json":
            return PlainTextResponse("Only json is offered", 501)
        address = _read_address(request.query_params.get("url", ""))
        public_id = unquote(address.path.removeprefix("/credentials/")).rstrip("/")
        shown = await self._showing.find(public_id)
        if shown is None or not self._has_page_at(shown.view, address):
            return PlainTextResponse("There is nothing to embed at this url", 404)
        return JSONResponse(self._describe_embed(request, shown), headers={"cache-control": "no-store"})

    def _describe(self, request: Request, shown: Shown, visitor: Visitor) -> dict[str, Any]:
        """What every page of a credential shows. The address never carries the flag; `handed_on` is the one to share."""
        view, at, access = shown.view, shown.at, self._showing.access
        credential, state = view.credential, _state(view, at)
        language = language_of(request)
        home = view.home(self._public_url)
        address = page_address(home, credential.public_id)
        key, link_key = self._key_for(shown, visitor), access.make_link_key(view)
        is_open = access.may_be_seen(view, at)
        documents = documents_of(view, self._public_url, language.code, key)
        return {
            "verified": shown.is_verified,
            "key_download_query": f"?download&access={key}" if key else "?download",
            "privacy": view.privacy,
            "is_open": is_open,
            "handed_on": f"{address}?access={link_key}" if link_key and shown.is_verified else address,
            "may_share": state != "revoked" and _may_share(shown, is_open=is_open),
            "may_download": access.may_download(view, at, visitor.key, verified=shown.is_verified),
            "view": view,
            "credential": credential,
            "state": state,
            "has_expired": has_expired(credential.expiry_date, at, view.time_zone),
            "revoked_day": day_of(credential.revoked_at or at, view.time_zone),
            "path": f"/credentials/{credential.public_id}",
            "address": address,
            "public_url": home,
            "colors_path": f"/issuers/colors/{view.profile.brand_color.removeprefix('#').lower()}.css",
            "documents": [] if state == "revoked" else documents,
            "query": _query(request),
            "locale": language.locale,
            "oembed_path": f"/oembed?url={quote(address, safe='')}",
            "server_address": self._public_url,
            "key_query": f"?{urlencode({'access': key})}" if key else "",
        }

    def _key_for(self, shown: Shown, visitor: Visitor) -> str:
        """What the addresses of documents carry on for this visitor; nothing where everybody may have them."""
        access, view = self._showing.access, shown.view
        if access.may_be_seen(view, shown.at) and access.may_download(view, shown.at):
            return ""
        if not shown.is_verified:
            return visitor.key
        return access.make_key(view, "recipient", shown.at + KEY_SECONDS["recipient"] * 1_000)

    def _actions(self, request: Request, view: PublicView, shown: dict[str, Any]) -> dict[str, Any]:
        """Where the page's links lead."""
        address, contact = shown["handed_on"], view.profile.contact_email or ""
        # Never with the key of the verified owner: what is shared is for others.
        key = self._showing.access.make_link_key(view) or ""
        pictures = documents_of(view, self._public_url, key=key) if shown["documents"] else []
        picture = f"{shown['public_url']}{pictures[0].png_path}" if pictures else None
        _ = language_of(request).gettext
        about = f"{view.group.name} – {view.credential.recipient_name}"
        correction, should_read = _("Correction of my name"), _("My name should read:")
        return {
            "share_links": share_links(view, address, picture, self._facebook_app_id),
            "more_share_links": more_share_links(view, address),
            "linkedin_profile_address": linkedin_profile_link(view, address),
            "wallet_address": self._wallet_link(view, shown["key_query"]),
            "mail_address": mail_link(f"{view.group.name} – {view.issuer_name}", address),
            "contact_address": mail_link(about, address, contact),
            "name_correction_address": mail_link(
                f"{correction}: {about}", f"{address}\r\n\r\n{should_read} ", contact
            ),
            "embed_code": self._embed_code(view, *_EMBED_SIZE),
        }

    def _wallet_link(self, view: PublicView, key_query: str) -> str:
        """For a wallet; with a key, where not everybody may see the credential."""
        home, public_id = view.home(self._public_url), view.credential.public_id
        return wallet_link(home, f"{page_address(home, public_id)}/exchange{key_query}", public_id)

    def _describe_embed(self, request: Request, shown: Shown) -> dict[str, Any]:
        view, described_page = shown.view, self._describe(request, shown, Visitor())
        width, height = (
            _bounded(request.query_params.get(name, ""), most)
            for name, most in zip(("maxwidth", "maxheight"), _EMBED_SIZE, strict=True)
        )
        described: dict[str, Any] = {
            "version": "1.0",
            "type": "rich",
            "title": view.group.name,
            "provider_name": view.issuer_name,
            "provider_url": view.profile.website_url or described_page["public_url"],
            "html": self._embed_code(view, width, height),
            "width": width,
            "height": height,
        }
        for document in described_page["documents"][:1]:
            described |= {
                "thumbnail_url": f"{described_page['public_url']}{document.preview_path}",
                "thumbnail_width": 1200,
                "thumbnail_height": 630,
            }
        return described

    def _embed_code(self, view: PublicView, width: int, height: int) -> str:
        source = f"{page_address(view.home(self._public_url), view.credential.public_id)}/embed"
        return (
            f'<iframe src="{escape(source)}" width="{width}" height="{height}" '
            f'title="{escape(view.group.name)}" style="border:0" loading="lazy"></iframe>'
        )

    def _has_page_at(self, view: PublicView, address: SplitResult) -> bool:
        """Whether the address, whatever query it carries, is that of the credential's page, here or at its domain."""
        path = urlsplit(page_address("", view.credential.public_id)).path
        homes = {urlsplit(home)[:2] for home in (self._public_url, view.home(self._public_url))}
        return address[:2] in homes and address.path.rstrip("/") == path

    async def _find(self, request: Request, visitor: Visitor) -> Shown | None:
        """The credential of the path, if this visitor may see it; none under a domain that is another workspace's own."""
        shown = await self._find_any(request, visitor)
        return shown if shown is not None and self._may_be_seen(shown, visitor) else None

    async def _find_any(self, request: Request, visitor: Visitor) -> Shown | None:
        shown = await self._showing.find_any(request.path_params["public_id"], visitor.proof)
        host = host_of(request)
        if shown is None or host in (self._host, shown.view.domain):
            return shown
        if "\x00" in host:
            return None
        other = await self._database.look(lambda transaction: find_workspace_of_domain(transaction, host))
        if other is None or other.domain_confirmed_at is None:
            return shown
        return shown if other.id == shown.view.credential.workspace_id else None


def _may_share(shown: Shown, *, is_open: bool) -> bool:
    """Whether sharing is offered: by the workspace's setting, and where others would see anything."""
    allowed = shown.view.profile.sharing
    if not shown.is_verified:
        return allowed == "everybody" and is_open
    return allowed != "nobody" and shown.view.privacy != "private"


def _query(request: Request) -> str:
    """What links within a page carry on: the language that was asked for, the key of a limited link."""
    kept = [(name, request.query_params[name]) for name in ("lang", "access") if name in request.query_params]
    return f"?{urlencode(kept)}" if kept else ""


def _state(view: PublicView, at: Moment) -> Literal["valid", "expired", "revoked"]:
    if view.credential.revoked_at is not None:
        return "revoked"
    return "expired" if has_expired(view.credential.expiry_date, at, view.time_zone) else "valid"


def _read_address(text: str) -> SplitResult:
    """An address in parts; empty where it is none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def _missing(request: Request) -> Response:
    return render(request, "pages/missing.html", status=404)


def _bounded(text: str, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and int(text) > 0 else most


def _size(text: str) -> str:
    """How much room a name needs on the page, so that long ones are set smaller; wide characters count twice."""
    width = sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return "short" if width <= 30 else "long" if width <= 70 else "very-long"
