"""Woven rings and scalloped edges, as SVG. Pure. Made once, coloured by the looks that place them. Called by `render`."""

from functools import lru_cache
from math import cos, pi, sin
from typing import NamedTuple

COLOR = "#010203"
"""What the looks replace with a colour of their own."""

_PIECES_A_WAVE = 6


class _Rosette(NamedTuple):
    """Rings of so many waves each, every one turned a little further than the one before, as on bank notes.

    All lengths are points: `outer` the radius, `depth` from crest to trough, `stroke` the width of a line.
    """

    outer: float
    depth: float
    waves: int
    rings: int
    stroke: float


_ROSETTES = {
    "classic": (_Rosette(188, 62, 14, 8, 0.4), _Rosette(120, 46, 10, 7, 0.4)),
    "modern": (_Rosette(250, 80, 14, 9, 0.5), _Rosette(150, 60, 10, 8, 0.5)),
    "seal": (_Rosette(276, 42, 30, 4, 0.9),),
    "hexagon": (_Rosette(188, 74, 6, 12, 0.7),),
}
_PREVIEW = _Rosette(560, 150, 16, 9, 0.8)


@lru_cache
def ornaments_of(look: str) -> dict[str, str]:
    """The drawings that a look places, by name; those of the preview are for all looks."""
    drawn = {f"rosette{at}": _draw_rosette(one) for at, one in enumerate(_ROSETTES.get(look, ()))}
    return {**drawn, "scallop": _draw_scallop(), "preview": _draw_rosette(_PREVIEW)}


def _draw_rosette(rosette: _Rosette) -> str:
    middle, half = rosette.outer - rosette.depth / 2, rosette.depth / 2
    turns = [turn / rosette.rings * 2 * pi for turn in range(rosette.rings)]
    paths = " ".join(_wave(middle, half, rosette.waves, turn) for turn in turns)
    return _svg(rosette.outer + 2, f'fill="none" stroke="{COLOR}" stroke-width="{rosette.stroke}"', paths)


def _draw_scallop() -> str:
    return _svg(300, f'fill="{COLOR}"', _wave(291, 5, 60, 0))


def _wave(middle: float, half: float, waves: int, turn: float) -> str:
    """A closed curve around (0, 0) at the radius `middle + half * sin(waves * angle + turn)`, in Bézier pieces."""
    pieces = waves * _PIECES_A_WAVE
    step = 2 * pi / pieces

    def at(piece: int) -> tuple[float, float, float, float]:
        angle = piece * step
        radius = middle + half * sin(waves * angle + turn)
        slope = half * waves * cos(waves * angle + turn)
        x, y = radius * cos(angle), radius * sin(angle)
        # The derivative by the angle, a third of a step long: what a Bézier curve's handles are.
        return (
            x,
            y,
            (slope * cos(angle) - y) * step / 3,
            (slope * sin(angle) + x) * step / 3,
        )

    x, y, dx, dy = at(0)
    found = [f"M{x:.2f} {y:.2f}"]
    for piece in range(1, pieces + 1):
        next_x, next_y, next_dx, next_dy = at(piece)
        found.append(
            f"C{x + dx:.2f} {y + dy:.2f} {next_x - next_dx:.2f} {next_y - next_dy:.2f} {next_x:.2f} {next_y:.2f}"
        )
        x, y, dx, dy = next_x, next_y, next_dx, next_dy
    return "".join(found) + "Z"


def _svg(reach: float, style: str, path: str) -> str:
    box = f"{-reach} {-reach} {2 * reach} {2 * reach}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><path {style} d="{path}"/></svg>'
