"""Runs the HTTP server. The only file that knows which one. Called by the command line."""

import os
import tempfile

import uvicorn

from credtrail.settings import Settings

GRACE_SECONDS = 30


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way, commit, and return.

    Each worker is a process of its own that reads the settings from the environment, as this one did.
    """
    with tempfile.TemporaryDirectory(prefix="credtrail-metrics-") as folder:
        if workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        uvicorn.run(
            "credtrail.app:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxy_addresses),
            forwarded_allow_ips=settings.proxy_addresses or None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
