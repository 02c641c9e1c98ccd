"""Own designs to draw, and every document there can be."""

from io import BytesIO

import msgspec
from hypothesis import strategies as st
from PIL import Image

from credtrail.accounts.model import IssuerProfile
from credtrail.designs.artwork import artwork_of
from credtrail.designs.document import (
    PAGES,
    PLACEHOLDERS,
    Document,
    check_document,
    write_document,
)
from credtrail.designs.images import read_photo
from credtrail.designs.model import Design
from credtrail.designs.render import Materials, draw
from credtrail.pages.qr import draw_qr
from designs.samples import NAMES, a_picture, an_image


def photo():
    """A picture with soft colors all over, as a JPEG of ours."""
    parts = [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90)]
    picture = Image.merge("RGB", parts).resize((900, 600))
    written = BytesIO()
    picture.save(written, "JPEG")
    return read_photo(written.getvalue())


PHOTO = photo()
LOGO = an_image()
DISC = read_photo(a_picture(310, 300))
IMAGES = {one.digest: one.content for one in (PHOTO, LOGO, DISC)}
NAME = {"kind": "text", "x": 40, "y": 200, "width": 500, "height": 80, "content": "[recipient.name]"}


def document(*boxes, type="certificate", page="a4-landscape", **background):
    """A checked document of these boxes, as it is kept."""
    told = {"version": 1, "type": type, "page": page, "background": background, "boxes": list(boxes)}
    found = msgspec.convert(told, Document)
    check_document(found)
    return write_document(found)


def design(text):
    """The design that has this document."""
    type_ = msgspec.json.decode(text)["type"]
    return Design("01m82v7m00f40wh8r3gzxg3h9a", "Own", type_, 0, 0, "own", text)


def own_artwork(text, custom=None, profile=None, **changes):
    """Robin's credential in an own design."""
    told = {
        "title": "Botany",
        "recipient_name": "Robin Ñandú",
        "issue_date": "2024-03-12",
        "url": "https://credentials.example/credentials/0f5c8a8e-4a36-4c8c-9b0d-0f60a5a2c3de",
    } | changes
    profile = profile or IssuerProfile(signatory_name="Ada Example", signatory_title="Registrar")
    return artwork_of(design(text), "Open Meadow Academy", profile, "0f5c8a8e", custom or {}, **told)


def own_drawn(text, format, custom=None, **changes):
    """The document of an own design, drawn here and now."""
    credential = own_artwork(text, custom, **changes)
    return draw(credential, format, Materials(draw_qr(credential.url), IMAGES, text))


_texts = st.one_of(
    st.sampled_from([f"[{name}]" for name in (*PLACEHOLDERS, "custom.grade", "custom.none")]),
    st.sampled_from(
        [*NAMES.values(), "W" * 200, "a b\nc\n\nd", "[not.one]", "\u200b", "\u202e", "#x $y$ *z*", ""]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]\x00"), max_size=30),
)
_contents = st.lists(_texts, max_size=8).map(" ".join).map(lambda text: text[:2_000])
_image_ids = st.sampled_from(list(IMAGES))


def _placed(draw_from, kind, **more):
    points = st.floats(-2_000, 2_000)
    lengths = st.one_of(st.floats(1, 2_000), st.floats(20, 400))
    return {
        "kind": kind,
        "x": draw_from(st.one_of(points, st.floats(0, 500))),
        "y": draw_from(st.one_of(points, st.floats(0, 500))),
        "width": draw_from(lengths),
        "height": draw_from(lengths),
        "rotation": draw_from(st.sampled_from([0, 0, 90, -33.3, 360])),
        **more,
    }


_colors = st.sampled_from(["#000000", "#FFffFF", "#12345678", "#00000000", "brand", "on-brand"])
_strokes = st.fixed_dictionaries(
    {}, optional={"stroke": st.none() | _colors, "thickness": st.floats(0, 100), "fill": st.none() | _colors}
)


@st.composite
def text_boxes(draw_from):
    """Any text, at the bounds and between."""
    size = draw_from(st.one_of(st.floats(4, 400), st.sampled_from([4, 12, 36, 400])))
    told = _placed(draw_from, "text", content=draw_from(_contents), size=size, color=draw_from(_colors))
    optional = st.fixed_dictionaries(
        {},
        optional={
            "font": st.sampled_from(["EB Garamond", "Inter", "Amiri", "Frank Ruhl Libre", "Noto Sans"]),
            "weight": st.sampled_from(["regular", "medium", "semibold", "bold"]),
            "italic": st.booleans(),
            "align": st.sampled_from(["start", "center", "end"]),
            "verticalAlign": st.sampled_from(["top", "middle", "bottom"]),
            "lineHeight": st.floats(0.8, 3),
            "letterSpacing": st.floats(-0.1, 1),
            "omitEmptyLines": st.booleans(),
            "role": st.sampled_from(["text", "heading"]),
            "smallestSize": st.none() | st.floats(4, size),
        },
    )
    return told | draw_from(optional)


@st.composite
def other_boxes(draw_from):
    """Any box that isn't text."""
    kinds = ["image", "attribute-image", "logo", "signature", "qr", "rectangle", "ellipse", "polygon", "line"]
    kind = draw_from(st.sampled_from(kinds))
    told = _placed(draw_from, kind)
    if kind == "image":
        told["image"] = draw_from(_image_ids)
    if kind == "attribute-image":
        told["attribute"] = draw_from(st.sampled_from(["custom.photo", "custom.grade", "custom.none"]))
    if "image" in kind:
        told["fit"] = draw_from(st.sampled_from(["contain", "cover"]))
        told["alt"] = draw_from(st.sampled_from([None, "", "A disc & a <bar>"]))
    if kind in ("logo", "signature"):
        told["align"] = draw_from(st.sampled_from(["start", "center", "end"]))
    if kind in ("rectangle", "ellipse", "polygon"):
        told |= draw_from(_strokes)
    if kind == "rectangle":
        told["radius"] = draw_from(st.floats(0, 2_000))
    if kind == "polygon":
        told["sides"] = draw_from(st.integers(3, 12))
    if kind == "line":
        told |= {"width": draw_from(st.floats(-500, 500)), "height": draw_from(st.floats(-500, 500))}
    return told


@st.composite
def documents(draw_from):
    """Any document that is taken."""
    type_ = draw_from(st.sampled_from(["certificate", "badge"]))
    page = "square" if type_ == "badge" else draw_from(st.sampled_from(list(PAGES)))
    boxes = draw_from(st.lists(st.one_of(text_boxes(), other_boxes()), max_size=9))
    background = {
        "color": draw_from(st.none() | _colors),
        "image": draw_from(st.none() | _image_ids),
        "fit": draw_from(st.sampled_from(["contain", "cover"])),
    }
    return document(NAME, *boxes, type=type_, page=page, **background)
