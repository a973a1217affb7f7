"""The peers of make parity-charset, and the encoder.

charset.py encode IN OUT    samples as JSON lines get their bytes; what does not survive its encoding is left out
charset.py chardet IN       detects and decodes each, prints {"right": [...], "cpu": seconds, "version": ...}
charset.py normalizer IN    the same by charset-normalizer
"""

import base64
import json
import sys
import time


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def encode(path, out):
    with open(out, "w", encoding="utf-8") as f:
        for s in read(path):
            try:
                b = s["text"].encode(s["codec"])
                if b.decode(s["codec"]) != s["text"]:
                    continue
            except UnicodeError:
                continue
            s["bytes"] = base64.b64encode(b).decode()
            f.write(json.dumps(s, ensure_ascii=False) + "\n")


def by_chardet():
    import chardet

    def text(b):
        name = chardet.detect(b)["encoding"]
        return b.decode(name) if name else None

    return text, chardet.__version__


def by_normalizer():
    import charset_normalizer

    def text(b):
        best = charset_normalizer.from_bytes(b).best()
        return str(best) if best else None

    return text, charset_normalizer.__version__


def detect(path, peer):
    text, version = peer()
    samples = [(base64.b64decode(s["bytes"]), s["text"]) for s in read(path)]
    text(samples[0][0])  # what it loads at first is not its speed
    got = []
    began = time.process_time()
    for b, _ in samples:
        try:
            got.append(text(b))
        except (UnicodeError, LookupError):
            got.append(None)
    cpu = time.process_time() - began
    print(json.dumps({"right": [g == s[1] for g, s in zip(got, samples)], "cpu": cpu, "version": version}))


if __name__ == "__main__":
    if sys.argv[1] == "encode":
        encode(sys.argv[2], sys.argv[3])
    else:
        detect(sys.argv[2], {"chardet": by_chardet, "normalizer": by_normalizer}[sys.argv[1]])
