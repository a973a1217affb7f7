"""Writes inputs for make parity: what comes in is a seed, what goes out is DIR/docs.jsonl, DIR/folder/
and DIR/expect.json (how many inputs there are, and the texts that must come out as they went in)."""

import argparse
import json
import pathlib
import random

WORDS = """the of and to in is that for it as with was on be by at this from are have which or had not but what all
were when we there can an your said her one river valley stone bridge market farmer winter harvest barley wheat
miller wheel water channel garden window letter teacher pupil morning evening journey harbour vessel captain
island mountain forest meadow village council history record paper printer engine carriage railway station
platform ticket traveller language grammar sentence chapter library reader question answer measure number figure
weather storm cloud sunlight summer autumn spring kitchen bread butter cheese table chair carpenter workshop hammer
needle thread cloth tailor merchant silver copper iron hollow narrow broad gentle sudden patient honest quiet
curious familiar distant ancient modern simple careful useful common public private early late""".split()

# What a reader gets wrong first: long and short forms, right-to-left, a NUL, line ends, quotes.
ODD = ["naïve café – œuvre", "Ελληνικά", "日本語の文章", "עברית", "👩‍🌾🌾", "e\u0301", "a\u0000b", 'a "quoted\\" word',
       "tab\tinside", "\u2028", "x" * 20000]


def prose(rng, paragraphs=4):
    out = []
    for _ in range(paragraphs):
        sentences = []
        for _ in range(rng.randint(4, 7)):
            words = [rng.choice(WORDS) for _ in range(rng.randint(9, 17))]
            sentences.append(" ".join(words).capitalize() + ".")
        out.append(" ".join(sentences))
    return "\n\n".join(out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("dir", type=pathlib.Path)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    folder = a.dir / "folder"
    folder.mkdir(parents=True)
    texts, inputs = {}, 0
    with open(a.dir / "docs.jsonl", "w", encoding="utf-8", newline="\n") as f:
        for i in range(300):
            text = prose(rng)
            row = {"id": f"plain-{i}", "text": text}
            if i % 3 == 0:
                row["url"] = f"https://example.org/{i}"
            if i % 5 == 0:
                row["note"] = {"n": i, "tags": ["α", None, 0.5]}
            texts[row["id"]] = text
            f.write(json.dumps(row, ensure_ascii=i % 2 == 0) + "\n")
        for i, odd in enumerate(ODD):
            f.write(json.dumps({"id": f"odd-{i}", "text": odd + "\n" + prose(rng) + "\n" + odd}) + "\n")
        f.write(json.dumps({"id": "again", "text": texts["plain-7"]}) + "\n")
        f.write(json.dumps({"id": "short", "text": "too short"}) + "\n")
        f.write('{"id": "broken", "text": "no end\n')
        inputs += 300 + len(ODD) + 3
    for i in range(20):
        (folder / f"{i:02}.txt").write_text(prose(rng) + "\n", encoding="utf-8")
    for i in range(10):
        paragraphs = "".join(f"<p>{p}</p>\n" for p in prose(rng).split("\n\n"))
        (folder / f"{i:02}.html").write_text(
            f"<!doctype html><meta charset=utf-8><title>Page {i}</title>\n<main><h1>Page {i}</h1>\n{paragraphs}</main>\n",
            encoding="utf-8")
    inputs += 30
    with open(a.dir / "expect.json", "w", encoding="utf-8") as f:
        json.dump({"inputs": inputs, "texts": texts}, f)


main()
