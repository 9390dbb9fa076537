#!/bin/sh
# Makes .venv with Python 3.13 and exactly what requirements.lock names.
# Everything lands in this folder (.venv, .tools): nothing outside of it is changed.
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/.tools
export PIP_CACHE_DIR="${PIP_CACHE_DIR:-$tools/pip}" UV_CACHE_DIR="${UV_CACHE_DIR:-$tools/cache}" UV_PYTHON_INSTALL_DIR="$tools/python" UV_NO_CONFIG=1

say() { printf '%s\n' "$*" >&2; }

works() { # a version manager's shim may exist and still refuse to run
    (cd / && "$1" -c "import sys, venv; sys.exit($2)") >/dev/null 2>&1
}

if [ ! -x "$tools/uv/bin/uv" ]; then
    any=
    for candidate in python3.13 python3 python python3.14 python3.12 python3.11 python3.10 python3.9; do
        if works "$candidate" 'sys.version_info < (3, 8)'; then any=$candidate; break; fi
    done
    if [ -z "$any" ]; then
        say "holdfast: no Python with the venv module was found on PATH."
        say "  Install any Python 3 (Debian, Ubuntu: apt install python3-venv; macOS: brew install python@3.13)."
        exit 1
    fi
    if ! (cd / && "$any" -m venv "$tools/uv") >"$tools.log" 2>&1; then
        say "holdfast: $any could not make a virtual environment:"
        tail -n 3 "$tools.log" >&2
        say "  On Debian and Ubuntu: apt install python3-venv"
        rm -rf "$tools/uv"; rm -f "$tools.log"
        exit 1
    fi
    rm -f "$tools.log"
    "$tools/uv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv==0.13.8' || {
        rm -rf "$tools/uv"
        say "holdfast: uv could not be installed from the package index: is the network (or PIP_INDEX_URL) right?"
        exit 1
    }
fi
uv=$tools/uv/bin/uv

python=$("$uv" python find --no-project 3.13 2>/dev/null) || {
    say "Python 3.13 is not installed: fetching one for this folder only"
    "$uv" python install --no-bin 3.13 || {
        say "holdfast: Python 3.13 is needed, was not found, and could not be fetched."
        say "  Install it (Debian: apt install python3.13 python3.13-venv; macOS: brew install python@3.13; or pyenv install 3.13)."
        exit 1
    }
    python=$("$uv" python find --no-project 3.13)
}

[ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv
VIRTUAL_ENV=$PWD/.venv "$uv" pip sync --quiet --require-hashes requirements.lock
VIRTUAL_ENV=$PWD/.venv "$uv" pip install --quiet --no-deps --no-build-isolation --editable .
