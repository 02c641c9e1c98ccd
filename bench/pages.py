"""How fast a credential's page is made, beside the same server's plainest page. Called by `bench.py`."""

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from load import Load, serving, wrk_get
from servers import Server, World

CONNECTIONS = 16


@dataclass
class Pages:
    """Loads of the credential's page on one connection and on many, and of the front page, which asks no database."""

    alone: Load
    many: Load
    static: Load


def measure_pages(world: World, folder: Path, kind: str, seconds: int) -> Pages:
    """On a server of its own, warm."""
    with serving(world, folder, kind) as server:
        path = f"/credentials/{find_public_id(server, world)}"
        for warmed in (path, "/"):
            wrk_get(server, warmed, CONNECTIONS, 1)
        return Pages(
            wrk_get(server, path, 1, seconds),
            wrk_get(server, path, CONNECTIONS, seconds),
            wrk_get(server, "/", CONNECTIONS, seconds),
        )


def find_public_id(server: Server, world: World) -> str:
    """Of one of the world's credentials, by the API."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/credentials/{world.credential_ids[0]}",
        headers={"Authorization": f"Bearer {world.token}", "Certifier-Version": "2022-10-26"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["publicId"])
