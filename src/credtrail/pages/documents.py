"""A credential's documents – PDF, PNG, preview – and the pictures around them. Wired by `app`.

Their addresses carry a digest of everything that is drawn, so that no cache shows a stale one after a change.
`views.py` asks here which documents a page offers.
"""

import asyncio
import time
from typing import Literal, NamedTuple
from unicodedata import normalize
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from credtrail.accounts.store import find_image, find_images, find_profile, find_workspace
from credtrail.badges.bake import bake_png, bake_svg
from credtrail.badges.desk import Desk
from credtrail.badges.model import first_design, is_nameless
from credtrail.credentials.links import page_address
from credtrail.credentials.store import PublicView
from credtrail.database import Database, Transaction
from credtrail.designs.artwork import Artwork, artwork_of, describe, digest_of, sample_of, sample_path
from credtrail.designs.document import images_of, read_document
from credtrail.designs.model import BUILT_IN, Design, find_design
from credtrail.designs.press import BusyError, Press
from credtrail.designs.render import Format, Materials, size_of
from credtrail.designs.store import find_any_design
from credtrail.pages.qr import draw_qr
from credtrail.recipients.showing import Showing, Shown

# A day, not a year: when a credential is revoked or deleted, its pictures shall vanish from caches too.
_DAY_LONG = {"cache-control": "public, max-age=86400, immutable", "x-content-type-options": "nosniff"}
_KEYED = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
_YEAR_LONG = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
_FRESH_SECONDS = 0.5
"""How long an answer is given again without asking the database: nothing beside the day that caches keep it."""
_FRESH_BYTES = 32 * 1024 * 1024
_MEDIA_TYPES: dict[Format, str] = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg"}
_BAKED_MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "svg": "image/svg+xml"}
_UNKEPT = {
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
    "x-robots-tag": "noindex",
    # A drawing opened by itself runs nothing and loads nothing.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
}


class Document(NamedTuple):
    """What a page needs to show one design of a credential: addresses, the picture's size in pixels, its words."""

    design_id: str
    name: str
    type: Literal["certificate", "badge"]
    pdf_path: str
    png_path: str
    preview_path: str
    download_path: str
    width: int
    height: int
    alt: str


def documents_of(view: PublicView, public_url: str, language: str = "en", key: str = "") -> list[Document]:
    """The documents of a credential, one for each of its group's designs, in the group's order.

    They are in the workspace's language; `language` is that of the words about them. `key` goes into their addresses
    where not everybody may see them.
    """
    return [
        _document(view, artwork, design, language, key) for design, artwork in _artworks(view, public_url)
    ]


def logo_path(view: PublicView) -> str | None:
    """Where the issuer's logo is, if it has one."""
    digest = view.profile.logo_digest
    return f"/issuers/{view.credential.workspace_id}/images/{digest}.png" if digest else None


class Documents:
    """Serves documents; `public_url` is this installation's address, without a trailing slash."""

    def __init__(
        self, database: Database, press: Press, desk: Desk, showing: Showing, public_url: str
    ) -> None:
        self._database = database
        self._press = press
        self._desk = desk
        self._showing = showing
        self._public_url = public_url
        self._looking: dict[str, asyncio.Task[Shown | None]] = {}
        self._fresh: dict[tuple[str, bytes], tuple[float, Response]] = {}
        self._fresh_bytes = 0

    async def show_document(self, request: Request) -> Response:
        """A document; a stale address leads to the current one; within half a second there is none any more of a revoked
        credential, nor for whoever may not see it."""
        key = (request.scope["path"], request.scope["query_string"])
        until, response = self._fresh.get(key, (0.0, None))
        if response is None or until < time.monotonic():
            response = await self._make_response(request)
            if response.status_code == 200:
                self._keep_fresh(key, response)
        return response

    def _keep_fresh(self, key: tuple[str, bytes], response: Response) -> None:
        if self._fresh_bytes + len(response.body) > _FRESH_BYTES:
            self._fresh.clear()
            self._fresh_bytes = 0
        self._fresh[key] = (time.monotonic() + _FRESH_SECONDS, response)
        self._fresh_bytes += len(response.body)

    async def _make_response(self, request: Request) -> Response:
        shown = await self._find(request.path_params["public_id"])
        slug, format = _read_name(request.path_params["name"])
        if shown is None or shown.view.credential.revoked_at is not None or format is None:
            raise HTTPException(404)
        view, key = shown.view, request.query_params.get("access", "")
        is_file = format == "pdf" or "download" in request.query_params
        if not self._may_have(shown, key, is_file=is_file):
            raise HTTPException(404)
        drawn = {design.slug: (design, artwork) for design, artwork in _artworks(view, self._public_url)}
        if slug not in drawn:
            raise HTTPException(404)
        design, artwork = drawn[slug]
        if request.path_params["digest"] != digest_of(artwork):
            query = f"?{request.url.query}" if request.url.query else ""
            current = getattr(_document(view, artwork, design), _PATH_OF[format])
            return RedirectResponse(current + query, 302, {"cache-control": "no-store"})
        content = await self._print_of(view, design, artwork, format)
        headers = dict(_KEYED if key else _DAY_LONG)
        if view.privacy != "public":
            headers["x-robots-tag"] = "noindex"
        if is_file:
            headers["content-disposition"] = _attachment(view, format)
        return Response(content, media_type=_MEDIA_TYPES[format], headers=headers)

    def _may_have(self, shown: Shown, key: str, *, is_file: bool) -> bool:
        access = self._showing.access
        return access.may_be_seen(shown.view, shown.at, key) and (
            not is_file or access.may_download(shown.view, shown.at, key)
        )

    async def _print_of(self, view: PublicView, design: Design, artwork: Artwork, format: Format) -> bytes:
        """A PDF takes the signed credential with it."""
        signed = await self._desk.try_sign(view) if format == "pdf" else None
        attached = (signed.json.decode(), signed.digest) if signed else None
        return await self._print(design, artwork, format, view.credential.workspace_id, attached)

    async def show_baked(self, request: Request) -> Response:
        """The first document as a picture that holds the signed credential; none when it is revoked."""
        format: Format = "svg" if request.scope["path"].endswith(".svg") else "png"
        shown = await self._find(request.path_params["public_id"])
        key = request.query_params.get("access", "")
        if shown is None or shown.view.credential.revoked_at is not None:
            raise HTTPException(404)
        if not self._may_have(shown, key, is_file=True):
            raise HTTPException(404)
        view = shown.view
        signed = await self._desk.try_sign(view)
        if signed is None:
            raise HTTPException(503, headers={"retry-after": "3600"})
        design, artwork = _artworks(view, self._public_url)[0]
        picture = await self._print(design, artwork, format, view.credential.workspace_id)
        bake = bake_svg if format == "svg" else bake_png
        headers = {**_UNKEPT, "etag": f'"{digest_of(artwork)}-{signed.digest}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        if "download" in request.query_params:
            headers["content-disposition"] = _attachment(view, format)
        content = bake(picture, signed.json.decode())
        return Response(content, media_type=_BAKED_MEDIA_TYPES[format], headers=headers)

    async def show_achievement(self, request: Request) -> Response:
        """The badge of a group, which has nobody's name on it, once one was issued."""
        group_id = request.path_params["group_id"]
        view = None if "\x00" in group_id else await self._desk.find_example(group_id)
        if view is None:
            raise HTTPException(404)
        design = first_design(view)
        if design is None or not is_nameless(design):
            raise HTTPException(404)
        sample = sample_of(design, view.issuer_name, view.profile)
        artwork = sample._replace(
            title=view.group.name,
            issue_date=f"{view.group.created_at // 31_556_952_000 + 1970}-01-01",
            url=f"{view.home(self._public_url)}/achievements/{quote(group_id, safe='')}",
            language=view.profile.language,
        )
        content = await self._print(design, artwork, "png", view.credential.workspace_id)
        return Response(content, media_type="image/png", headers=_DAY_LONG)

    async def draw_first(self, view: PublicView) -> bytes:
        """The first document as a PNG, in whatever state the credential is: for its issuer to see."""
        design, artwork = _artworks(view, self._public_url)[0]
        return await self._print(design, artwork, "png", view.credential.workspace_id)

    async def show_sample(self, request: Request) -> Response:
        """A design with sample data, as the API's previewUrl names it; an own one's stale address leads to the current."""
        slug, digest = request.path_params["name"], request.path_params["digest"]
        design = next((design for design in BUILT_IN if design.slug == slug), None)
        found = (design, sample_of(design), "") if design else await self._find_own_sample(slug)
        if found is None or (design and digest != digest_of(found[1])):
            raise HTTPException(404)
        if digest != digest_of(found[1]):
            return RedirectResponse(sample_path(*found[:2]), 302, {"cache-control": "no-store"})
        content = await self._print(found[0], found[1], "png", found[2])
        return Response(content, media_type="image/png", headers=_YEAR_LONG)

    async def _find_own_sample(self, design_id: str) -> tuple[Design, Artwork, str] | None:
        """An own design, its sample as the workspace would see it, and the workspace's id."""

        def ask(transaction: Transaction) -> tuple[Design, Artwork, str] | None:
            found = find_any_design(transaction, design_id)
            workspace = find_workspace(transaction, id=found[1]) if found else None
            if found is None or workspace is None:
                return None
            profile = find_profile(transaction, workspace.id)
            return found[0], sample_of(found[0], workspace.name, profile), workspace.id

        return None if "\x00" in design_id else await self._database.read(ask)

    async def show_logo(self, request: Request) -> Response:
        """An issuer's logo as it is now. A signature is shown on documents only, never by itself."""
        workspace_id, digest = request.path_params["workspace_id"], request.path_params["digest"]

        def ask(transaction: Transaction) -> bytes | None:
            if find_profile(transaction, workspace_id).logo_digest != digest:
                return None
            image = find_image(transaction, workspace_id, digest)
            return image.content if image else None

        content = None if "\x00" in workspace_id else await self._database.read(ask)
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type="image/png", headers=_YEAR_LONG)

    async def _print(
        self,
        design: Design,
        artwork: Artwork,
        format: Format,
        workspace_id: str,
        attached: tuple[str, str] | None = None,
    ) -> bytes:
        """`attached` is a file to go with it, and its digest."""

        async def get_materials() -> Materials:
            digests = _images_in(design, artwork)

            def ask(transaction: Transaction) -> dict[str, bytes]:
                found = find_images(transaction, workspace_id, digests)
                return {digest: image.content for digest, image in found.items()}

            images = await self._database.read(ask) if digests else {}
            return Materials(draw_qr(artwork.url), images, design.document, attached[0] if attached else None)

        try:
            return await self._press.print(artwork, format, get_materials, attached[1] if attached else "")
        except BusyError:
            raise HTTPException(503, headers={"retry-after": "5"}) from None

    async def _find(self, public_id: str) -> Shown | None:
        """Requests for the same credential at the same time share one look: a shared link's preview is fetched by many."""
        looking = self._looking.get(public_id)
        if looking is None:
            looking = self._looking[public_id] = asyncio.create_task(self._showing.find_any(public_id))
            looking.add_done_callback(lambda _: self._looking.pop(public_id))
        return await asyncio.shield(looking)  # one who goes away must not take it from the others


_PATH_OF: dict[Format, str] = {"pdf": "pdf_path", "png": "png_path", "jpg": "preview_path"}


def _document(
    view: PublicView, artwork: Artwork, design: Design, language: str = "en", key: str = ""
) -> Document:
    public_id = quote(view.credential.public_id, safe="")
    path = f"/credentials/{public_id}/documents/{digest_of(artwork)}/{design.slug}"
    width, height = size_of(design)
    query = f"?access={key}" if key else ""
    return Document(
        design.id,
        design.name,
        design.type,
        f"{path}.pdf{query}",
        f"{path}.png{query}",
        f"{path}.jpg{query}",
        f"{path}.png?download" + (f"&access={key}" if key else ""),
        width,
        height,
        describe(artwork._replace(language=language)),
    )


def _artworks(view: PublicView, public_url: str) -> list[tuple[Design, Artwork]]:
    """Assumed: an id of a design that isn't known gets the classic certificate, so that no credential is without picture."""
    own = {design.id: design for design in view.own_designs}
    designs = dict.fromkeys(own.get(id_) or find_design(id_) or BUILT_IN[0] for id_ in view.group.design_ids)
    credential = view.credential
    return [
        (
            design,
            artwork_of(
                design,
                view.issuer_name,
                view.profile,
                credential.public_id,
                credential.custom_attributes,
                recipient_email=credential.recipient_email,
                title=view.group.name,
                recipient_name=credential.recipient_name,
                issue_date=credential.issue_date,
                url=page_address(view.home(public_url), credential.public_id),
                expiry_date=credential.expiry_date,
                language=view.profile.language,
            ),
        )
        for design in designs or [BUILT_IN[0]]
    ]


def _images_in(design: Design, artwork: Artwork) -> list[str]:
    """The digests of all images that are drawn; a custom attribute's value may turn out to be none."""
    named = [artwork.logo_digest, artwork.signature_digest]
    if design.document is not None and artwork.own is not None:
        named += images_of(read_document(design.document))
        named += [value for name, value in artwork.own.values if name.startswith("custom.")]
    return list(dict.fromkeys(digest for digest in named if digest))


def _read_name(name: str) -> tuple[str, Format | None]:
    slug, _, ending = name.rpartition(".")
    return slug, next((format for format in _MEDIA_TYPES if format == ending), None)


def _attachment(view: PublicView, format: Format) -> str:
    """A file name that people can read, in ASCII and as it is. Source: RFC 6266."""
    name = f"{view.credential.recipient_name} – {view.group.name}"[:120]
    kept = "".join(
        "_" if character in '/\\:*?"<>|' or not character.isprintable() else character for character in name
    )
    ascii_name = normalize("NFKD", kept.replace("–", "-")).encode("ascii", "ignore").decode().strip(" -")
    return (
        f'attachment; filename="{ascii_name or "credential"}.{format}"; '
        f"filename*=UTF-8''{quote(f'{kept}.{format}', safe='')}"
    )
