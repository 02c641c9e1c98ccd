"""Documents as they come out: letters of all scripts, tags and standards, bytes that repeat, names that fit."""

import re
from io import BytesIO

import pikepdf
import pypdfium2
import pytest
import typst
from PIL import Image

from credtrail.designs import render
from credtrail.designs.artwork import digest_of
from credtrail.designs.model import BUILT_IN
from credtrail.designs.render import PREVIEW_SIZE, size_of
from credtrail.designs.words import LANGUAGES
from designs.samples import (
    NAMES,
    PICTURES,
    an_image,
    artwork,
    band_of_name,
    difference,
    drawn,
    from_pdf,
    from_png,
)

ALL = range(len(BUILT_IN))
_ENOUGH_ALIKE = 1.5
LONG = "Maria Magdalena von Österreich-Toskana und Habsburg-Lothringen " * 4 + "der J"


@pytest.mark.parametrize("design", [0, 1], ids=["classic", "modern"])
@pytest.mark.parametrize("script", NAMES)
def test_a_name_is_shaped_as_in_the_picture_that_was_looked_at(script, design):
    credential = artwork(design, recipient_name=NAMES[script])
    with Image.open(PICTURES / f"{BUILT_IN[design].slug}-{script}.png") as kept:
        for picture in (from_png(drawn(credential, "png")), from_pdf(drawn(credential, "pdf"))):
            assert difference(band_of_name(picture), kept.convert("L")) < _ENOUGH_ALIKE


def test_the_comparison_tells_a_wrong_shape():
    """Unjoined Arabic, and Chinese shapes in place of Japanese ones, would be found."""
    pictures = [
        band_of_name(from_png(drawn(artwork(1, recipient_name=name), "png")))
        for name in (
            "محمد عبد الله القحطاني",
            "محمد\u200c عب\u200cد الله القح\u200cطاني",
            "王小明",
            "骨直過",
            "過直骨",
        )
    ]
    assert difference(pictures[0], pictures[1]) > _ENOUGH_ALIKE
    assert difference(pictures[3], pictures[4]) > 0.5


@pytest.mark.parametrize("design", ALL)
@pytest.mark.parametrize("script", NAMES)
def test_no_letter_is_missing(script, design):
    """PDF/A forbids a glyph for what no font has, and the typesetter refuses to write one."""
    text = NAMES[script]
    content = drawn(artwork(design, recipient_name=text, title=text, issuer_name=text), "pdf")
    assert content.startswith(b"%PDF-")


def test_the_typesetter_refuses_a_missing_glyph(monkeypatch):
    """What the test before rests on: a Tibetan letter, let through, is no document."""
    monkeypatch.setattr("credtrail.designs.fonts._drawable", iter)
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        drawn(artwork(recipient_name="ༀ"), "pdf")


@pytest.mark.parametrize(
    "text", ["ༀ", "\ue000", "A\u202eB\u2066C", "\x07 \x1b", "葛\U000e0100", "👩\u200d🚀", "ZW\u200cNJ"]
)
def test_what_no_font_has_is_no_error(text):
    for format in ("pdf", "png", "jpg"):
        assert drawn(artwork(1, recipient_name=f"Robin {text}"), format)


@pytest.mark.parametrize("design", ALL)
def test_a_pdf_says_what_it_is(design):
    """Read by another library: standards, tags, language, title, author, date, one page."""
    credential = artwork(design, expiry_date="2026-03-12", **_images())
    with pikepdf.open(BytesIO(drawn(credential, "pdf", _contents()))) as pdf:
        with pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
            assert metadata["pdfuaid:part"] == "1"
            kind = BUILT_IN[design].type.capitalize()
            title = f"{kind}: Botany, presented to Robin Ñandú – Open Meadow Academy, 12 March 2024"
            assert metadata["dc:title"] == title
            assert metadata["dc:creator"] == ["Open Meadow Academy"]
            assert metadata["xmp:CreateDate"].startswith("2024-03-12T00:00:00")
        root = pdf.Root
        assert root.Lang == "en"
        assert root.MarkInfo.Marked
        assert root.ViewerPreferences.DisplayDocTitle
        assert len(pdf.pages) == 1
        kinds, alternatives = _walk(root.StructTreeRoot)
        assert "/H1" in kinds
        assert "/Figure" in kinds
        assert any("QR code: https://credentials.example/" in text for text in alternatives)
        assert [str(link.A.URI) for link in pdf.pages[0].Annots] == [credential.url]


def _images():
    logo, signature = an_image(), an_image(width=500, height=160)
    return {"logo_digest": logo.digest, "signature_digest": signature.digest}


def _contents():
    return {image.digest: image.content for image in (an_image(), an_image(width=500, height=160))}


def _walk(node):
    """The kinds of all structure elements, and their text alternatives."""
    kinds, alternatives = [], []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, pikepdf.Array):
            waiting.extend(one)
        elif isinstance(one, pikepdf.Dictionary):
            if "/S" in one:
                kinds.append(str(one.S))
            if "/Alt" in one:
                alternatives.append(str(one.Alt))
            if "/K" in one:
                waiting.append(one.K)
    return kinds, alternatives


@pytest.mark.parametrize("design", ALL)
def test_the_document_says_all_it_has_to(design):
    """As text that can be searched and copied: name, title, issuer, dates, address."""
    credential = artwork(design, recipient_name="Robin Nandu", expiry_date="2026-03-12")
    document = pypdfium2.PdfDocument(drawn(credential, "pdf"))
    text = re.sub(r"\s+", " ", document[0].get_textpage().get_text_bounded())
    document.close()
    for part in ("Robin Nandu", "Botany", "Open Meadow Academy", "12 March 2024", "12 March 2026"):
        assert part in text
    assert credential.url.removeprefix("https://") in text.replace(" ", "")


@pytest.mark.parametrize("format", ["pdf", "png", "jpg"])
@pytest.mark.parametrize("design", ALL)
def test_the_same_values_give_the_same_bytes(design, format):
    assert drawn(artwork(design), format) == drawn(artwork(design), format)


@pytest.mark.parametrize("design", ALL)
def test_pictures_have_the_size_that_is_told(design):
    credential = artwork(design, **_images())
    with Image.open(BytesIO(drawn(credential, "png", _contents()))) as picture:
        assert picture.size == size_of(BUILT_IN[design])
    preview = drawn(credential, "jpg", _contents())
    with Image.open(BytesIO(preview)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == PREVIEW_SIZE == (1200, 630)
    assert len(preview) < 300_000


@pytest.mark.parametrize(
    "name", [LONG[:255], "W" * 255, "漢" * 255, "م" * 255, "क्ष" * 85, "ก" * 255, "-" * 255]
)
@pytest.mark.parametrize("design", ALL)
def test_the_longest_texts_stay_on_the_page(design, name):
    """Nothing is clipped or runs into the frame: at the edges the picture is as with a short name."""
    short = artwork(design, **_images())
    long = short._replace(
        recipient_name=name, title=name, issuer_name=name, signatory_name=name, signatory_title=name
    )
    assert from_pdf(drawn(long, "pdf", _contents()))  # one page
    pictures = [from_png(drawn(one, "png", _contents())) for one in (short, long)]
    width, height = pictures[0].size
    for box in (
        (0, 0, width, 40),
        (0, height - 40, width, height),
        (0, 0, 40, height),
        (width - 40, 0, width, height),
    ):
        assert pictures[0].crop(box).tobytes() == pictures[1].crop(box).tobytes()
    assert drawn(long, "jpg", _contents())


def test_a_name_that_is_set_smaller_keeps_to_its_line():
    """Inter's letters are wider when they are small: what was measured at 18 points no longer holds at 13."""
    name = "The Joint Examination Board of the United Academies of Applied Sciences and Arts"
    picture = from_png(drawn(artwork(1, issuer_name=name), "png")).convert("L")
    _, top, right, bottom = ink_of(picture.crop((280, 100, 1684, 260)))
    assert bottom - top < 40
    assert right <= 1684 - 280 - 110


def ink_of(picture):
    """The box around all that is dark."""
    return Image.eval(picture, lambda value: 255 * (value < 128)).getbbox()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("design", ALL)
def test_documents_in_every_language(design, language):
    credential = artwork(design, language=language, expiry_date="2026-12-01")
    with pikepdf.open(BytesIO(drawn(credential, "pdf"))) as pdf:
        assert pdf.Root.Lang == language
    assert drawn(credential, "pdf") != drawn(credential._replace(expiry_date=None), "pdf")


@pytest.mark.parametrize("color", ["#ffffff", "#000000", "#ffee00", "#14594b", "#ff0000"])
def test_any_brand_color_leaves_words_to_be_read(color):
    """Of what is written in the brand's colour, the darkest pixel stands out from the paper."""
    picture = from_png(drawn(artwork(1, brand_color=color), "png")).convert("L")
    word = picture.crop((290, 330, 700, 420))  # where it says Certificate
    assert word.getextrema()[0] < 140


def test_markup_in_a_name_is_text():
    name = '#read("/etc/passwd") $x$ <b> @a *b* _c_ \\ ` ] }'
    document = pypdfium2.PdfDocument(drawn(artwork(1, recipient_name=name), "pdf"))
    text = document[0].get_textpage().get_text_bounded()
    document.close()
    assert '#read("/etc/passwd")' in text
    assert "root:" not in text


def test_the_looks_import_nothing_from_elsewhere():
    """No package, no evaluated text, no file outside; the typesetter may read this folder only."""
    for path in render._LOOKS.glob("*.typ"):
        source = "\n".join(line for line in path.read_text().split("\n") if not line.startswith("//"))
        assert "@preview" not in source
        assert not re.search(r"\b(eval|read|plugin)\(", source)
        assert set(re.findall(r'#import "([^"]+)"', source)) <= {
            f"{one}.typ" for one in ("parts", "classic", "modern", "badges", "own")
        }


def test_the_digest_changes_with_each_value():
    one = artwork()
    digests = {digest_of(one)} | {
        digest_of(one._replace(**{name: f"{getattr(one, name)}x"})) for name in one._fields
    }
    assert len(digests) == len(one._fields) + 1
