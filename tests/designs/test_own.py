"""Own designs as they come out: whatever is taken is drawn; scripts, placeholders, tags, bytes that repeat."""

import re
from functools import cache
from io import BytesIO

import jsonschema_rs
import msgspec
import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from conftest import THOROUGH, examples
from credtrail.accounts.model import IssuerProfile
from credtrail.designs.artwork import describe, digest_of, sample_of
from credtrail.designs.document import (
    PAGES,
    Document,
    check_document,
    document_schema,
    placeholders_of,
    read_document,
    write_document,
)
from credtrail.designs.examples import read_example
from credtrail.designs.model import BUILT_IN
from credtrail.designs.render import PREVIEW_SIZE, size_of
from credtrail.errors import Refusal
from designs.own import (
    DISC,
    IMAGES,
    LOGO,
    NAME,
    PHOTO,
    design,
    document,
    documents,
    own_artwork,
    own_drawn,
)
from designs.samples import NAMES, from_png
from documents import ROOT, read_blocks

PROFILE = IssuerProfile(logo_digest=LOGO.digest, signature_digest=LOGO.digest, signatory_name="Ada Example")
CUSTOM = {"custom.grade": "with distinction", "custom.photo": DISC.digest}


def text_of(content):
    """What a PDF says, as one line."""
    pdf = pypdfium2.PdfDocument(content)
    try:
        return re.sub(r"\s+", " ", pdf[0].get_textpage().get_text_bounded())
    finally:
        pdf.close()


def text(content, **more):
    """A box of text."""
    return {"kind": "text", "x": 40, "y": 60, "width": 500, "height": 60, "content": content, **more}


@settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
@given(documents())
def test_whatever_is_taken_is_drawn(made):
    """The law that matters most: no document that was taken fails later, on somebody's credential."""
    assert write_document(msgspec.json.decode(made, type=Document)) == made
    found = own_drawn(made, "pdf", CUSTOM, profile=PROFILE)
    assert found.startswith(b"%PDF-")
    told = read_document(made)
    with Image.open(BytesIO(own_drawn(made, "png", CUSTOM, profile=PROFILE))) as picture:
        assert picture.size == size_of(design(made)) == tuple(2 * side for side in PAGES[told.page])
    with pikepdf.open(BytesIO(found)) as pdf:
        (page,) = pdf.pages
        expected = (842, 595) if told.type == "badge" else PAGES[told.page]
        assert [round(float(side)) for side in page.mediabox[2:]] == list(expected)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(documents())
def test_every_preview_has_its_size(made):
    with Image.open(BytesIO(own_drawn(made, "jpg", CUSTOM, profile=PROFILE))) as picture:
        assert picture.size == PREVIEW_SIZE


@pytest.mark.parametrize("page", PAGES if THOROUGH else ["a4-landscape"])
def test_the_largest_document_is_drawn(page):
    """A hundred boxes, as many characters as there may be, the longest names."""
    boxes = [text("[recipient.name] [group.name] " + "W" * 160, size=400, rotation=9) for _ in range(100)]
    made = document(*boxes, page=page)
    name = "漢" * 255
    assert own_drawn(made, "png", recipient_name=name, title=name)


@pytest.mark.parametrize("script", NAMES)
@pytest.mark.parametrize("font", ["EB Garamond", "Inter", "Amiri", "Frank Ruhl Libre", "Noto Sans"])
def test_names_of_all_scripts_have_all_their_letters(script, font):
    """PDF/A forbids a glyph for what no font has; and what is written differs from what stands for an unknown."""
    made = document(text("to [recipient.name]", font=font, size=40, smallestSize=20))
    assert own_drawn(made, "pdf", recipient_name=NAMES[script]).startswith(b"%PDF-")
    assert own_drawn(made, "png", recipient_name=NAMES[script]) != drawn_unknown(made)


@cache
def drawn_unknown(made):
    """What stands for an unknown letter, in the document's font."""
    return own_drawn(made, "png", recipient_name="\ufffd")


def test_placeholders_have_their_values_and_a_missing_one_leaves_nothing():
    made = document(
        text(
            "A[recipient.name]B[group.name]C[issuer.name]D[certificate.issued_on]E[certificate.expires_on]F"
            "[certificate.uuid]G[custom.grade]H[custom.none]I[recipient.email]J[signatory.name]K",
            height=200,
        )
    )
    found = text_of(
        own_drawn(made, "pdf", CUSTOM, recipient_name="Robin Nandu", recipient_email="r@x.example")
    )
    expected = "ARobin NanduBBotanyCOpen Meadow AcademyD12 March 2024EF0f5c8a8eGwith distinctionHIr@x.exampleJAda ExampleK"
    assert expected.replace(" ", "") in found.replace(" ", "")


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is():
    made = document(text("[recipient.name]", width=700), text("[custom.grade]", y=300))
    found = text_of(own_drawn(made, "pdf", CUSTOM, recipient_name="[custom.grade] #read(1) $x$"))
    assert "[custom.grade] #read(1) $x$" in found


def test_a_line_without_values_can_be_left_out():
    lines = "[recipient.name]\nValid until [certificate.expires_on]\nThe end"
    kept = text_of(own_drawn(document(text(lines, height=200)), "pdf"))
    left_out = document(text(lines, height=200, omitEmptyLines=True))
    assert "Valid until" in kept
    assert "Valid until" not in text_of(own_drawn(left_out, "pdf"))
    assert "Valid until 1 May 2026" in text_of(own_drawn(left_out, "pdf", expiry_date="2026-05-01"))


def test_square_brackets_of_other_kinds_are_text():
    made = document(NAME, text("as written [sic], [draft.two] and [Custom.x]", y=300))
    assert "as written [sic], [draft.two] and [Custom.x]" in text_of(own_drawn(made, "pdf"))


def test_a_pdf_says_what_it_is():
    made = document(
        text("Certificate", role="heading"),
        NAME,
        {"kind": "qr", "x": 700, "y": 400, "width": 80, "height": 80},
        {"kind": "image", "x": 0, "y": 400, "width": 80, "height": 80, "image": DISC.digest, "alt": "A disc"},
        {"kind": "image", "x": 90, "y": 400, "width": 80, "height": 80, "image": DISC.digest},
        {"kind": "logo", "x": 200, "y": 400, "width": 80, "height": 80},
        image=PHOTO.digest,
    )
    with pikepdf.open(BytesIO(own_drawn(made, "pdf", profile=PROFILE))) as pdf:
        with pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
            assert metadata["pdfuaid:part"] == "1"
            assert metadata["dc:title"].startswith("Certificate: Botany, presented to Robin Ñandú")
        from designs.test_render import _walk

        kinds, alternatives = _walk(pdf.Root.StructTreeRoot)
        assert kinds.count("/H1") == 1
        assert sorted(alternatives)[0] == "A disc"
        assert len(alternatives) == 3  # decoration has none: the QR code, the disc once, the logo


def test_a_badge_is_its_picture_alone_and_its_pdf_tells_who_earned_it():
    shape = {"kind": "ellipse", "x": 0, "y": 0, "width": 600, "height": 600, "fill": "brand"}
    made = document(
        shape, text("[group.name]", color="on-brand", role="heading"), type="badge", page="square"
    )
    with Image.open(BytesIO(own_drawn(made, "png"))) as picture:
        assert picture.size == (1200, 1200)
        assert picture.getpixel((5, 5))[3] == 0
        assert picture.getpixel((600, 900)) == (0x14, 0x59, 0x4B, 255)
    assert "Robin Ñandú" in text_of(own_drawn(made, "pdf"))
    assert describe(own_artwork(made)).startswith("Badge: Botany")


def test_boxes_stand_where_they_say():
    box = {"kind": "rectangle", "x": 100, "y": 50, "width": 200, "height": 30, "fill": "#ff0000"}
    picture = from_png(own_drawn(document({**NAME, "color": "#ffffff"}, box), "png"))
    red = Image.eval(picture.getchannel("G"), lambda value: 255 * (value < 128))
    assert red.getbbox() == (200, 100, 600, 160)


def test_later_boxes_lie_above_earlier_ones():
    whole = {"x": 0, "y": 0, "width": 842, "height": 595}
    made = document(
        NAME,
        {"kind": "rectangle", "fill": "#ff0000", **whole},
        {"kind": "image", "image": PHOTO.digest, "fit": "cover", **whole},
        {"kind": "rectangle", "fill": "#0000ff", **whole},
    )
    assert from_png(own_drawn(made, "png")).getcolors(1) == [(1684 * 1190, (0, 0, 255))]


def test_a_text_is_set_smaller_before_it_is_wrapped_and_only_down_to_its_smallest_size():
    """One line while the smallest size allows it, then several; never wider than the box."""

    def rows(**more):
        box = {**NAME, "x": 200, "y": 100, "width": 300, "height": 200, "size": 40, **more}
        picture = from_png(own_drawn(document(box), "png", recipient_name="Robin Robin Robin Robin"))
        ink = Image.eval(picture.convert("L"), lambda value: 255 * (value < 128))
        left, top, right, bottom = ink.getbbox()
        assert (left, right) >= (400, 400)
        assert right <= 1000
        return bottom - top

    assert rows(smallestSize=4) < 60
    assert rows() > 120


@pytest.mark.parametrize("format", ["pdf", "png", "jpg"])
def test_the_same_values_give_the_same_bytes(format):
    made = document(NAME, image=PHOTO.digest)
    assert own_drawn(made, format) == own_drawn(made, format)


def test_the_digest_changes_with_what_is_drawn_and_with_nothing_else():
    made = document(NAME, text("[custom.grade]", y=300))
    other = document({**NAME, "x": 41}, text("[custom.grade]", y=300))
    one = digest_of(own_artwork(made, {"custom.grade": "1"}))
    assert one != digest_of(own_artwork(made, {"custom.grade": "2"}))
    assert one != digest_of(own_artwork(other, {"custom.grade": "1"}))
    assert one == digest_of(own_artwork(made, {"custom.grade": "1", "custom.other": "x"}))


def test_the_document_shown_in_the_documents_is_drawn():
    (shown,) = [block.text for block in read_blocks(ROOT / "docs" / "designs.md") if block.language == "json"]
    told = msgspec.json.decode(shown, type=Document)
    check_document(told)
    assert own_drawn(write_document(told), "pdf", CUSTOM)


@pytest.mark.parametrize("built_in", BUILT_IN, ids=lambda one: one.slug)
def test_every_built_in_look_is_told_as_a_document(built_in):
    told = read_example(built_in.look)
    check_document(told)
    assert told.type == built_in.type
    assert size_of(design(write_document(told))) == size_of(built_in)
    for format in ("pdf", "png", "jpg"):
        assert own_drawn(write_document(told), format, profile=PROFILE)


def test_a_sample_shows_custom_attributes_as_placeholders():
    made = document(NAME, text("[custom.grade]", y=300))
    assert dict(sample_of(design(made)).own.values)["custom.grade"] == "[custom.grade]"
    assert placeholders_of(read_document(made)) == ["recipient.name", "custom.grade"]


def test_the_schema_takes_what_the_parser_takes():
    schema = document_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    validator = jsonschema_rs.Draft202012Validator(schema)
    for built_in in BUILT_IN:
        validator.validate(msgspec.to_builtins(read_example(built_in.look)))
    wrong = msgspec.to_builtins(read_example("classic"))
    wrong["boxes"][0]["width"] = 3_000
    assert not validator.is_valid(wrong)


@pytest.mark.parametrize(
    ("boxes", "field"),
    [
        ([], "document.boxes"),
        ([text("for [group.name]")], "document.boxes"),
        ([NAME, text("[recipient.nam]")], "document.boxes.1.content"),
        ([NAME, text("[certificate.]")], "document.boxes.1.content"),
        ([NAME, text("[custom.Grade!]")], "document.boxes.1.content"),
        ([NAME, text("[custom.x]" * 21)], "document.boxes.1.content"),
        ([NAME, text("x", size=10, smallestSize=11)], "document.boxes.1.smallestSize"),
        ([NAME, *[text("x" * 2_000)] * 11], "document.boxes"),
        (
            [NAME, *[{"kind": "image", "x": 0, "y": 0, "width": 9, "height": 9, "image": "0" * 64}] * 11],
            "document.boxes",
        ),
    ],
)
def test_refused_with_the_field_that_is_wrong(boxes, field):
    with pytest.raises(Refusal) as refusal:
        document(*boxes)
    assert [name for name, _ in refusal.value.details] == [field]


def test_a_badge_is_square_and_needs_no_name():
    assert document(type="badge", page="square")
    with pytest.raises(Refusal) as refusal:
        document(type="badge", page="a4-portrait")
    assert refusal.value.details[0][0] == "document.page"


def test_an_image_that_is_not_there_leaves_nothing():
    missing = {"kind": "image", "x": 0, "y": 0, "width": 99, "height": 99, "image": "0" * 64}
    assert "0" * 64 not in IMAGES
    assert own_drawn(document(NAME, missing), "png") == own_drawn(document(NAME), "png")
