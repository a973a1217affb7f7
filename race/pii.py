"""datatrove's PII formatter over JSONL, for make race-pii: pii.py IN OUT.

What comes in is a file with a field text in each line; with OUT, the same lines with what the formatter made of the text
go out. Only the formatter is timed, in CPU seconds. The last line is JSON.
"""
import json
import sys
import time

from datatrove.pipeline.formatters.pii import PIIFormatter


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        docs = [json.loads(line) for line in f]
    formatter = PIIFormatter()
    began = time.process_time()
    texts = [formatter.format(d["text"]) for d in docs]
    used = time.process_time() - began
    if sys.argv[2]:
        with open(sys.argv[2], "w", encoding="utf-8") as f:
            for d, text in zip(docs, texts):
                f.write(json.dumps({"id": d["id"], "text": text}) + "\n")
    size = sum(len(d["text"].encode()) for d in docs)
    print(json.dumps({"docs": len(docs), "mb": size / 1e6, "cpu_s": used}))


main()
