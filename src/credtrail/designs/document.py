"""The neutral document of an own design: what stands where on a page, told without any renderer's words. Pure.

Written by whoever makes a design (the API, an editor), kept by `store`, drawn by `render`. All lengths are points
(1/72 inch), counted from the top left corner of the page; boxes are drawn in their order, later ones above. Every
bound stands in a type, so that a refusal names its field, and the JSON schema is made of the same types.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Struct, json

from credtrail.errors import invalid
from credtrail.values import NO_NUL, must

Page = Literal["a4-landscape", "a4-portrait", "letter-landscape", "letter-portrait", "square"]


class PageSize(NamedTuple):
    """Of a page, in whole points, so that pictures have whole pixels."""

    width: int
    height: int


PAGES: dict[Page, PageSize] = {
    "a4-landscape": PageSize(842, 595),
    "a4-portrait": PageSize(595, 842),
    "letter-landscape": PageSize(792, 612),
    "letter-portrait": PageSize(612, 792),
    "square": PageSize(600, 600),
}

Place = Annotated[float, must("be a number of points from -2,000 to 2,000", ge=-2_000, le=2_000)]
Length = Annotated[float, must("be a number of points from 1 to 2,000", ge=1, le=2_000)]
Reach = Annotated[float, must("be a number of points from 0 to 2,000", ge=0, le=2_000)]
Thickness = Annotated[float, must("be a number of points from 0 to 100", ge=0, le=100)]
Angle = Annotated[float, must("be a number of degrees from -360 to 360, clockwise", ge=-360, le=360)]
Color = Annotated[
    str,
    must(
        "be #rrggbb, #rrggbbaa (with opacity), brand (the issuer's color) or on-brand (what can be read upon it)",
        pattern=r"^(#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?|brand|on-brand)$",
        example="#1c1f23",
    ),
]
Font = Literal["EB Garamond", "Inter", "Amiri", "Frank Ruhl Libre", "Noto Sans"]
"""Latin letters come from these; whatever a font doesn't have comes from Noto Sans of its script."""
FontSize = Annotated[float, must("be a number of points from 4 to 400", ge=4, le=400)]
Weight = Literal["regular", "medium", "semibold", "bold"]
ImageId = Annotated[
    str,
    must(
        "be the id of an uploaded image",
        pattern=r"^[0-9a-f]{64}$",
        example="5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    ),
]
Alternative = Annotated[
    str, must("be a string of at most 500 characters", max_length=500, pattern=r"^[^\u0000-\u001f]*$")
]
Content = Annotated[
    str,
    must(
        "be a string of at most 2,000 characters",
        max_length=2_000,
        pattern=NO_NUL,
        example="This certifies that [recipient.name]",
    ),
]
Align = Literal["start", "center", "end"]
"""`start` is the left, or the right where the document is in a language that runs from there."""
Fit = Literal["contain", "cover"]


class Background(Struct, rename="camel", frozen=True):
    """The ground of the page: a color, an image above it. Without a color certificates are white, badges transparent."""

    color: Color | None = None
    image: ImageId | None = None
    fit: Fit = "cover"


class Placed(Struct, rename="camel", tag_field="kind", kw_only=True):
    """What every box has: its place and size before it is turned, and by how much it is turned around its middle."""

    x: Place
    y: Place
    width: Length
    height: Length
    rotation: Angle = 0.0


class TextBox(Placed, tag="text", kw_only=True):
    """Text with placeholders such as `[recipient.name]`. What has no value leaves nothing.

    Set in `size` on as many lines as `content` has. Where that is too wide it is set smaller, down to `smallestSize`
    (null: not smaller); then it is wrapped; and where it is too high then, it is set smaller once more.
    `omitEmptyLines` leaves out lines that have placeholders, but no value for any: `Valid until
    [certificate.expires_on]` where nothing expires. `role`: a heading is announced as one to whoever hears the document.
    """

    content: Content
    font: Font = "Inter"
    size: FontSize = 16.0
    smallest_size: FontSize | None = None
    weight: Weight = "regular"
    italic: bool = False
    color: Color = "#1c1f23"
    align: Align = "start"
    vertical_align: Literal["top", "middle", "bottom"] = "top"
    line_height: Annotated[
        float, must("be a number from 0.8 to 3, times the size of the letters", ge=0.8, le=3)
    ] = 1.2
    letter_spacing: Annotated[
        float, must("be a number from -0.1 to 1, times the size of the letters", ge=-0.1, le=1)
    ] = 0.0
    omit_empty_lines: bool = False
    role: Literal["text", "heading"] = "text"


class ImageBox(Placed, tag="image", kw_only=True):
    """An uploaded image. `alt` says what it shows; null: it is decoration."""

    image: ImageId
    fit: Fit = "contain"
    alt: Alternative | None = None


class AttributeImageBox(Placed, tag="attribute-image", kw_only=True):
    """The image that each credential has in a custom attribute; nothing where it has none."""

    attribute: Annotated[
        str,
        must(
            "be a placeholder of an image, such as custom.photo",
            pattern=r"^custom\.[a-z][a-z0-9_]{0,62}$",
            example="custom.photo",
        ),
    ]
    fit: Fit = "contain"
    alt: Alternative | None = None


class LogoBox(Placed, tag="logo", kw_only=True):
    """The issuer's logo; where it has none, its name or nothing."""

    otherwise: Literal["name", "nothing"] = "name"
    font: Font = "Inter"
    color: Color = "brand"
    align: Align = "center"


class SignatureBox(Placed, tag="signature", kw_only=True):
    """The issuer's signature above a line, and who signed below it; nothing where the issuer has neither."""

    font: Font = "Inter"
    color: Color = "#1c1f23"
    align: Align = "center"


class QrBox(Placed, tag="qr", kw_only=True):
    """The QR code of the credential's page, on white, as large as the box lets it be."""


class Drawn(Placed, kw_only=True):
    """What shapes have. A null color draws nothing; `thickness` is that of the stroke, which runs inside the box."""

    stroke: Color | None = None
    thickness: Thickness = 1.0


class RectangleBox(Drawn, tag="rectangle", kw_only=True):
    """A rectangle, its corners rounded by `radius`."""

    fill: Color | None = None
    radius: Reach = 0.0


class EllipseBox(Drawn, tag="ellipse", kw_only=True):
    """An ellipse that touches its box."""

    fill: Color | None = None


class PolygonBox(Drawn, tag="polygon", kw_only=True):
    """A polygon of equal sides, one corner up, stretched to its box."""

    sides: Annotated[int, must("be a whole number from 3 to 12", ge=3, le=12)] = 6
    fill: Color | None = None


class LineBox(Struct, rename="camel", tag_field="kind", tag="line", kw_only=True):
    """A line from (x, y) to (x + width, y + height)."""

    x: Place
    y: Place
    width: Place
    height: Place
    rotation: Angle = 0.0
    stroke: Color = "#1c1f23"
    thickness: Thickness = 1.0


Box = (
    TextBox
    | ImageBox
    | AttributeImageBox
    | LogoBox
    | SignatureBox
    | QrBox
    | RectangleBox
    | EllipseBox
    | PolygonBox
    | LineBox
)


class Document(Struct, rename="camel", kw_only=True):
    """A design as a document. A badge is square; a certificate has any page."""

    version: Annotated[Literal[1], must("be 1")]
    type: Literal["certificate", "badge"]
    page: Page
    background: Background = Background()
    boxes: Annotated[list[Box], must("be a list of at most 100 boxes", max_length=100)]


PLACEHOLDERS = (
    "recipient.name",
    "recipient.email",
    "group.name",
    "issuer.name",
    "certificate.issued_on",
    "certificate.expires_on",
    "certificate.uuid",
    "certificate.url",
    "signatory.name",
    "signatory.title",
)
"""Those every credential has a value for, or none; `[custom.x]` is a custom attribute with the tag x."""

_PLACEHOLDER = re.compile(r"\[((?:recipient|group|issuer|certificate|signatory|custom)\.[^\[\]\s]*)\]")
_CUSTOM = re.compile(r"custom\.[a-z][a-z0-9_]{0,62}")
_MOST_CONTENT = 20_000
_MOST_IMAGES = 10
_MOST_PLACEHOLDERS = 20
_LONGEST_FILLED = 4_000


def check_document(document: Document) -> None:
    """What no single field's type can say; refuses (400) naming the field.

    A certificate must show `[recipient.name]`: who it is for. Source: the original demands it of its designs.
    """
    check_drawable(document)
    texts = [box.content for box in document.boxes if isinstance(box, TextBox)]
    if document.type == "certificate" and not any("[recipient.name]" in text for text in texts):
        raise invalid("document.boxes", "must hold [recipient.name] in the content of a text")


def check_drawable(document: Document) -> None:
    """The same but for what may still be missing while somebody works on it; refuses what can't be drawn in bounds."""
    if document.type == "badge" and document.page != "square":
        raise invalid("document.page", "must be square for a badge")
    for number, box in enumerate(document.boxes):
        if isinstance(box, TextBox):
            _check_text(f"document.boxes.{number}", box)
    texts = [box.content for box in document.boxes if isinstance(box, TextBox)]
    if sum(map(len, texts)) > _MOST_CONTENT:
        raise invalid("document.boxes", f"must hold at most {_MOST_CONTENT:,} characters of content together")
    pictures = sum(isinstance(box, ImageBox | AttributeImageBox) for box in document.boxes)
    if pictures > _MOST_IMAGES:
        raise invalid("document.boxes", f"must hold at most {_MOST_IMAGES} images")


def _check_text(field: str, box: TextBox) -> None:
    if box.smallest_size is not None and box.smallest_size > box.size:
        raise invalid(f"{field}.smallestSize", "must not be greater than size")
    found = _PLACEHOLDER.findall(box.content)
    for name in found:
        if name not in PLACEHOLDERS and not _CUSTOM.fullmatch(name):
            known = ", ".join(f"[{one}]" for one in PLACEHOLDERS)
            raise invalid(f"{field}.content", f"must not hold [{name}]: there are {known} and [custom.…]")
    if len(found) > _MOST_PLACEHOLDERS:
        raise invalid(f"{field}.content", f"must hold at most {_MOST_PLACEHOLDERS} placeholders")


def placeholders_of(document: Document) -> list[str]:
    """Every placeholder whose value the document draws, each once."""
    return list(dict.fromkeys(_placeholders_in(document)))


def images_of(document: Document) -> dict[str, str]:
    """The ids of the images that it names itself, each with the (last) field that names it."""
    named = (
        {} if document.background.image is None else {document.background.image: "document.background.image"}
    )
    for number, box in enumerate(document.boxes):
        if isinstance(box, ImageBox):
            named[box.image] = f"document.boxes.{number}.image"
    return named


def lines_of(box: TextBox, values: Mapping[str, str]) -> list[str]:
    """The lines of a text with values for its placeholders, an empty one where there is none; no blank lines.

    A value that looks like a placeholder stays as it is. What goes beyond 4,000 characters is cut off.
    """
    lines = box.content.splitlines()
    if box.omit_empty_lines:
        named = [_PLACEHOLDER.findall(line) for line in lines]
        lines = [
            line
            for line, names in zip(lines, named, strict=True)
            if not names or any(values.get(name) for name in names)
        ]
    filled = _PLACEHOLDER.sub(lambda match: values.get(match[1], ""), "\n".join(lines))[:_LONGEST_FILLED]
    return [line for line in filled.splitlines() if line.strip()]


def write_document(document: Document) -> str:
    """Its one spelling as JSON: known keys alone, in order, defaults told."""
    return json.encode(document).decode()


@lru_cache(maxsize=256)
def read_document(text: str) -> Document:
    """A document as `write_document` wrote it. Shared: not to be changed."""
    return json.decode(text, type=Document)


@lru_cache(maxsize=1_024)
def digest_document(text: str) -> str:
    """What names this state of a document."""
    return sha256(text.encode()).hexdigest()[:32]


def document_schema() -> dict[str, Any]:
    """The JSON schema of a document (draft 2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **json.schema(Document)}


def _placeholders_in(document: Document) -> Iterator[str]:
    for box in document.boxes:
        if isinstance(box, TextBox):
            yield from _PLACEHOLDER.findall(box.content)
        elif isinstance(box, AttributeImageBox):
            yield box.attribute
