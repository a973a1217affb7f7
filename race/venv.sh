#!/usr/bin/env bash
# Makes a Python environment for a requirements file, once, in a cache folder named by the file's hash, and
# prints where it is: race/venv.sh FILE. A line "# pip: FLAGS" in it is for pip.
set -euo pipefail

venv=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/venv-$(sha256sum "$1" | cut -c1-12)
if [[ ! -e $venv/complete ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  read -ra flags < <(sed -n 's/^# pip: //p' "$1") || true
  "$venv/bin/pip" install -q "${flags[@]}" -r "$1" >&2
  touch "$venv/complete"
fi
echo "$venv"
