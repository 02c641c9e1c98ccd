"""Whether a request comes from a page of this very site. Called by whatever takes something in from pages."""

from collections.abc import Mapping
from urllib.parse import urlsplit


def is_same_origin(headers: Mapping[str, str], public_url: str) -> bool:
    """By Sec-Fetch-Site where the browser tells, and by Origin; a request without Origin is none of a page."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = urlsplit(headers.get("origin", "")).netloc
    return origin != "" and origin in (headers.get("host", ""), urlsplit(public_url).netloc)
