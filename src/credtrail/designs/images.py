"""Pictures that come from outside are read here and written anew. The only file that knows the picture library, Pillow.

Called by whoever takes an issuer's logo or signature, and by `render` for previews.
"""

import warnings
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageOps

from credtrail.accounts.model import IssuerImage

LARGEST_BYTES = 1_000_000
LARGEST_SIDE = 4_096
_KEPT_SIDE = 1_200
"""Pixels that are kept of a longer side: more than any document shows."""

_FORMATS = ("PNG", "JPEG", "WEBP")
_TRANSPARENT = ("RGBA", "LA", "PA")


def read_image(raw: bytes) -> IssuerImage:
    """An uploaded PNG, JPEG or WebP as a PNG of our own: turned upright, without metadata, not larger than needed.

    Raises ValueError with a sentence for anything else, for more than 1 MB, and for more than 4,096 pixels a side;
    the size is looked at before a pixel is unpacked.
    """
    if len(raw) > LARGEST_BYTES:
        raise ValueError("The picture must not be larger than 1 MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's own guard against bombs only warns at first
            with Image.open(BytesIO(raw), formats=_FORMATS) as picture:
                if max(picture.size) > LARGEST_SIDE:
                    raise ValueError("The picture must not have more than 4,096 pixels on a side.")
                content = _write_png(picture)
    except ValueError as problem:
        if str(problem).startswith("The picture"):
            raise
        raise _unreadable() from None
    except Exception:
        # A decoder fed with broken or hostile bytes may raise almost anything.
        raise _unreadable() from None
    return IssuerImage(sha256(content).hexdigest(), "image/png", content)


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


def _write_png(picture: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(picture)
    transparent = upright.mode in _TRANSPARENT or "transparency" in upright.info
    plain = upright.convert("RGBA" if transparent else "RGB")
    plain.thumbnail((_KEPT_SIDE, _KEPT_SIDE))
    # Only the pixels go on: no profile, no text, no place or date of a photograph.
    clean = Image.frombytes(plain.mode, plain.size, plain.tobytes())
    written = BytesIO()
    clean.save(written, "PNG", optimize=True)
    return written.getvalue()


def _unreadable() -> ValueError:
    return ValueError("The picture must be a PNG, JPEG or WebP file that can be read.")
