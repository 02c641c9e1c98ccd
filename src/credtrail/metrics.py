"""What an operator can watch: every Prometheus metric once. The only file that knows the metrics library.

Counted by `web`, `database` and `pages`; read at `/metrics`. Labels never hold a path with ids, a token or a name.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

REQUESTS = Counter(
    "credtrail_requests", "Requests answered, by route, method and status", ("route", "method", "status")
)
COMMIT_ITEMS = Histogram(
    "credtrail_commit_items",
    "Interactions that shared one transaction",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000),
)
COMMIT_SECONDS = Histogram(
    "credtrail_commit_seconds",
    "From taking the waiting interactions to their commit",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
FOLD_SECONDS = Histogram(
    "credtrail_fold_seconds",
    "Adding what was recorded to the sums (PostgreSQL)",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
QUEUE_DEPTH = Gauge(
    "credtrail_queue_depth", "Interactions waiting for a transaction", multiprocess_mode="livesum"
)
SET_ASIDE = Counter("credtrail_set_aside", "Page events set aside, by reason", ("reason",))
WEBHOOK_ATTEMPTS = Counter(
    "credtrail_webhook_attempts", "Attempts to deliver webhooks, by how they ended", ("outcome",)
)


def render() -> tuple[bytes, str]:
    """All metrics of all processes of this server as text, with its content type."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # several worker processes share a folder of counters
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
