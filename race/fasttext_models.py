"""Trains small fastText models and says what they answer, for make parity-fasttext.

fasttext_models.py TRAIN TEST DIR

TRAIN has a labelled text a line, TEST a text a line. DIR gets NAME.bin or NAME.ftz and NAME.json for each model: for
each line of TEST the three likeliest labels with their probabilities.
"""
import json
import os
import sys

import fasttext

fasttext.FastText.eprint = lambda *_: None  # a warning for each model

train, test, out = sys.argv[1:4]
lines = open(test, encoding="utf-8").read().split("\n")[:-1]
common = dict(input=train, dim=16, epoch=5, thread=1, verbose=0, minCount=1)
trained = {
    "softmax": dict(loss="softmax", minn=2, maxn=4, bucket=20000),
    "tree": dict(loss="hs", minn=2, maxn=4, bucket=20000),
    "words": dict(loss="softmax", minn=0, maxn=0, wordNgrams=3, bucket=5000),
    "each": dict(loss="ova", minn=3, maxn=6, wordNgrams=2, bucket=5000),
}


def answer(model, name):
    found = []
    for line in lines:
        labels, p = model.predict(line, k=3)
        found.append([[label, float(x)] for label, x in zip(labels, p)])
    with open(os.path.join(out, name + ".json"), "w") as f:
        json.dump(found, f)


for name, settings in trained.items():
    model = fasttext.train_supervised(**common, **settings)
    model.save_model(os.path.join(out, name + ".bin"))
    answer(fasttext.load_model(os.path.join(out, name + ".bin")), name)
    # Quantised models answer otherwise than the plain ones they are made of, so they are asked for themselves.
    kinds = {"q": {}}
    if name == "softmax":
        kinds = {"q": {}, "qcut": dict(cutoff=3000, qnorm=True), "qout": dict(qnorm=True, qout=True, dsub=5)}
    for kind, how in kinds.items():
        model = fasttext.load_model(os.path.join(out, name + ".bin"))
        model.quantize(input=train, **how)
        file = os.path.join(out, name + "-" + kind + ".ftz")
        model.save_model(file)
        answer(fasttext.load_model(file), name + "-" + kind)
