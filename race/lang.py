"""Names the languages of texts with somebody else's detector, for make race-lang.

lang.py lingua|py3langid|cld2 < texts.jsonl

A line of the input is a JSON string. Printed is one JSON object: labels (a code for each line), languages (the codes that the
detector knows), cpu (seconds, without loading) and load.
"""
import json
import sys
import time

SAME = {"iw": "he", "no": "nb", "in": "id", "ji": "yi", "jw": "jv", "fil": "tl", "sh": "sr", "zh-hant": "zh", "zh-hans": "zh", "mo": "ro"}


def code(c):
    c = c.lower()
    return SAME.get(c, c)


def lingua():
    from lingua import Language, LanguageDetectorBuilder
    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def detect(text):
        found = detector.detect_language_of(text)
        return found.iso_code_639_1.name if found else "und"
    return detect, [x.iso_code_639_1.name for x in Language.all()]


def py3langid():
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
    identifier = LanguageIdentifier.from_modelpath(MODEL_DIR / MODEL_FILE)
    return lambda text: identifier.classify(text)[0], list(identifier.labels)


def cld2():
    import pycld2

    def detect(text):
        try:
            found = pycld2.detect(text, bestEffort=True)[2][0][1]
        except pycld2.error:
            return "und"
        return "und" if found == "un" else found
    return detect, [c for _, c in pycld2.LANGUAGES if not c.startswith("xx-")]


def main():
    texts = [json.loads(line) for line in sys.stdin]
    start = time.process_time()
    detect, known = {"lingua": lingua, "py3langid": py3langid, "cld2": cld2}[sys.argv[1]]()
    detect("The first call may load something.")
    load = time.process_time() - start
    start = time.process_time()
    labels = [code(detect(t)) for t in texts]
    cpu = time.process_time() - start
    print(json.dumps({"labels": labels, "languages": sorted({code(c) for c in known}), "cpu": cpu, "load": load}))


main()
