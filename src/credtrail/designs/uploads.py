"""One way in for uploaded pictures of every kind. Called by the face, off the event loop."""

from credtrail.accounts.model import IssuerImage
from credtrail.designs.images import LARGEST_PHOTO_BYTES, read_photo
from credtrail.designs.svg import read_svg

MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp", "image/svg+xml")
LARGEST_BYTES = LARGEST_PHOTO_BYTES


def read_upload(raw: bytes) -> IssuerImage:
    """The picture, written anew. Raises ValueError with a sentence for what isn't one, or is too large."""
    is_text = raw.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
    return read_photo(read_svg(raw) if is_text else raw)
