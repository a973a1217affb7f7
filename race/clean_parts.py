"""The best parts, glued together as somebody would who knows them: clean_parts.py IN OUT DOLMA.

FastWARC reads, resiliparse finds encoding, main text and language, ftfy mends, dolma's taggers gopher and c4 measure, datatrove's
formatter masks what is kept. Each WARC file of the folder IN has a process of its own, two at once. DOLMA is the folder of a
Python environment that has dolma.
"""

import glob
import json
import multiprocessing
import pathlib
import sys


def tree_of(body, charset):
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    if charset:
        try:
            return HTMLTree.parse_from_bytes(body, charset)
        except LookupError:
            pass  # no encoding that Python knows
    return HTMLTree.parse_from_bytes(body, detect_encoding(body, from_html_meta=True))


def unfit(text, tag_c4):
    """Why a text is dropped, by dolma's tags and the limits of its configurations; "" where it is kept."""
    import dolma_tags

    reason = dolma_tags.reason(text)
    if reason:
        return reason
    for name in tag_c4(text):
        if name in ("has_curly_brace", "has_lorem_ipsum"):
            return name
    return ""


def clean(job):
    source, target, dolma = job
    sys.path += glob.glob(dolma + "/lib/python3*/site-packages")  # the last place to look: of dolma's, only its own
    import dolma_tags
    import ftfy
    from datatrove.pipeline.formatters import PIIFormatter
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.lang import detect_fast

    config = ftfy.TextFixerConfig(unescape_html=False, fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False, fix_line_breaks=False, normalization=None)
    mask = PIIFormatter()
    tag_c4 = dolma_tags.c4_tags()
    with open(source, "rb") as f, open(target, "w", encoding="utf-8", errors="replace") as out:
        for record in ArchiveIterator(f, record_types=WarcRecordType.response):
            body = record.reader.read()
            text = extract_plain_text(tree_of(body, record.http_charset), main_content=True, alt_texts=False)
            text = "\n".join(line for line in text.split("\n") if line.strip())  # to dolma, empty lines are equal lines
            text = ftfy.fix_text(text, config)
            lang, score = detect_fast(text)
            if unfit(text, tag_c4):
                continue
            row = {"id": record.record_id, "url": record.headers["WARC-Target-URI"], "text": mask.format(text), "lang": lang, "lang_score": score}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def main():
    source, target, dolma = sys.argv[1:]
    pathlib.Path(target).mkdir(parents=True)
    jobs = [(str(p), f"{target}/{p.name}.jsonl", dolma) for p in sorted(pathlib.Path(source).iterdir())]
    with multiprocessing.Pool(2) as pool:
        pool.map(clean, jobs, chunksize=1)


if __name__ == "__main__":
    main()
