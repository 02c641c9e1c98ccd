#!/bin/sh
# Writes requirements/runtime.txt and requirements/dev.txt anew from pyproject.toml: `make lock`.
# Both are for every platform and every Python that pyproject.toml allows, and name a digest of each file.
set -eu

lock() {
    .venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --output-file "$@" pyproject.toml
}

lock requirements/runtime.txt
lock requirements/dev.txt --group dev --constraints requirements/runtime.txt
