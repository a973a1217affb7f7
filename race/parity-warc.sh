#!/usr/bin/env bash
# WARC files read by others: warcio and FastWARC take what millrace writes, millrace takes what they write,
# sound or damaged, and `millrace warc verify` finds damage that they do not. The last line is JSON.
#
#   race/parity-warc.sh         crawls 3,500 pages of a test website, some of them again: more than 10,000 records
#   race/parity-warc.sh DIR     takes the archive of the corpus DIR instead
#
# SEED=N makes another website.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=$(race/venv.sh race/warc-requirements.txt)/bin/python
work=$(mktemp -d)
site=
trap '[[ -z $site ]] || kill "$site" 2>/dev/null || true; rm -rf "$work"' EXIT
go build -o "$work/millrace" ./cmd/millrace
corpus=${1:-${INPUT:-}}
if [[ -z $corpus ]]; then
  corpus=$work/corpus
  go build -o "$work/race" ./internal/sim/race
  mkfifo "$work/hold"
  "$work/race" serve -site 50x70 -seed "${SEED:-1}" -log "$work/access.log" >"$work/port" <"$work/hold" &
  site=$!
  exec 3>"$work/hold" # the site ends when nobody holds its standard input
  until [[ -s $work/port ]]; do kill -0 "$site"; sleep 0.1; done
  fetch=("$work/race" fetch -site 50x70 -seed "${SEED:-1}" -port "$(cat "$work/port")" -dir "$corpus")
  "${fetch[@]}" >&2
  "${fetch[@]}" -again 5s >&2 # for revisits
  exec 3>&-
fi
"$python" race/parity_warc.py --millrace "$work/millrace" --work "$work/files" "$corpus"
