"""What each page passes: templates with autoescape, security headers, static files under names with a digest.

The only file that knows the template library. Called by the faces that show pages (`views.py`) and by `app`.
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from mimetypes import guess_type
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response

from credtrail.values import Moment

_IMMUTABLE = "public, max-age=31536000, immutable"
_SERVED = (".js", ".css", ".svg", ".png", ".woff2")

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def render(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page from a template named by its path in the package, e.g. `pages/credential.html`.

    The template gets `static(path)` and the filters `day` and `moment`. No inline script or style, no cookie,
    no third party, no referrer to other sites, no frame.
    """
    text = _ENVIRONMENT.get_template(template).render(static=static_url, **values)
    return Response(text, status, media_type="text/html; charset=utf-8", headers=page_headers())


def page_headers() -> dict[str, str]:
    """The headers of every page: same origin only, and nothing remembered on the way."""
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
        # Not no-referrer: under it some browsers send Origin: null even to their own site.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "cache-control": "no-store",
    }


def write_day(iso_date: str) -> str:
    """A calendar day for people: `2024-03-12` → `12 March 2024`."""
    day = date.fromisoformat(iso_date)
    return f"{day.day} {day:%B} {day.year}"


def write_moment(at: Moment) -> str:
    """A moment for people, to the second, in UTC: `12 March 2024 at 17:33:05 UTC`."""
    moment = datetime.fromtimestamp(at // 1_000, UTC)
    return f"{write_day(moment.date().isoformat())} at {moment:%H:%M:%S} UTC"


def _machine_moment(at: Moment) -> str:
    return f"{datetime.fromtimestamp(at // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("credtrail", ""),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"day": write_day, "moment": write_moment, "machine_moment": _machine_moment}


@lru_cache
def static_url(path: str) -> str:
    """The address of a file of the package, which changes when the file does: `pages/tracker.js` → `/static/….js`."""
    digest = sha256(_read(path)).hexdigest()[:16]
    return f"/static/{digest}/{path}"


async def serve_static(request: Request) -> Response:
    """A file of the package by the address that `static_url` gave; any other address is a 404."""
    path = request.path_params["path"]
    if not path.endswith(_SERVED) or ".." in path or "\x00" in path:
        return Response("", 404)
    try:
        expected = static_url(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return Response("", 404)
    if request.url.path != expected:
        return Response("", 404)
    media_type = guess_type(path)[0] or "application/octet-stream"
    return Response(
        _read(path),
        media_type=media_type,
        headers={"cache-control": _IMMUTABLE, "x-content-type-options": "nosniff"},
    )


@lru_cache(maxsize=64)
def _read(path: str) -> bytes:
    return files("credtrail").joinpath(path).read_bytes()
