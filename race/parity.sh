#!/usr/bin/env bash
# The corpus read by others: pyarrow, DuckDB, Polars, delta-rs and parquet-go must see the same rows.
#
#   race/parity.sh         makes inputs, runs millrace on them, compares
#   race/parity.sh DIR     compares the corpus in DIR
#
# SEED=N makes other inputs; INPUT=PATH reads a file or folder of yours instead. The last line is JSON.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=$(race/venv.sh race/requirements.txt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/parquetdump" ./internal/sim/parquetdump
if [[ $# -gt 0 ]]; then
  "$venv/bin/python" race/parity.py --dump "$work/parquetdump" "$1"
  exit
fi

go build -o "$work/millrace" ./cmd/millrace
expect=()
if [[ -n ${INPUT:-} ]]; then
  ingest="[{in: '$(realpath "$INPUT")'}]"
else
  "$venv/bin/python" race/make_input.py --seed "${SEED:-1}" "$work/in"
  ingest="[{in: '$work/in/docs.jsonl', text_field: text, id_field: id, url_field: url}, {in: '$work/in/folder'}]"
  expect=(--expect "$work/in/expect.json")
fi
# Small shards, so that there are several files and commits.
cat >"$work/pipeline.yaml" <<YAML
dir: '$work/corpus'
ingest: $ingest
shards: {target_bytes: 100kB}
YAML
status=0
"$work/millrace" run "$work/pipeline.yaml" >&2 || status=$?
# 3 is right: the inputs hold a broken line, which is a dead letter.
[[ $status == 0 || $status == 3 ]] || { echo "parity: millrace run ended with exit $status" >&2; exit 1; }
"$work/millrace" check --dir "$work/corpus" >&2
"$venv/bin/python" race/parity.py --dump "$work/parquetdump" "${expect[@]}" "$work/corpus"
