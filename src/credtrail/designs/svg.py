"""Drawings that come from outside (SVG) are drawn once, and only the picture is kept. Called by `uploads`.

No script, no link, no entity outlives that. It happens in a process of its own (this module run as a program) with
bounded time and memory, since a few lines of SVG can ask for any amount of both; the typesetter that draws it opens
no address and no file, having been given a folder with nothing in it but its own page.
"""

import subprocess
import sys

from credtrail.designs.render import draw_drawing

LARGEST_BYTES = 1_000_000
_SECONDS = 10
_PROCESSOR_SECONDS = 5
_MEMORY_BYTES = 2_000_000_000


def read_svg(raw: bytes) -> bytes:
    """The drawing as PNG, 1,600 pixels on its longer side.

    Raises ValueError with a sentence for what can't be read, has more than 1 MB, defines entities, names pictures or
    files elsewhere, or takes longer than some seconds to draw.
    """
    if len(raw) > LARGEST_BYTES:
        raise ValueError("The picture must not be larger than 1 MB as SVG.")
    if b"<!ENTITY" in raw:
        raise ValueError("The picture must not define entities.")
    command = [sys.executable, "-m", "credtrail.designs.svg"]
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own program
    except subprocess.TimeoutExpired:
        raise ValueError("The picture must be simple enough to be drawn within some seconds.") from None
    if done.returncode != 0:
        raise ValueError("The picture must be an SVG file that can be drawn, without links to other files.")
    return done.stdout


def main() -> None:
    """Draw what comes in, within the bounds."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(draw_drawing(sys.stdin.buffer.read().decode()))


if __name__ == "__main__":
    main()
