"""The languages of public pages: which one a visitor gets, its words, its dates and numbers.

The only file that knows the library for it. Called by `html.py` and the faces that show pages. Words come from
the catalogues in `languages/` (gettext, one file for each language), dates and numbers from CLDR.
"""

import gettext
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from starlette.requests import Request

from credtrail.values import Moment

_LOCALES = {
    "en": "en_GB",
    "de": "de_DE",
    "fr": "fr_FR",
    "es": "es_ES",
    "pt": "pt_BR",
    "pl": "pl_PL",
    "ar": "ar",
    "zh": "zh_CN",
    "ja": "ja_JP",
}
"""The languages there are, in the order in which they are offered, and whose dates and numbers each has."""

CODES = tuple(_LOCALES)
_NOT_HANDED_ON = {"lang", "recipient", "isRecipient", "key"}


class Language:
    """One language: its words, its dates, its numbers. English is what the pages are written in."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.locale = _LOCALES[code]
        self._locale = Locale.parse(self.locale)
        self.own_name = str(Locale.parse(code).get_display_name(code)).capitalize()
        self.direction = self._locale.text_direction
        self.words = _read_catalogue(code)

    def gettext(self, text: str) -> str:
        """The text in this language, or as it is where there is no translation."""
        return self.words.gettext(text)

    def day(self, iso_date: str) -> str:
        """A calendar day for people: `2024-03-12` → `12 March 2024`."""
        return format_date(date.fromisoformat(iso_date), "long", locale=self._locale)

    def moment(self, at: Moment) -> str:
        """A moment for people, to the second, in UTC: `12 March 2024 at 17:33:05 UTC`."""
        moment = datetime.fromtimestamp(at // 1_000, UTC)
        return format_datetime(moment, "long", tzinfo=UTC, locale=self._locale)

    def number(self, number: int) -> str:
        """A number for people: `1234` → `1,234`."""
        return format_decimal(number, locale=self._locale)


class LanguageLink(NamedTuple):
    """A way to the same page in another language."""

    code: str
    own_name: str
    address: str
    is_current: bool


@lru_cache
def find_language(code: str) -> Language:
    """The language with one of our `CODES`, read at its first use."""
    return Language(code)


def language_of(request: Request) -> Language:
    """The visitor's: what the address asks for (`?lang=`), else what the browser prefers, else English."""
    asked = request.query_params.get("lang", "")
    return find_language(
        asked if asked in _LOCALES else choose_language(request.headers.get("accept-language", ""))
    )


def choose_language(accept_language: str) -> str:
    """The first of ours in the order of preference (RFC 9110, 12.5.4); a region's language is that language."""
    for tag, _ in sorted(_read_preferences(accept_language), key=lambda preference: -preference[1]):
        code = tag.split("-")[0]
        if code in _LOCALES:
            return code
    return "en"


def _read_preferences(accept_language: str) -> Iterator[tuple[str, float]]:
    for part in accept_language[:1_000].lower().split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if 0 < weight <= 1:
            yield tag.strip(), weight


def language_links(request: Request) -> list[LanguageLink]:
    """The same page in each language. The links carry the address's other parameters, but never the recipient's flag."""
    current = language_of(request).code
    kept = [(name, value) for name, value in parse_qsl(request.url.query) if name not in _NOT_HANDED_ON]
    return [
        LanguageLink(
            code, find_language(code).own_name, f"?{urlencode([*kept, ('lang', code)])}", code == current
        )
        for code in CODES
    ]


def _read_catalogue(code: str) -> gettext.NullTranslations:
    if code == "en":
        return gettext.NullTranslations()
    compiled = BytesIO()
    with files("credtrail").joinpath(f"web/languages/{code}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
