"""Pictures that come from outside are read here and written anew. The only file that knows the picture library, Pillow.

Called by whoever takes an issuer's logo or signature, by `uploads`, and by `render` for previews.
"""

import warnings
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageOps

from credtrail.accounts.model import IssuerImage

LARGEST_BYTES = 1_000_000
LARGEST_PHOTO_BYTES = 8_000_000
LARGEST_SIDE = 4_096
_KEPT_SIDE = 1_200
"""Pixels that are kept of a logo's longer side: more than any document shows."""
_KEPT_SIDES = (2_400, 1_700, 1_200, 850, 600)
"""The same of any other picture: the first that keeps it under the bytes below."""
_KEPT_BYTES = 2_000_000

_FORMATS = ("PNG", "JPEG", "WEBP")
_TRANSPARENT = ("RGBA", "LA", "PA")


class Shape(NamedTuple):
    """What a picture of ours is: its media type, and its size in pixels."""

    media_type: str
    width: int
    height: int


def read_image(raw: bytes) -> IssuerImage:
    """An uploaded PNG, JPEG or WebP as a PNG of our own: turned upright, without metadata, not larger than needed.

    Raises ValueError with a sentence for anything else, for more than 1 MB, and for more than 4,096 pixels a side;
    the size is looked at before a pixel is unpacked.
    """
    if len(raw) > LARGEST_BYTES:
        raise ValueError("The picture must not be larger than 1 MB.")
    return _as_image("image/png", _read(raw, lambda picture: _write_png(_clean(picture, _KEPT_SIDE))))


def read_photo(raw: bytes) -> IssuerImage:
    """The same for pictures of any use: up to 8 MB, at most 2,400 pixels a side and 2 MB of it kept.

    What came as JPEG or WebP and has no transparency stays a JPEG, anything else becomes a PNG.
    """
    if len(raw) > LARGEST_PHOTO_BYTES:
        raise ValueError("The picture must not be larger than 8 MB.")
    content = _read(raw, _write_photo)
    return _as_image(shape_of(content).media_type, content)


def shape_of(content: bytes) -> Shape:
    """What a picture that was read here is."""
    with Image.open(BytesIO(content), formats=["PNG", "JPEG"]) as picture:
        return Shape("image/png" if picture.format == "PNG" else "image/jpeg", *picture.size)


def write_jpeg(png: bytes, limit_bytes: int) -> bytes:
    """The picture as JPEG in the best quality that stays under the limit."""
    with Image.open(BytesIO(png), formats=["PNG"]) as picture:
        opaque = picture.convert("RGB")
    for quality in (88, 75, 60, 40):
        written = BytesIO()
        opaque.save(written, "JPEG", quality=quality, optimize=True, progressive=True)
        if written.tell() < limit_bytes:
            break
    return written.getvalue()


def _read(raw: bytes, write: Callable[[Image.Image], bytes]) -> bytes:
    """What `write` makes of the picture; ValueError with a sentence when there is none to be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's own guard against bombs only warns at first
            with Image.open(BytesIO(raw), formats=_FORMATS) as picture:
                if max(picture.size) > LARGEST_SIDE:
                    raise ValueError("The picture must not have more than 4,096 pixels on a side.")
                return write(picture)
    except ValueError as problem:
        if str(problem).startswith("The picture"):
            raise
        raise _unreadable() from None
    except Exception:
        # A decoder fed with broken or hostile bytes may raise almost anything.
        raise _unreadable() from None


def _as_image(media_type: str, content: bytes) -> IssuerImage:
    return IssuerImage(sha256(content).hexdigest(), media_type, content)


def _clean(picture: Image.Image, side: int) -> Image.Image:
    """Upright, at most so many pixels wide and high, and only the pixels: no profile, no text, no place of a photo."""
    upright = ImageOps.exif_transpose(picture)
    transparent = upright.mode in _TRANSPARENT or "transparency" in upright.info
    plain = upright.convert("RGBA" if transparent else "RGB")
    plain.thumbnail((side, side))
    return Image.frombytes(plain.mode, plain.size, plain.tobytes())


def _write_png(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()


def _write_photo(picture: Image.Image) -> bytes:
    lossy = picture.format != "PNG"
    for side in _KEPT_SIDES:
        clean = _clean(picture, side)
        written = BytesIO()
        if lossy and clean.mode == "RGB":
            clean.save(written, "JPEG", quality=88, optimize=True)
        else:
            clean.save(written, "PNG")
        if written.tell() <= _KEPT_BYTES:
            break
    return written.getvalue()


def _unreadable() -> ValueError:
    return ValueError("The picture must be a PNG, JPEG or WebP file that can be read.")
