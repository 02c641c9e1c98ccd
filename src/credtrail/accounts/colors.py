"""An issuer's brand colour, mended until text in it can be read on our pages. Pure. Called by `views.py`.

Contrast is that of WCAG 2.2 (relative luminance, 1.4.3): 4.5 to 1 for text against what is behind it.
"""

import re
from functools import lru_cache

_LIGHT_GROUND, _LIGHT_PAPER = "#f5f3ee", "#fffefb"  # as in look.css
_DARK_GROUND, _DARK_PAPER = "#11161b", "#1a2128"
_ENOUGH = 4.5
_STEPS = 50

Color = tuple[float, float, float]


@lru_cache(maxsize=1_024)
def brand_style(brand_color: str) -> str | None:
    """A style sheet that puts the brand's colour, as dark or light as it must be, in place of ours.

    `brand_color` is six hexadecimal digits; None for anything else.
    """
    if not re.fullmatch(r"[0-9a-f]{6}", brand_color):
        return None
    light = darken_for(brand_color, (_LIGHT_GROUND, _LIGHT_PAPER), toward="#000000")
    dark = darken_for(brand_color, (_DARK_GROUND, _DARK_PAPER), toward="#ffffff")
    return (
        f":root{{--accent:{light};--on-accent:{text_on(light)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark};--on-accent:{text_on(dark)}}}}}"
    )


def darken_for(color: str, grounds: tuple[str, ...], *, toward: str) -> str:
    """The colour nearest to this one, on the way to black or white, that can be read on all of these grounds."""
    start, end = _read(color), _read(toward)
    for step in range(_STEPS + 1):
        part = step / _STEPS
        mixed = _write(tuple(a + (b - a) * part for a, b in zip(start, end, strict=True)))
        if all(contrast(mixed, ground) >= _ENOUGH for ground in grounds):
            return mixed
    return toward


def text_on(color: str) -> str:
    """White or almost black, whichever stands out more on this colour."""
    return max(("#ffffff", "#0c1116"), key=lambda text: contrast(text, color))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(_read(one)), _luminance(_read(other))))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _read(color: str) -> Color:
    digits = color.removeprefix("#")
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _write(color: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(value * 255):02x}" for value in color)
