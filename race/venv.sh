#!/usr/bin/env bash
# Makes a Python environment for a requirements file, once, in a cache folder named by the file's hash, and
# prints where it is: race/venv.sh FILE
set -euo pipefail

venv=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/venv-$(sha256sum "$1" | cut -c1-12)
if [[ ! -e $venv/complete ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q -r "$1" >&2
  touch "$venv/complete"
fi
echo "$venv"
