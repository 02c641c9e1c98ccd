"""How fast documents are drawn and served. `python bench/documents.py`; called by `bench.py` too.

Drawing is measured in one process with one thread, each time with another recipient's name, so that nothing but the
typesetter's own memory is warm. Serving is measured from outside with wrk: a document that was drawn before, beside
a file of the program's own of about its size.
"""

import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from load import find_wrk
from rich.console import Console
from rich.table import Table
from servers import Server, World, make_world

from credtrail.credentials.store import find_public, list_credentials
from credtrail.database import Transaction
from credtrail.database.open import write_once
from credtrail.designs.artwork import sample_of
from credtrail.designs.model import BUILT_IN, Design
from credtrail.designs.render import Format, Materials, draw
from credtrail.pages.documents import documents_of
from credtrail.pages.qr import draw_qr
from credtrail.web.html import static_url

WARM_MS = 50
FORMATS: tuple[Format, ...] = ("pdf", "png", "jpg")
_WARM_UP = 3
_STATIC = {"static, small": "web/look.css", "static, large": "web/vendor/swagger-ui/swagger-ui.css"}


@dataclass
class Served:
    """Requests a second, and bytes, of cached documents (pdf, png, jpg) and of static files (small, large)."""

    rates: dict[str, float]
    sizes: dict[str, int]

    def ratio(self, name: str) -> float:
        """To the static file that is nearer in size."""
        static = min(_STATIC, key=lambda one: abs(self.sizes[one] - self.sizes[name]))
        return self.rates[name] / self.rates[static]


def measure_drawing(runs: int) -> dict[tuple[str, str], float]:
    """Milliseconds to draw, warm: the median over `runs` names, by (design, format)."""
    return {
        (design.slug, format): _draw_ms(design, format, runs) for design in BUILT_IN for format in FORMATS
    }


def _draw_ms(design: Design, format: Format, runs: int) -> float:
    took = []
    for run in range(_WARM_UP + runs):
        artwork = sample_of(design)._replace(recipient_name=f"Robin Ñandú {run}")
        materials = Materials(draw_qr(artwork.url), {})
        began = time.perf_counter()
        draw(artwork, format, materials)
        took.append((time.perf_counter() - began) * 1_000)
    return median(took[_WARM_UP:])


def measure_serving(folder: Path, seconds: int, runs: int = 3) -> Served:
    """Load on a real server with SQLite, runs taking turns; each figure the median."""
    world = make_world(f"sqlite:///{folder}/documents.db", 5)
    server = Server(world.settings, folder)
    server.start()
    try:
        paths = _find_paths(world)
        paths |= {name: static_url(path) for name, path in _STATIC.items()}
        rates: dict[str, list[float]] = {name: [] for name in paths}
        sizes: dict[str, int] = {}
        for _ in range(runs):
            for name, path in paths.items():
                rates[name].append(_get(server, path, seconds))
        for name, path in paths.items():
            sizes[name] = _size(server, path)
        return Served({name: median(found) for name, found in rates.items()}, sizes)
    finally:
        server.stop()


def _find_paths(world: World) -> dict[str, str]:
    def act(transaction: Transaction) -> dict[str, str]:
        credential = list_credentials(transaction, world.workspace_id, edge=None, newer=False, limit=1)[0]
        view = find_public(transaction, credential.public_id)
        assert view is not None
        (document,) = documents_of(view, world.settings.public_url)
        return {"pdf": document.pdf_path, "png": document.png_path, "jpg": document.preview_path}

    return write_once(world.settings, act)


def _get(server: Server, path: str, seconds: int) -> float:
    address = f"http://127.0.0.1:{server.port}{path}"
    done = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", address], capture_output=True, text=True, check=True
    )
    assert "Non-2xx" not in done.stdout, done.stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def _size(server: Server, path: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
        return len(answer.read())


def show(drawing: dict[tuple[str, str], float], served: Served, console: Console) -> None:
    """Print both as tables."""
    table = Table("design", *(f"{format}, ms" for format in FORMATS), title="Drawn, warm")
    for design in BUILT_IN:
        table.add_row(design.name, *(f"{drawing[design.slug, format]:.1f}" for format in FORMATS))
    console.print(table)
    table = Table("served", "requests/s", "of a static file", "bytes", title="Cached, 16 connections")
    for name, rate in served.rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{served.ratio(name):.2f}", f"{served.sizes[name]:,}")
    console.print(table)


def main() -> None:
    """Measure both and print them."""
    find_wrk()
    quick = "--quick" in sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="credtrail-bench-") as name:
        served = measure_serving(Path(name), 2 if quick else 5)
    show(measure_drawing(5 if quick else 20), served, Console())


if __name__ == "__main__":
    main()
