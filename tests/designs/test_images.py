"""Uploaded pictures: what is taken, what of it is kept, what is refused."""

import struct
import zlib
from hashlib import sha256
from io import BytesIO

import pytest
from PIL import Image

from credtrail.designs.images import read_image, write_jpeg
from designs.samples import a_picture


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_png_of_ours(format):
    image = read_image(a_picture(mode="RGB", format=format))
    assert image.media_type == "image/png"
    assert image.digest == sha256(image.content).hexdigest()
    with Image.open(BytesIO(image.content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (600, 200))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_read(mode):
    written = BytesIO()
    Image.new(mode, (30, 20)).save(written, "PNG")
    assert read_image(written.getvalue()).content.startswith(b"\x89PNG")


def test_transparency_stays_and_metadata_goes():
    exif = Image.Exif()
    exif[0x010F] = "Camera of somebody"
    exif[0x0112] = 6  # lies on its side
    image = read_image(a_picture(exif=exif.tobytes()))
    with Image.open(BytesIO(image.content)) as picture:
        assert picture.mode == "RGBA"
        assert picture.size == (200, 600)
        assert not picture.getexif()
    assert b"Camera" not in image.content


def test_a_large_picture_is_made_smaller():
    with Image.open(BytesIO(read_image(a_picture(3000, 1000)).content)) as picture:
        assert picture.size == (1200, 400)


def _png_that_claims(width, height):
    """A small file that says to be a picture of this size."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "can be read"),
        (b"hello", "can be read"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "can be read"),
        (a_picture()[:400], "can be read"),
        (a_picture(mode="RGB", format="JPEG")[:900], "can be read"),
        (a_picture(mode="RGB", format="GIF"), "can be read"),
        (a_picture(mode="RGB", format="TIFF"), "can be read"),
        (_png_that_claims(2_000, 2_000), "can be read"),
        (_png_that_claims(4_097, 10), "4,096 pixels"),
        (_png_that_claims(60_000, 60_000), "can be read"),
        (a_picture() + b"\0" * 1_000_000, "1 MB"),
    ],
    ids=["empty", "text", "svg", "cut-png", "cut-jpeg", "gif", "tiff", "short", "wide", "bomb", "bytes"],
)
def test_refused_with_a_sentence(raw, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        read_image(raw)
    assert str(refusal.value).startswith("The picture must")


def test_a_preview_stays_under_its_limit():
    noise = Image.effect_noise((1200, 630), 120).convert("RGB")
    written = BytesIO()
    noise.save(written, "PNG")
    assert len(write_jpeg(written.getvalue(), 300_000)) < 300_000
