"""The types that a program sees which uses the client: those of the answers, waiting and awaited; wrong names are errors."""

import re
import subprocess
import sys

from documents import ROOT

PROGRAM = """
from typing import reveal_type
from credtrail.client import AsyncClient, Client

def waiting(api: Client) -> None:
    reveal_type(api.credentials.get("c1"))
    reveal_type(api.credentials.list())
    reveal_type(api.credentials.delete("c1"))
    reveal_type(api.interactions.create_many([]))
    reveal_type(api.interactions.export())
    reveal_type(api.workspace().name)
    api.credentials.change("c1", expiry_dat=None)
    api.credentials.create(group_id="g1")
    api.credentials.get("c1").nme

async def awaiting(api: AsyncClient) -> None:
    reveal_type(await api.credentials.get("c1"))
    reveal_type(api.credentials.list())
    reveal_type(await api.interactions.create_many([]))
"""
SEEN = [
    "Credential",
    "Iterator[Credential]",
    "None",
    "list[InteractionResult]",
    "Iterator[bytes]",
    "str",
    'Unexpected keyword argument "expiry_dat"; did you mean "expiry_date"?',
    'Missing named argument "recipient"',
    '"Credential" has no attribute "nme"',
    "Credential",
    "AsyncIterator[Credential]",
    "list[InteractionResult]",
]


def test_a_type_checker_sees_what_comes_back(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={tmp_path}",
        "program.py",
    ]
    environment = {"MYPYPATH": str(ROOT / "src")}
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in told.stdout.splitlines() if line.startswith("program.py:")]
    seen = [
        re.sub(r'^.*?: (?:note: Revealed type is "(.*)"|error: (.*?)  \[.*)$', r"\1\2", line)
        for line in lines
    ]
    assert [re.sub(r"(credtrail\.client\.model|typing)\.", "", one) for one in seen] == SEEN, told.stdout
