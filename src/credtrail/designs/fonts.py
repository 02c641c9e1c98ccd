"""Which letters the installation brings, and how a text is made ready for them. Called by `render`.

The only file that knows the packages that carry the fonts, and the library that reads them. No font of the
operating system is used, so that a document looks the same on every machine.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from fontTools.ttLib import TTFont

Variant = Literal["SC", "TC", "JP", "KR"]
"""Whose shapes Chinese characters take: simplified or traditional Chinese, Japanese, Korean."""

_PACKAGES = (
    "fontpkg_eb_garamond",
    "fontpkg_inter",
    "fontpkg_amiri",
    "fontpkg_frank_ruhl_libre",
    "manimgx_fonts",
    "manimgx_fonts_cjk",
)
_SCRIPTS = (
    *(
        "Arabic",
        "Armenian",
        "Bengali",
        "Devanagari",
        "Ethiopic",
        "Georgian",
        "Gujarati",
        "Gurmukhi",
        "Hebrew",
    ),
    *("Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thai"),
    "Symbols",
)
_REPLACEMENT = "\ufffd"
_JOINERS = "\u200c\u200d"
_LONGEST_WORD = 32
_ZERO_WIDTH_SPACE = "\u200b"
_VIRAMA_CLASS = 9
_BREAKS = re.compile(
    r"\s|\u200b|(?<=[-/])(?=\w)|"
    # Scripts that write no spaces: their lines are broken by dictionary, or anywhere.
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Ready(NamedTuple):
    """A text made ready to be drawn.

    `longest` is the longest part that no line may break. `tracking` is 1 where letters stand apart, so that the space
    between them may change, else 0.
    """

    text: str
    longest: str
    rtl: bool
    fonts: list[str]
    tracking: int


class WebFont(NamedTuple):
    """A font file as a browser can be given it: `weights` and `letters` as style sheets write them."""

    family: str
    file: Path
    style: Literal["normal", "italic"] = "normal"
    weights: str = "100 900"
    letters: str = "U+0-10FFFF"


_ARABIC = "U+0600-06FF, U+0750-077F, U+08A0-08FF, U+FB50-FDFF, U+FE70-FEFF"
_HEBREW = "U+0590-05FF, U+FB1D-FB4F"
_DEVANAGARI = "U+0900-097F, U+A8E0-A8FF, U+200C-200D, U+25CC"


@lru_cache(maxsize=1)
def web_fonts() -> dict[str, WebFont]:
    """The fonts that own designs name, and those of some scripts that none of them has, by names for addresses."""
    garamond, inter, noto = (
        _folder("fontpkg_eb_garamond"),
        _folder("fontpkg_inter"),
        _folder("manimgx_fonts"),
    )
    amiri, frank = _folder("fontpkg_amiri"), _folder("fontpkg_frank_ruhl_libre")
    found = {
        "eb-garamond": WebFont("EB Garamond", garamond / "EBGaramond[wght].ttf"),
        "eb-garamond-italic": WebFont("EB Garamond", garamond / "EBGaramond-Italic[wght].ttf", "italic"),
        "inter": WebFont("Inter", inter / "Inter[opsz,wght].ttf"),
        "inter-italic": WebFont("Inter", inter / "Inter-Italic[opsz,wght].ttf", "italic"),
        "amiri": WebFont("Amiri", amiri / "Amiri-Regular.ttf", weights="400"),
        "amiri-italic": WebFont("Amiri", amiri / "Amiri-Italic.ttf", "italic", "400"),
        "amiri-bold": WebFont("Amiri", amiri / "Amiri-Bold.ttf", weights="700"),
        "amiri-bold-italic": WebFont("Amiri", amiri / "Amiri-BoldItalic.ttf", "italic", "700"),
        "frank-ruhl-libre": WebFont("Frank Ruhl Libre", frank / "FrankRuhlLibre[wght].ttf"),
        "noto-sans": WebFont("Noto Sans", noto / "NotoSans[wght].ttf"),
        "noto-sans-italic": WebFont("Noto Sans", noto / "NotoSans-Italic[wght].ttf", "italic"),
    }
    for script, letters in (("Arabic", _ARABIC), ("Hebrew", _HEBREW), ("Devanagari", _DEVANAGARI)):
        file = noto / f"NotoSans{script}[wght].ttf"
        found[f"noto-sans-{script.lower()}"] = WebFont(f"Noto Sans {script}", file, letters=letters)
    return found


def font_folders() -> list[Path]:
    """Where the fonts lie; raises ModuleNotFoundError where one of the packages isn't installed."""
    return [_folder(package) for package in _PACKAGES]


def make_ready(text: str, variant: Variant) -> Ready:
    """The text without what can't be drawn, its direction, and the families to fall back on."""
    drawable = "".join(_drawable(text))
    ready = _breakable(" ".join(drawable.split()))
    return Ready(
        ready,
        max(_BREAKS.split(ready), key=len),
        is_right_to_left(text),
        [
            "Noto Sans",
            f"Noto Sans CJK {variant}",
            *(f"Noto Sans {script}" for script in _SCRIPTS),
            "Noto Emoji",
        ],
        int(all(ord(character) < 0x0530 or 0x1E00 <= ord(character) < 0x2100 for character in text)),
    )


def is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left (Unicode annex 9, rule P2)."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((direction for direction in directions if direction in ("L", "R", "AL")), "L") != "L"


def variant_of(text: str) -> Variant | None:
    """Whose shapes its Chinese characters should take, where the text itself shows it."""
    names = [unicodedata.name(character, "") for character in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return "JP"
    if any(name.startswith("HANGUL") for name in names):
        return "KR"
    ideographs = "".join(c for c, name in zip(text, names, strict=True) if name.startswith("CJK UNIFIED"))
    # Characters of the traditional standard that the simplified one doesn't have.
    if ideographs and not _encodes(ideographs, "gb2312") and _encodes(ideographs, "big5"):
        return "TC"
    return "SC" if ideographs and not _encodes(ideographs, "big5") else None


def choose_variant(texts: Iterable[str], language: str) -> Variant:
    """The first of the texts that shows it decides, then the language, then simplified Chinese."""
    shown = next((found for found in map(variant_of, texts) if found), None)
    by_language: dict[str, Variant] = {"ja": "JP", "ko": "KR"}
    return shown or by_language.get(language, "SC")


def _drawable(text: str) -> Iterator[str]:
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Zs", "Zl", "Zp"):
            yield " "
        elif character in _JOINERS:
            yield character
        elif category == "Cf" or unicodedata.name(character, "").startswith("VARIATION SELECTOR"):
            continue  # turns the direction of what follows, or asks for a shape that no font here has
        elif category in ("Co", "Cs"):
            yield _REPLACEMENT  # means something else to everybody; PDF/A forbids it
        else:
            yield character if ord(character) in _covered() else _REPLACEMENT


def _breakable(text: str) -> str:
    """The text, with places to break in words that no line can hold."""
    found, run = [], 0
    for before, character in zip(" " + text, text, strict=False):
        mark = unicodedata.category(character)[0] == "M"
        if character == " " or unicodedata.east_asian_width(character) in "WF":
            run = 0
        elif before in "-/" and character.isalnum():
            run = 1
        else:
            run += 1
        joined = mark or unicodedata.combining(before) == _VIRAMA_CLASS or before in _JOINERS
        if run > _LONGEST_WORD and not joined:
            found.append(_ZERO_WIDTH_SPACE)
            run = 1
        found.append(character)
    return "".join(found)


@lru_cache(maxsize=1)
def _covered() -> frozenset[int]:
    """Every character that one of the fonts to fall back on can draw."""
    files = [*_folder("manimgx_fonts").glob("*.ttf"), *_folder("manimgx_fonts_cjk").glob("*.ttc")]
    covered: set[int] = set()
    for file in files:
        with TTFont(file, fontNumber=0, lazy=True) as font:
            covered.update(font.getBestCmap())
    return frozenset(covered)


@lru_cache
def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The fonts of {package} are not installed")
    folder = Path(spec.origin).parent
    return folder / "files" if (folder / "files").is_dir() else folder


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
