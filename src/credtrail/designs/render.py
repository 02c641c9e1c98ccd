"""Draws a credential: PDF, PNG and preview from one source. The only file that knows the typesetter, Typst.

Called by `press`, in its threads. What a document says is handed over as data, never as source; the typesetter reads
nothing but the folder `looks`, and the fonts that come with the installation.
"""

import json
import threading
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from msgspec import to_builtins
from typst import Compiler, Fonts

from credtrail.designs.artwork import Artwork, describe
from credtrail.designs.document import PAGES, AttributeImageBox, Box, TextBox, lines_of, read_document
from credtrail.designs.fonts import Variant, choose_variant, font_folders, make_ready, variant_of
from credtrail.designs.images import shape_of, write_jpeg
from credtrail.designs.model import Design, find_design
from credtrail.designs.ornaments import COLOR, ornaments_of
from credtrail.designs.words import RIGHT_TO_LEFT, words_in, write_day

Format = Literal["pdf", "png", "jpg", "svg"]

_LOOKS = Path(__file__).parent / "looks"
_DRAWINGS = Path(__file__).parent / "drawings"
_DRAWN_SIDE = 1_600
_STANDARDS: list[Any] = ["a-2a", "ua-1"]
_WITH_ATTACHMENT: list[Any] = ["a-3a", "ua-1"]
"""PDF/A-2 allows no file within that isn't PDF/A itself; the third part does."""
_POINTS_PER_INCH = 72
_PREVIEW_BYTES = 300_000


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: int
    height: int


PREVIEW_SIZE = Size(1200, 630)
_CERTIFICATE_SIZE, _BADGE_SIZE = Size(1684, 1190), Size(1200, 1200)
_SCALE = 2


class Materials(NamedTuple):
    """What else is drawn: the QR code of the page's address as SVG, images (PNG or JPEG) by their digest, and the
    document of an own design. `attached` is a credential as JSON, to go with a PDF as a file within it."""

    qr: bytes
    images: Mapping[str, bytes]
    document: str | None = None
    attached: str | None = None


def size_of(design: Design) -> Size:
    """The size of a design's PNG."""
    if design.document is not None:
        return Size(*(_SCALE * side for side in PAGES[read_document(design.document).page]))
    return _BADGE_SIZE if design.type == "badge" else _CERTIFICATE_SIZE


def draw(artwork: Artwork, format: Format, materials: Materials) -> bytes:
    """The document in this format: a page as PDF, its picture as PNG or SVG, or a preview of 1200 by 630 as JPEG.

    The same values give the same bytes. Takes some milliseconds of a processor, so never on the event loop.
    """
    shape = {"pdf": "document", "png": "picture", "svg": "picture", "jpg": "preview"}[format]
    inputs = {"data": json.dumps(_data(artwork, shape, materials))}
    if format == "pdf":
        standards = _WITH_ATTACHMENT if materials.attached else _STANDARDS
        if materials.attached:
            inputs["attached"] = materials.attached
        day = datetime.combine(date.fromisoformat(artwork.issue_date), datetime.min.time(), UTC)
        return _one(
            _compiler().compile(format="pdf", sys_inputs=inputs, pdf_standards=standards, timestamp=day)
        )
    if format == "svg":
        return _one(_compiler().compile(format="svg", sys_inputs=inputs))
    scale = 1 if format == "jpg" else _SCALE
    picture = _one(_compiler().compile(format="png", sys_inputs=inputs, ppi=scale * _POINTS_PER_INCH))
    return write_jpeg(picture, _PREVIEW_BYTES) if format == "jpg" else picture


def draw_drawing(svg: str) -> bytes:
    """An SVG as PNG, its longer side 1,600 pixels. Takes as much time and memory as the drawing asks for.

    Raises ValueError for what isn't one, or names a file or an address.
    """
    compiler = Compiler(str(_DRAWINGS / "drawing.typ"), root=str(_DRAWINGS), font_paths=_fonts())
    inputs = {"svg": svg, "side": str(_DRAWN_SIDE)}
    return _one(compiler.compile(format="png", sys_inputs=inputs, ppi=_POINTS_PER_INCH))


def _data(artwork: Artwork, shape: str, materials: Materials) -> dict[str, Any]:
    language, words = artwork.language, words_in(artwork.language)
    variant = choose_variant((artwork.recipient_name, artwork.title, artwork.issuer_name), language)

    def ready(text: str | None) -> dict[str, Any] | None:
        return make_ready(text, variant)._asdict() if text else None

    def picture(digest: str | None) -> dict[str, Any] | None:
        content = materials.images.get(digest) if digest else None
        return _picture(content) if content else None

    design = find_design(artwork.design_id)
    look = "own" if materials.document is not None else design.look if design else "classic"
    return {
        "shape": shape,
        "look": look,
        "own": _own(artwork, materials, variant),
        "ornaments": {"color": COLOR, **ornaments_of(look)},
        "language": language,
        "brand_color": artwork.brand_color,
        "title": ready(artwork.title),
        "recipient": ready(artwork.recipient_name),
        "issuer": ready(artwork.issuer_name),
        "author": artwork.issuer_name,
        "issued": ready(write_day(artwork.issue_date, language)),
        "issue_day": dict(
            zip(("year", "month", "day"), map(int, artwork.issue_date.split("-")), strict=True)
        ),
        "year": ready(artwork.issue_date[:4]),
        "expires": ready(write_day(artwork.expiry_date, language)) if artwork.expiry_date else None,
        "signatory_name": ready(artwork.signatory_name),
        "signatory_title": ready(artwork.signatory_title),
        "url": artwork.url,
        "address": ready(artwork.url.split("://", 1)[-1]),
        "qr": materials.qr.decode(),
        "logo": picture(artwork.logo_digest),
        "signature": picture(artwork.signature_digest),
        "words": {
            **{name.rstrip("_"): ready(word) for name, word in words._asdict().items()},
            "rtl": language in RIGHT_TO_LEFT,
            "picture_alt": describe(artwork),
            "logo_alt": f"{words.logo}: {artwork.issuer_name}",
            "signature_alt": f"{words.signature}: {artwork.signatory_name or artwork.issuer_name}",
            "qr_alt": f"{words.qr}: {artwork.url}",
        },
    }


def _own(artwork: Artwork, materials: Materials, variant: Variant) -> dict[str, Any] | None:
    """An own design's document with its texts filled and made ready."""
    if materials.document is None:
        return None
    document = read_document(materials.document)
    values = dict(artwork.own.values if artwork.own else ())
    logo_and_signature = (artwork.logo_digest, artwork.signature_digest)
    return {
        "badge": document.type == "badge",
        "page": PAGES[document.page],
        "background": to_builtins(document.background),
        "boxes": [_own_box(box, values, variant) for box in document.boxes],
        "pictures": {
            digest: _picture(content)
            for digest, content in materials.images.items()
            if digest not in logo_and_signature
        },
    }


def _own_box(box: Box, values: Mapping[str, str], variant: Variant) -> dict[str, Any]:
    told: dict[str, Any] = to_builtins(box)
    if isinstance(box, TextBox):
        told["lines"] = [
            make_ready(line, variant_of(line) or variant)._asdict() for line in lines_of(box, values)
        ]
        told["smallestSize"] = box.smallest_size or box.size
    elif isinstance(box, AttributeImageBox):
        told["value"] = values.get(box.attribute, "")
    return told


def _picture(content: bytes) -> dict[str, Any]:
    media_type, width, height = shape_of(content)
    return {"base64": b64encode(content).decode(), "type": media_type, "width": width, "height": height}


def _one(pages: bytes | list[bytes] | None) -> bytes:
    if not isinstance(pages, bytes):
        raise ValueError("a document has exactly one page")
    return pages


_of_thread = threading.local()


def _compiler() -> Compiler:
    """This thread's typesetter: one can't be shared, and to make a new one each time would read the fonts again."""
    if not hasattr(_of_thread, "compiler"):
        _of_thread.compiler = Compiler(
            str(_LOOKS / "credential.typ"), root=str(_LOOKS), font_paths=_fonts(), sys_inputs={}
        )
    compiler: Compiler = _of_thread.compiler
    return compiler


@lru_cache(maxsize=1)
def _fonts() -> Fonts:
    return Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in font_folders()],
    )
