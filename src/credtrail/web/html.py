"""What each page passes: templates with autoescape, security headers, static files under names with a digest.

The only file that knows the template library. Called by the faces that show pages (`views.py`) and by `app`.
"""

import secrets
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from mimetypes import guess_type
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response

_IMMUTABLE = "public, max-age=31536000, immutable"

_ENVIRONMENT = Environment(
    loader=PackageLoader("credtrail", ""),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page from a template named by its path in the package, e.g. `pages/credential.html`.

    The template gets `nonce` and `static(path)`. No cookie, no third party, no referrer, no frame.
    """
    nonce = secrets.token_urlsafe(16)
    text = _ENVIRONMENT.get_template(template).render(nonce=nonce, static=static_url, **values)
    return Response(text, status, media_type="text/html; charset=utf-8", headers=page_headers())


def page_headers() -> dict[str, str]:
    """The headers of every page: same origin only, and nothing remembered on the way."""
    return {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "cache-control": "no-store",
    }


@lru_cache
def static_url(path: str) -> str:
    """The address of a file of the package, which changes when the file does: `pages/tracker.js` → `/static/….js`."""
    digest = sha256(_read(path)).hexdigest()[:16]
    return f"/static/{digest}/{path}"


async def serve_static(request: Request) -> Response:
    """A file of the package by the address that `static_url` gave; any other address is a 404."""
    path = request.path_params["path"]
    if not path.endswith((".js", ".css", ".svg", ".png", ".woff2")) or ".." in path:
        return Response("", 404)
    try:
        expected = static_url(path)
    except FileNotFoundError:
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
