"""Reads one corpus with four readers that are not ours and compares every column of every row.

What comes in is a corpus folder, as `millrace run` leaves it, and the program parquetdump (parquet-go).
What goes out is one JSON line, and exit code 0 only if all readers agree with each other and with the
commit log. pyarrow, DuckDB and Polars read the files that the Delta log names: DuckDB's own delta_scan is
an extension that it would have to download, and the corpus must be readable without. delta-rs reads the
table through the log, as Spark would. Rejects are no part of the Delta table: delta-rs does not read them.
"""

import argparse
import datetime
import json
import math
import pathlib
import subprocess
import sys
import time

import deltalake
import duckdb
import polars
import pyarrow
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def replay(data):
    """The live files of the Delta table in the log's order, the rejects files, and the sum of the tallies."""
    live, rejects, total = {}, {}, {"in": 0, "kept": 0}
    for n in range(10**9):
        entry = data / "_delta_log" / f"{n:020}.json"
        if not entry.exists():
            return n, list(live.values()), list(rejects.values()), total
        for line in entry.read_text(encoding="utf-8").rstrip("\n").split("\n"):
            action = json.loads(line)
            if "add" in action:
                add = action["add"]
                live[add["path"]] = (data / add["path"], json.loads(add["stats"])["numRecords"])
            elif "remove" in action:
                live.pop(action["remove"]["path"], None)
            elif "commitInfo" in action:
                info = action["commitInfo"]
                for name in info.get("replaced_rejects") or []:
                    rejects.pop(name)
                for r in info.get("rejects") or []:
                    rejects[r["path"]] = (data.parent / "rejects" / r["path"], r["rows"])
                tally = info.get("tally") or {}
                for key in total:
                    total[key] += tally.get(key, 0)
                total["kept"] -= sum((tally.get("moved") or {}).values())  # rows of older versions of a page


def plain(v):
    """One value in a form that is the same from every reader."""
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, datetime.datetime):
        utc = v.astimezone(datetime.timezone.utc) if v.tzinfo else v.replace(tzinfo=datetime.timezone.utc)
        return (utc - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(v, float) and math.isnan(v):
        return "NaN"
    return v


def flat(row):
    """One row by leaf columns, as parquet-go sees it: edits becomes edits.kind and edits.count."""
    out = {}
    for name, v in row.items():
        if name == "edits":
            for leaf in ("kind", "count"):
                out["edits." + leaf] = None if v is None else [e[leaf] for e in v]
        else:
            out[name] = plain(v)
    return out


def rows_arrow(files):
    return [r for f in files for r in pyarrow.parquet.ParquetFile(f).read().to_pylist()]


def rows_duckdb(files):
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    out = []
    for f in files:
        con.execute("SELECT * FROM read_parquet(?)", [str(f)])
        names = [d[0] for d in con.description]
        out += [dict(zip(names, r)) for r in con.fetchall()]
    return out


def rows_polars(files):
    return [r for f in files for r in polars.read_parquet(f).to_dicts()]


def rows_deltalake(data):
    return pyarrow.table(deltalake.DeltaTable(str(data)).to_pyarrow_table()).to_pylist()


def rows_parquet_go(dump, files):
    if not files:
        return []
    p = subprocess.run([dump, *map(str, files)], capture_output=True, check=True)
    return [json.loads(line) for line in p.stdout.splitlines()]


def where(row):
    """The order of the corpus: the Position, topic/partition/offset."""
    topic, partition, offset = row["position"].rsplit("/", 2)
    return topic, int(partition), int(offset)


def compare(name, want, got, problems):
    """Says how got differs from want: at most three rows, with the columns."""
    if len(want) != len(got):
        problems.append(f"{name}: {len(got)} rows, pyarrow {len(want)}")
        return
    wrong = 0
    for w, g in zip(want, got):
        if w == g:
            continue
        wrong += 1
        if wrong <= 3:
            columns = [c for c in sorted(w.keys() | g.keys()) if w.get(c, "absent") != g.get(c, "absent")]
            c = columns[0]
            problems.append(f"{name}: row {w['position']}: columns {columns}: {str(g.get(c))[:80]!r}, pyarrow {str(w.get(c))[:80]!r}")
    if wrong > 3:
        problems.append(f"{name}: {wrong} rows differ")


def read_all(dump, data, kept, rejects, problems):
    """Every reader's rows of both tables, in the order of the corpus. A reader that fails is a problem."""
    readers = {
        "pyarrow": rows_arrow,
        "duckdb": rows_duckdb,
        "polars": rows_polars,
        "parquet-go": lambda files: rows_parquet_go(dump, files),
        "delta-rs": lambda files: rows_deltalake(data),
    }
    tables = {}
    for name, read in readers.items():
        tables[name] = {}
        for table, files in (("data", kept), ("rejects", rejects)):
            if table == "rejects" and name == "delta-rs":
                continue
            try:
                rows = read(files)
            except Exception as e:  # whatever a reader throws, it has not read the table
                problems.append(f"{name}, {table}: not readable: {e}")
                rows = []
            tables[name][table] = sorted(rows if rows and "edits.kind" in rows[0] else map(flat, rows), key=where)
    return tables


def check_texts(expect, rows, problems):
    """Texts that no rule changes must come out as they went in."""
    right = 0
    for r in rows:
        want = expect["texts"].get(r["id"])
        if want is None:
            continue
        if r["text"] == want:
            right += 1
        else:
            problems.append(f"row {r['id']}: the text is not the one that went in")
    if right < 0.9 * len(expect["texts"]):
        problems.append(f"{right} of {len(expect['texts'])} plain texts were kept: too few to show anything")
    return right


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--dump", required=True, help="the program internal/sim/parquetdump, built")
    ap.add_argument("--expect", type=pathlib.Path, help="expect.json of make_input.py")
    ap.add_argument("dir", type=pathlib.Path)
    a = ap.parse_args()
    began, problems, figures = time.monotonic(), [], {}
    data = a.dir / "data"
    entries, kept, rejects, total = replay(data)
    tables = read_all(a.dump, data, [f for f, _ in kept], [f for f, _ in rejects], problems)
    truth = tables["pyarrow"]
    for table, files in (("data", kept), ("rejects", rejects)):
        if len(truth[table]) != sum(n for _, n in files):
            problems.append(f"{table}: {len(truth[table])} rows, the commit log says {sum(n for _, n in files)}")
    for name, by_table in tables.items():
        for table, rows in by_table.items():
            if name != "pyarrow":
                compare(f"{name}, {table}", truth[table], rows, problems)
    rows, dropped = len(truth["data"]), len(truth["rejects"])
    if (total["in"], total["kept"]) != (rows + dropped, rows):
        problems.append(f"the tallies say in {total['in']}, kept and not moved {total['kept']}; the files hold {rows} + {dropped}")
    if not entries or not rows:
        problems.append(f"{entries} commits and {rows} rows: nothing to compare")
    if a.expect:
        expect = json.loads(a.expect.read_text(encoding="utf-8"))
        if rows + dropped != expect["inputs"]:
            problems.append(f"{expect['inputs']} inputs, {rows} + {dropped} rows")
        figures["texts"] = check_texts(expect, truth["data"], problems)
    for p in problems:
        print("parity:", p, file=sys.stderr)
    figures |= {"commits": entries, "rows": rows, "rejects": dropped, "columns": len(truth["data"][0]) if rows else 0, "problems": len(problems)}
    beside = {"pyarrow": pyarrow.__version__, "duckdb": duckdb.__version__, "polars": polars.__version__, "delta-rs": deltalake.__version__, "parquet-go": "go.mod"}
    print(json.dumps({"type": "bar", "name": "parity", "holds": not problems, "figures": figures, "beside": beside,
                      "seconds": round(time.monotonic() - began, 1)}))
    return 1 if problems else 0


sys.exit(main())
