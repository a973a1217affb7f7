"""datatrove's filters over JSON lines of id and text: Gopher repetition, Gopher quality, C4 without end marks, FineWeb.

  filters.py verdicts IN.jsonl OUT.jsonl   each filter by itself and the chain: what it says of every document
  filters.py race DIR OUT                  the chain as datatrove runs it, on the files of DIR: 2 tasks, 2 workers
"""

import hashlib
import json
import multiprocessing
import sys


def chain():
    from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
    from datatrove.utils.typeshelper import Languages
    english = Languages.english
    return {
        "gopher-repetition": GopherRepetitionFilter(language=english),
        "gopher-quality": GopherQualityFilter(language=english),
        "c4": C4QualityFilter(filter_no_terminal_punct=False, language=english),
        "c4-paper": C4QualityFilter(language=english),
        "fineweb-quality": FineWebQualityFilter(language=english),
    }


IN_CHAIN = ["gopher-repetition", "gopher-quality", "c4", "fineweb-quality"]


def say(one, document):
    """What a filter says: kept, or the reason; the text may have changed."""
    try:
        answer = one.filter(document)
    except Exception as trouble:  # its own bugs are part of the comparison
        return "error " + type(trouble).__name__
    keep, reason = answer if isinstance(answer, tuple) else (answer, "")
    return "" if keep else reason or "dropped"


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


filters = None


def judge(line):
    global filters
    from datatrove.data import Document
    filters = filters or chain()
    d = json.loads(line)
    out = {"id": d["id"]}
    for name, one in filters.items():
        document = Document(text=d["text"], id=d["id"])
        reason = say(one, document)
        out[name] = {"reason": reason, "text": "" if reason else digest(document.text)}
    document = Document(text=d["text"], id=d["id"])
    for name in IN_CHAIN:
        reason = say(filters[name], document)
        if reason:
            out["chain"] = {"reason": name + " " + reason, "text": ""}
            break
    else:
        out["chain"] = {"reason": "", "text": digest(document.text)}
    return json.dumps(out)


def verdicts(source, target):
    with multiprocessing.Pool(2) as pool, open(source, encoding="utf-8") as lines, open(target, "w") as out:
        for answer in pool.imap(judge, lines, chunksize=32):
            out.write(answer + "\n")


def race(source, target):
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    steps = [JsonlReader(source)] + [chain()[name] for name in IN_CHAIN] + [JsonlWriter(target + "/kept", compression=None)]
    LocalPipelineExecutor(steps, tasks=2, workers=2, logging_dir=target + "/logs").run()


if __name__ == "__main__":
    {"verdicts": verdicts, "race": race}[sys.argv[1]](sys.argv[2], sys.argv[3])
