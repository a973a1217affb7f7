"""What dolma's tagger gopher_v1 measures, for JSON lines of id and text, and whether a document passes with the limits of dolma-v1_6.

  dolma_tags.py IN.jsonl OUT.jsonl
  dolma_tags.py race DIR OUT   the same for the files of DIR, two at a time
"""

import importlib.util
import json
import logging
import multiprocessing
import os
import sys
import types

logging.disable(logging.CRITICAL)


def tagger():
    """dolma's own module, without the packages around it, which ask for a gigabyte of others."""
    places = importlib.util.find_spec("dolma").submodule_search_locations
    for name in ["dolma", "dolma.taggers", "dolma.core"]:
        package = sys.modules[name] = types.ModuleType(name)
        package.__path__ = [place + name[len("dolma"):].replace(".", "/") for place in places]
    for name, words in {"data_types": ["DocResult", "Document", "Span"], "taggers": ["BaseTagger"], "registry": ["TaggerRegistry"]}.items():
        module = sys.modules["dolma.core." + name] = types.ModuleType("dolma.core." + name)
        for word in words:
            setattr(module, word, type(word, (), {"add": staticmethod(lambda name: lambda tagger: tagger), "__init__": note}))
    from dolma.taggers.gopher import get_attributes
    return get_attributes


def note(self, *_, **values):
    """What dolma's small classes do: they hold their values."""
    self.__dict__.update(values)


def c4_tags():
    """dolma's tagger c4_v2: a function from a text to the names of its tags."""
    from dolma.core.data_types import Document
    from dolma.taggers.c4 import FasterC4Tagger
    tagger = FasterC4Tagger()
    return lambda text: {span.type for span in tagger.predict(Document(text=text)).spans}


get_attributes = tagger()

TOP = {2: 0.20, 3: 0.18, 4: 0.16}
TWICE = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


def reason(text):
    """The first limit that the text breaks, in the order of the pack."""
    a = get_attributes(text)
    for name, value, low, high in [
        ("words", a.word_count, 50, 100000),
        ("median_word_length", a.median_word_length, 3, 10),
        ("symbol_words", a.symbol_to_word_ratio, 0, 0.1),
        ("alpha_words", a.fraction_of_words_with_alpha_character, 0.8, 1),
        ("stop_words", a.required_word_count, 2, 1 << 40),
        ("bullet_lines", a.fraction_of_lines_starting_with_bullet_point, 0, 0.9),
        ("ellipsis_lines", a.fraction_of_lines_ending_with_ellipsis, 0, 0.3),
        ("dup_lines", a.fraction_of_duplicate_lines, 0, 0.3),
        ("dup_line_chars", a.fraction_of_characters_in_duplicate_lines, 0, 0.3),
    ]:
        if value < low or value > high:
            return name
    for n, value in a.fraction_of_characters_in_most_common_ngram:
        if value > TOP[n]:
            return f"top_{n}gram"
    for n, value in a.fraction_of_characters_in_duplicate_ngrams:
        if value > TWICE[n]:
            return f"dup_{n}gram"
    return ""


def tag(source, target):
    with open(source, encoding="utf-8") as lines, open(target, "w") as out:
        for line in lines:
            d = json.loads(line)
            out.write(json.dumps({"id": d["id"], "gopher-dolma": {"reason": reason(d["text"]), "text": ""}}) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "race":
        source, target = sys.argv[2:]
        os.makedirs(target)
        with multiprocessing.Pool(2) as pool:
            pool.starmap(tag, [(os.path.join(source, name), os.path.join(target, name)) for name in sorted(os.listdir(source))], chunksize=1)
    else:
        tag(*sys.argv[1:])
