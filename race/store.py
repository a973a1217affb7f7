"""Other engines read a table in an object store: store.py ENDPOINT s3://BUCKET/PREFIX DIR.

delta-rs and Polars have to see the rows of the same corpus in the folder DIR, by identifier, URL and text. The keys
stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The last line is JSON.
"""
import hashlib
import json
import os
import sys

import deltalake
import polars

COLUMNS = ["mid", "position", "url", "text"]


def digest(rows):
    """One hash over the rows, whatever their order."""
    lines = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main(endpoint, place, folder):
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    options = {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1", **keys}
    local = deltalake.DeltaTable(os.path.join(folder, "data")).to_pyarrow_table(columns=COLUMNS)
    want = digest(local.to_pylist())
    table = place + "/data"
    seen = {
        "delta-rs": digest(deltalake.DeltaTable(table, storage_options=options).to_pyarrow_table(columns=COLUMNS).to_pylist()),
        "polars": digest(polars.scan_delta(table, storage_options=options).select(COLUMNS).collect().to_dicts()),
    }
    same = {engine: rows == want for engine, rows in seen.items()}
    print(json.dumps({"rows": want[0], "same": same}))
    return 0 if want[0] > 0 and all(same.values()) else 1


sys.exit(main(*sys.argv[1:]))
