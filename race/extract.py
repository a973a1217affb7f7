"""A lap of one of the others for make race-extract: extract.py EXTRACTOR FOLDER OUT SECONDS.

Reads the pages of FOLDER until SECONDS of CPU are used, writes the texts to OUT as JSON, prints the speed. The clock
begins at bytes in memory.
"""

import json
import logging
import pathlib
import sys
import time


def trafilatura(**options):
    from trafilatura import extract

    logging.disable(logging.CRITICAL)
    return lambda page: extract(page, **options) or ""


def resiliparse():
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    def extract(page):
        tree = HTMLTree.parse_from_bytes(page, detect_encoding(page))
        return extract_plain_text(tree, main_content=True, alt_texts=False)

    return extract


EXTRACTORS = {
    "trafilatura": lambda: trafilatura(include_comments=False),
    "trafilatura-fast": lambda: trafilatura(fast=True, include_comments=False),
    "resiliparse": resiliparse,
}


def main():
    name, folder, out, seconds = sys.argv[1:]
    extract = EXTRACTORS[name]()
    pages = [(p.stem, p.read_bytes()) for p in sorted(pathlib.Path(folder).glob("*.html"))]
    extract(pages[0][1])  # what is loaded on first use is not its speed
    texts, rounds, used = {}, 0, 0.0
    began = time.process_time()
    while rounds == 0 or used < float(seconds):
        for stem, page in pages:
            text = extract(page)
            if rounds == 0:
                texts[stem] = text
        rounds += 1
        used = time.process_time() - began
    pathlib.Path(out).write_text(json.dumps(texts), encoding="utf-8")
    size = sum(len(page) for _, page in pages)
    print(json.dumps({"pages_per_second": rounds * len(pages) / used, "mb_per_second": rounds * size / used / 1e6}))


main()
