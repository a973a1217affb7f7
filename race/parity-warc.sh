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
trap 'rm -rf "$work"' EXIT
go build -o "$work/millrace" ./cmd/millrace
corpus=${1:-${INPUT:-}}
if [[ -z $corpus ]]; then
  corpus=$work/corpus
  go run ./internal/sim/race archive -site 50x70 -seed "${SEED:-1}" -dir "$corpus" >&2
fi
"$python" race/parity_warc.py --millrace "$work/millrace" --work "$work/files" "$corpus"
