"""Lets ftfy mend strings, for make parity-ftfy.

    mojibake.py fix IN OUT     a JSON string a line; prints the seconds of a processor
    mojibake.py cases OUT      ftfy's own cases, from its source distribution, which pip fetches once
"""
import json
import pathlib
import subprocess
import sys
import tarfile
import time

import ftfy

VERSION = "6.3.1"


def fix(source, target):
    with open(source, encoding="utf-8") as f:
        strings = [json.loads(line) for line in f]
    began = time.process_time()
    mended = [ftfy.fix_encoding(s) for s in strings]
    seconds = time.process_time() - began
    with open(target, "w", encoding="utf-8") as f:
        for s in mended:
            print(json.dumps(s), file=f)
    print(json.dumps({"cpu": seconds}))


def sdist():
    """The archive lies beside the packages, so that it goes when they go."""
    folder = pathlib.Path(sys.prefix) / "sdist"
    if not list(folder.glob("ftfy-*.tar.gz")):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "ftfy", "-d", folder, "ftfy==" + VERSION],
            check=True, stdout=sys.stderr)
    return next(folder.glob("ftfy-*.tar.gz"))


def cases(target):
    found = []
    with tarfile.open(sdist()) as archive:
        for member in archive:
            if member.isfile() and "/tests/" in member.name and member.name.endswith(".json"):
                found += json.load(archive.extractfile(member))
    with open(target, "w", encoding="utf-8") as f:
        for case in found:
            original = case["original"]
            print(json.dumps({
                "label": case["label"],
                "original": original,
                "expected": case.get("fixed-encoding", case["fixed"]),
                "got": ftfy.fix_encoding(original),
                "surrogates": any(0xD800 <= ord(c) < 0xE000 for c in original),
            }), file=f)


if ftfy.__version__ != VERSION:
    sys.exit("this is ftfy " + ftfy.__version__)
{"fix": fix, "cases": cases}[sys.argv[1]](*sys.argv[2:])
