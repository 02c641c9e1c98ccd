#!/bin/sh
# Makes .venv and installs the locked dependencies and this project into it: `sh tools/set_up.sh runtime|dev`.
# Called by the Makefile when a lock or pyproject.toml has changed. Needs Python 3.11 and the registries; takes
# uv where it is there, since it is faster, and plain pip otherwise.
set -eu
wanted=$1

say() {
    printf '%s\n' "$*" >&2
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_new_enough "$python"; then
            echo "$python"
            return
        fi
    done
    say "Credtrail needs Python 3.11 or newer, and found none; install it, or name it: make PYTHON=/path/to/python"
    exit 1
}

make_environment() {
    python=$(find_python)
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv --clear .venv
    elif command -v uv >/dev/null; then
        uv venv --quiet --clear --python "$python" .venv
    else
        say "This Python ($python) comes without its venv module; on Debian and Ubuntu: apt-get install python3-venv"
        exit 1
    fi
}

install() {
    if command -v uv >/dev/null; then
        uv pip install --quiet --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
        .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
    fi
}

is_new_enough .venv/bin/python || make_environment
say "Installing what is needed to ${2:-run} Credtrail (once; a minute or two) …"
install --require-hashes -r "requirements/$wanted.txt"
install --no-deps --editable .
touch .venv/.runtime
if [ "$wanted" = dev ]; then
    touch .venv/.dev
fi
