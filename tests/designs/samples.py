"""Sample credentials to draw, and how two pictures are compared."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageStat

from credtrail.designs.artwork import Artwork
from credtrail.designs.images import read_image
from credtrail.designs.model import BUILT_IN
from credtrail.designs.render import Materials, draw
from credtrail.pages.qr import draw_qr

PICTURES = Path(__file__).parent / "pictures"

NAMES = {
    "latin": "Zoë Đặng-Żółkiewska İğdır Þórðardóttir",
    "cyrillic": "Олександра Ґалаґан-Їжакевич",
    "greek": "Ἑλένη Παπαδοπούλου",
    "arabic": "محمد عبد الله القحطاني",
    "hebrew": "רִבְקָה בן־דוד",
    "devanagari": "श्री कृष्ण क्षत्रिय द्विवेदी",
    "thai": "น้ำผึ้ง ก๋วยเตี๋ยว",
    "tamil": "தமிழ்ச்செல்வி ஸ்ரீநிவாசன்",
    "chinese": "歐陽修 骨直",
    "simplified": "欧阳修 骨直",
    "japanese": "佐藤 さくら 骨直",
    "korean": "김민준 골직",
}


def artwork(design=0, **changes):
    """Robin's credential in one of the built-in designs."""
    sample = Artwork(
        BUILT_IN[design].id,
        title="Botany",
        recipient_name="Robin Ñandú",
        issuer_name="Open Meadow Academy",
        issue_date="2024-03-12",
        url="https://credentials.example/credentials/0f5c8a8e-4a36-4c8c-9b0d-0f60a5a2c3de",
        signatory_name="Ada Example",
        signatory_title="Registrar",
    )
    return sample._replace(**changes)


def drawn(artwork, format, images=None):
    """The document, drawn here and now."""
    return draw(artwork, format, Materials(draw_qr(artwork.url), images or {}))


def a_picture(width=600, height=200, mode="RGBA", format="PNG", **options):
    """The bytes of a simple picture: a disc and a bar."""
    picture = Image.new(mode, (width, height), 0)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((0, 0, height - 1, height - 1), fill="#c04030" if len(mode) > 1 else 90)
    pen.rectangle((height, height // 3, width - 1, height * 2 // 3), fill="#303050" if len(mode) > 1 else 30)
    written = BytesIO()
    picture.save(written, format, **options)
    return written.getvalue()


def an_image(**options):
    """An issuer's image, read as an upload is."""
    return read_image(a_picture(**options))


def from_pdf(content):
    """The only page of a PDF, as large as the PNG is."""
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    try:
        assert len(document) == 1
        return document[0].render(scale=2).to_pil().convert("RGB")
    finally:
        document.close()


def from_png(content):
    """A PNG on white."""
    with Image.open(BytesIO(content)) as picture:
        ground = Image.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture.convert("RGBA"))
        return ground.convert("RGB")


def band_of_name(picture):
    """The part of a certificate where the name stands, in gray, small enough to be kept."""
    width, height = picture.size
    band = picture.crop((width // 20, height * 25 // 100, width * 19 // 20, height * 53 // 100))
    return band.convert("L").resize((band.width // 2, band.height // 2), Image.Resampling.BOX)


def difference(one, other):
    """How much two pictures differ, 0 to 255: the mean over them, fine differences of edges smoothed away."""
    small = (one.width // 3, one.height // 3)
    smooth = [picture.resize(small, Image.Resampling.BOX) for picture in (one, other)]
    return ImageStat.Stat(ImageChops.difference(*smooth)).mean[0]


def keep_pictures():
    """Draw the kept pictures anew, after a change that is wanted; then look at each of them."""
    for script, name in NAMES.items():
        for design in (0, 1):
            band = band_of_name(from_png(drawn(artwork(design, recipient_name=name), "png")))
            path = PICTURES / f"{BUILT_IN[design].slug}-{script}.png"
            band.quantize(32).convert("L").save(path, optimize=True)


if __name__ == "__main__":
    keep_pictures()
