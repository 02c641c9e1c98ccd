"""What each page passes: templates with autoescape, security headers, static files under names with a digest.

The only file that knows the template library. Called by the faces that show pages (`views.py`) and by `app`.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from mimetypes import guess_type
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from rjsmin import jsmin
from starlette.requests import Request
from starlette.responses import Response

from credtrail.values import Moment
from credtrail.web.language import find_language, language_links, language_of

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


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    frames: bool = False,
    form_target: str = "",
    **values: Any,
) -> Response:
    """A page from a template named by its path in the package, e.g. `pages/credential.html`, in the visitor's language.

    The template gets `_` and `ngettext`, `language`, `direction`, `languages` (links to the others), `static(path)`,
    `bdi(text)` and the filters `day`, `moment`, `machine_moment` and `number`. No inline script or style, no cookie,
    no third party, no referrer to other sites; no frame, unless `frames` lets any site show it in one. Its forms lead
    to this site; what they are answered with may lead on to `form_target`, an origin or a scheme.
    """
    text = write(request, template, **values)
    return respond(request, text, status=status, frames=frames, form_target=form_target)


def write(request: Request, template: str, **values: Any) -> str:
    """The text of such a page."""
    return (
        _environment(language_of(request).code)
        .get_template(template)
        .render(languages=lambda: language_links(request), **values)
    )


def write_in(code: str, template: str, **values: Any) -> str:
    """The text of a template in one of our languages, for whoever has no request: mails."""
    return _environment(code).get_template(template).render(**values)


def respond(
    request: Request, text: str, *, status: int = 200, frames: bool = False, form_target: str = ""
) -> Response:
    """A page from its text."""
    headers = page_headers(frames=frames, form_target=form_target)
    headers |= {"content-language": language_of(request).code, "vary": "accept-language"}
    return Response(text, status, media_type="text/html; charset=utf-8", headers=headers)


def page_headers(*, frames: bool = False, form_target: str = "") -> dict[str, str]:
    """The headers of every page: same origin only, and nothing remembered on the way."""
    policy = _POLICY | {"frame-ancestors": "*"} if frames else _POLICY
    if form_target:
        policy = policy | {"form-action": f"'self' {form_target}"}
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        # Not no-referrer: under it some browsers send Origin: null even to their own site.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "cache-control": "no-store",
    }


def bdi(text: str) -> Markup:
    """A name from outside, kept apart from the direction of the text around it."""
    return Markup('<bdi dir="auto">{}</bdi>').format(text)


def _machine_moment(at: Moment) -> str:
    return f"{datetime.fromtimestamp(at // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _capitalize_first(text: str) -> str:
    return text[:1].upper() + text[1:]


@lru_cache
def _environment(code: str) -> Environment:
    """The templates in one language."""
    language = find_language(code)
    environment = Environment(
        loader=PackageLoader("credtrail", ""),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(language.words, newstyle=True)  # type: ignore[attr-defined] # the extension's
    environment.globals |= {
        "language": code,
        "own_name": language.own_name,
        "direction": language.direction,
        "static": static_url,
        "bdi": bdi,
    }
    environment.filters |= {
        "day": language.day,
        "moment": language.moment,
        "number": language.number,
        "machine_moment": _machine_moment,
        "capitalize_first": _capitalize_first,
    }
    return environment


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
    """The file; a script of ours without its comments and spaces."""
    content = files("credtrail").joinpath(path).read_bytes()
    if path.endswith(".js") and "/vendor/" not in path:
        return str(jsmin(content.decode())).encode()
    return content
