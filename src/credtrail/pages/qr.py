"""QR codes of pages' addresses. The only file that knows the library that draws them. Called by `views.py`."""

from functools import lru_cache
from io import BytesIO

import segno

_QUIET_ZONE = 4
"""Modules of white around the code (ISO/IEC 18004)."""


@lru_cache(maxsize=1_024)
def draw_qr(text: str) -> bytes:
    """The code as an SVG picture, black on white whatever the page's colours, with error correction level M."""
    picture = BytesIO()
    segno.make_qr(text, error="m").save(
        picture, kind="svg", border=_QUIET_ZONE, scale=4, light="#ffffff", dark="#000000", nl=False
    )
    return picture.getvalue()
