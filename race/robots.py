"""Asks Protego, the robots.txt library of Scrapy, the cases of crawl/robots/testdata/cases.yaml.

It has to differ where the table says so, and nowhere else. The last line is JSON.
"""
import json
import sys
import time

import yaml
from protego import Protego


def answer(case):
    url = case["url"] if case["url"].startswith("http") else "http://h.example" + case["url"]
    return Protego.parse(case["robots"]).can_fetch(url, case.get("agent", "millbot"))


def main():
    began = time.monotonic()
    with open(sys.argv[1], encoding="utf-8") as f:
        cases = yaml.safe_load(f)
    unexplained, agrees = [], 0
    for case in cases:
        same = answer(case) == case["allowed"]
        agrees += same
        if same == ("protego" in case):
            unexplained.append(case["name"])
            print("not as the table says:", case["name"], file=sys.stderr)
    holds = not unexplained and len(cases) >= 120
    print(json.dumps({
        "type": "bar", "name": "parity-robots", "holds": holds,
        "figures": {"cases": len(cases), "unexplained": len(unexplained)},
        "beside": {"protego": {"agrees": agrees}},
        "seconds": round(time.monotonic() - began, 3),
    }))
    sys.exit(0 if holds else 1)


main()
