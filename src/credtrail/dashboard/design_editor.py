"""Where one own design is worked on: the page, saving, and true pictures of what isn't saved yet. Wired by `app`.

The page's scripts (`design_editor/`) draw the document themselves while boxes are moved; what a credential will
really look like is drawn here, by the same press as the credentials' own documents.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from msgspec import Raw, Struct, convert, to_builtins
from msgspec.json import encode
from starlette.responses import FileResponse, Response

from credtrail.accounts.colors import text_on
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import find_image, find_images, find_profile
from credtrail.attributes.store import list_attributes
from credtrail.credentials.store import find_longest_name
from credtrail.dashboard.door import ROOT, View, Visit
from credtrail.dashboard.images import tell, tell_refusal
from credtrail.database import Database, Transaction
from credtrail.designs.acts import change_design, document_of, lock_own, make_design
from credtrail.designs.artwork import Artwork, proof_of, sample_values
from credtrail.designs.document import PAGES, Box, Document, check_drawable, images_of, write_document
from credtrail.designs.fonts import web_fonts
from credtrail.designs.model import Design, find_design
from credtrail.designs.press import BusyError, Press
from credtrail.designs.render import Format, Materials
from credtrail.designs.store import find_designs
from credtrail.designs.words import RIGHT_TO_LEFT
from credtrail.errors import Refusal, unavailable
from credtrail.groups.store import find_groups_by_design
from credtrail.pages.qr import draw_qr
from credtrail.values import Name
from credtrail.web.parse import parse_body

_WORDS = {
    "recipient.name": "Recipient’s name",
    "recipient.email": "Recipient’s e-mail address",
    "group.name": "Group’s name",
    "issuer.name": "Issuer’s name",
    "certificate.issued_on": "Date of issue",
    "certificate.expires_on": "Date of expiry",
    "certificate.uuid": "Number of the credential",
    "certificate.url": "Address of its page",
    "signatory.name": "Signatory’s name",
    "signatory.title": "Signatory’s title",
}
_NAMES = (
    ("Sample", "Robin Ñandú"),
    ("Arabic", "فاطمة الزهراء بنت عبد الرحمن"),
    ("Chinese", "歐陽美玲"),
    ("Devanagari", "अनन्या श्रीवास्तव"),
)
_FONT_KEPT = {"cache-control": "private, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


class Saved(Struct, rename="camel"):
    """A document to be kept. `updated_at` is that of the state it was made from; none: over whatever is there.

    With `copy_name` it becomes a design of its own instead.
    """

    document: Document
    updated_at: int | None = None
    copy_name: Name | None = None


class Asked(Struct, rename="camel"):
    """A document to be drawn as it is, for a recipient of this name."""

    document: Document
    recipient_name: Name


class DesignEditor:
    """One design on the bench."""

    def __init__(self, database: Database, press: Press) -> None:
        self._database = database
        self._press = press

    def views(self) -> list[View]:
        """Everybody may look and try names, editors may save."""
        one = "/w/{workspace_id}/designs/{design_id}"
        return [
            View("GET", one, self.show),
            View("POST", one + "/document", self.save, "editor"),
            View("POST", one + "/proof.png", self.draw_picture),
            View("POST", one + "/proof.pdf", self.draw_page),
            View("GET", "/fonts.css", self.list_fonts, "user"),
            View("GET", "/fonts/{digest}/{name}", self.show_font, "user"),
        ]

    async def show(self, visit: Visit) -> Response:
        """The editor with the design as it is kept; for viewers and built-in designs one that changes nothing."""

        def ask(transaction: Transaction) -> dict[str, Any]:
            id_ = visit.path("design_id")
            design = find_designs(transaction, visit.workspace_id, [id_]).get(id_)
            if design is None:
                raise Refusal("not_found")
            groups = find_groups_by_design(transaction, visit.workspace_id, [id_])
            told = _tell_editor(transaction, visit, design)
            return {"design": design, "told": encode(told).decode(), "groups": groups.get(id_, [])}

        return visit.page("design_editor.html", **await self._database.read(ask))

    async def save(self, visit: Visit) -> Response:
        """Keep the document, unless somebody else has changed it meanwhile: then say so, with theirs."""
        try:
            saved = parse_body(Saved, await visit.json())
            design, is_theirs = await self._database.write(
                lambda transaction: _save(transaction, visit, saved)
            )
        except Refusal as refusal:
            return tell_refusal(refusal)
        if is_theirs:
            late = Refusal("conflict", "Somebody else has changed this design since you opened it")
            return tell_refusal(late, theirs=document_of(design), updatedAt=design.updated_at)
        return tell({"id": design.id, "updatedAt": design.updated_at})

    async def draw_picture(self, visit: Visit) -> Response:
        """What is on the bench, as a picture."""
        try:
            asked = parse_body(Asked, await visit.json())
            picture = await self._draw(visit, asked, "png")
        except Refusal as refusal:
            return tell_refusal(refusal)
        return Response(picture, media_type="image/png", headers={"cache-control": "no-store"})

    async def draw_page(self, visit: Visit) -> Response:
        """The same as PDF, by a form, so that the browser opens it."""
        document = Raw(visit.text("document").encode() or b"null")
        given = encode({"document": document, "recipientName": visit.text("recipient_name")})
        page = await self._draw(visit, parse_body(Asked, given), "pdf")
        headers = {"cache-control": "no-store", "content-disposition": 'inline; filename="proof.pdf"'}
        return Response(page, media_type="application/pdf", headers=headers)

    async def _draw(self, visit: Visit, asked: Asked, format: Format) -> bytes:
        check_drawable(asked.document)

        def ask(transaction: Transaction) -> tuple[Artwork, Materials]:
            profile = find_profile(transaction, visit.workspace_id)
            return _proof(transaction, visit, asked, profile)

        artwork, materials = await self._database.read(ask)
        try:
            return await self._press.proof(artwork, format, materials)
        except BusyError:
            raise unavailable() from None

    async def list_fonts(self, _: Visit) -> Response:
        """A style sheet by which the browser has the press's own letters; each file is loaded when it is needed."""
        text = "".join(_font_rule(name) for name in web_fonts())
        return Response(text, media_type="text/css", headers={"cache-control": "private, max-age=3600"})

    async def show_font(self, visit: Visit) -> Response:
        """One of those files."""
        font = web_fonts().get(visit.path("name"))
        if font is None or visit.path("digest") != _digest_font(visit.path("name")):
            raise Refusal("not_found")
        return FileResponse(font.file, media_type="font/ttf", headers=_FONT_KEPT)


def _save(transaction: Transaction, visit: Visit, saved: Saved) -> tuple[Design, bool]:
    """The design, and whether it is somebody else's state, which was left alone."""
    if saved.copy_name is not None:
        design = make_design(transaction, visit.workspace_id, saved.copy_name, saved.document)
        visit.note(transaction, "design_created", design.name)
        return design, False
    design = lock_own(transaction, visit.workspace_id, visit.path("design_id"))
    if saved.updated_at is not None and saved.updated_at != design.updated_at:
        # The same picture as ours is no conflict: perhaps the answer to our first attempt was lost.
        return design, write_document(saved.document) != design.document
    changed = change_design(transaction, visit.workspace_id, design, document=saved.document)
    if changed != design:
        visit.note(transaction, "design_changed", design.name)
    return changed, False


def _proof(
    transaction: Transaction, visit: Visit, asked: Asked, profile: IssuerProfile
) -> tuple[Artwork, Materials]:
    text = write_document(asked.document)
    design = Design("proof", "Proof", asked.document.type, visit.at, visit.at, "own", text)
    artwork = proof_of(design, visit.here.workspace_name, profile, asked.recipient_name)
    digests = [one for one in (profile.logo_digest, profile.signature_digest) if one]
    images = find_images(transaction, visit.workspace_id, [*digests, *images_of(asked.document)])
    contents = {digest: image.content for digest, image in images.items()}
    return artwork, Materials(draw_qr(artwork.url), contents, text)


def _tell_editor(transaction: Transaction, visit: Visit, design: Design) -> dict[str, Any]:
    """All that the page's scripts know: the document, what boxes can be, and whose design it is."""
    profile = find_profile(transaction, visit.workspace_id)
    values = sample_values(visit.here.workspace_name, profile)
    attributes = list_attributes(transaction, visit.workspace_id)
    placeholders = [
        {"name": name, "words": words, "value": values[name]} for name, words in _WORDS.items()
    ] + [
        {"name": f"custom.{one.tag}", "words": one.name, "value": f"[custom.{one.tag}]"}
        for one in attributes
        if one.type != "image"
    ]
    return {
        "id": design.id,
        "updatedAt": design.updated_at,
        "document": to_builtins(document_of(design)),
        "readOnly": not visit.may("editor") or find_design(design.id) is not None,
        "isBuiltIn": find_design(design.id) is not None,
        "path": f"{visit.home}/designs/{design.id}",
        "home": visit.home,
        "pages": {name: list(size) for name, size in PAGES.items()},
        "blanks": _BLANKS,
        "fonts": list(dict.fromkeys(font.family for font in web_fonts().values()))[:5],
        "placeholders": placeholders,
        "imageAttributes": [
            {"name": f"custom.{one.tag}", "words": one.name} for one in attributes if one.type == "image"
        ],
        "names": _names(find_longest_name(transaction, visit.workspace_id)),
        "issuer": _tell_issuer(transaction, visit, profile),
        "qr": f"data:image/svg+xml,{quote(draw_qr(values['certificate.url']))}",
    }


def _tell_issuer(transaction: Transaction, visit: Visit, profile: IssuerProfile) -> dict[str, Any]:
    logo = profile.logo_digest
    has_logo = bool(logo and find_image(transaction, visit.workspace_id, logo))
    return {
        "name": visit.here.workspace_name,
        "brand": profile.brand_color,
        "onBrand": text_on(profile.brand_color),
        "logo": f"/issuers/{visit.workspace_id}/images/{logo}.png" if has_logo else None,
        "signatory": [one for one in (profile.signatory_name, profile.signatory_title) if one],
        "signs": profile.signature_digest is not None,
        "rtl": profile.language in RIGHT_TO_LEFT,
    }


def _names(longest: str | None) -> list[dict[str, str]]:
    """Whom one can try a design with."""
    found = [("The longest name here", longest)] if longest else []
    return [{"words": words, "name": name} for words, name in (_NAMES[0], *found, *_NAMES[1:])]


_NEEDED: dict[str, dict[str, Any]] = {
    "text": {"content": ""},
    "image": {"image": "0" * 64},
    "attribute-image": {"attribute": "custom.x"},
    **{kind: {} for kind in ("logo", "signature", "qr", "rectangle", "ellipse", "polygon", "line")},
}
_BLANKS: dict[str, Any] = {
    kind: to_builtins(convert({"kind": kind, "x": 0, "y": 0, "width": 1, "height": 1, **needed}, Box))
    for kind, needed in _NEEDED.items()
}
"""A box of each kind with what it is when nothing is said; what must be said stands in for what will be."""


@lru_cache(maxsize=32)
def _digest_font(name: str) -> str:
    return sha256(web_fonts()[name].file.read_bytes()).hexdigest()[:16]


def _font_rule(name: str) -> str:
    """Lines are measured as the press measures them: every letter is 0.8 em above the line and 0.2 em below it."""
    font = web_fonts()[name]
    return (
        f'@font-face{{font-family:"{font.family}";font-style:{font.style};font-weight:{font.weights};'
        f'src:url("{ROOT}/fonts/{_digest_font(name)}/{name}") format("truetype");unicode-range:{font.letters};'
        "ascent-override:80%;descent-override:20%;line-gap-override:0%;font-display:swap}"
    )
