"""Words, characters or both: what dev shows to be better is chosen."""

from random import Random
from typing import Any, Dict, List

import numpy
import pytest
import spacy
from spacy import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_model_from_config, registry

from scripts.data.predictions import predict_docs
from scripts.data.task import Task
from scripts.distillation.features import Found, choose_features, find_labels
from scripts.evaluation.__main__ import find_features
from scripts.packaging.export import export_pipeline
from tests.conftest import BOW, LABELS, make_pipeline

TASK = Task(LABELS)
AUTO: Dict[str, Any] = {**BOW, "features": "auto"}
STEMS = [a + b + c for a in "bdgkmnprst" for b in "aeiou" for c in "lmnr"]


def make_docs(nlp: Language, *, n_docs: int, seed: int, glued: bool) -> List[Doc]:
    """Texts of a word that says it, glued to another one or not; a glued one is a word that no other text has."""
    rng = Random(seed)
    docs = []
    for number in range(n_docs):
        said, gap = ("kita", "zuvo")[number % 2], "" if glued else " "
        doc = nlp.make_doc(f"{rng.choice(STEMS)}{rng.choice(STEMS)}{gap}{said} {rng.choice(STEMS)}")
        doc.cats = TASK.make_cats(LABELS[number % 2])
        docs.append(doc)
    return docs


def make_layer(model: Dict[str, Any] = AUTO) -> Any:
    return registry.resolve({"model": {**model, "nO": 2}})["model"].layers[0]


@pytest.mark.parametrize("n_gained, expected", [(0, "words"), (1, "words"), (2, "characters")])
def test_what_is_more_probable_must_also_be_worth_the_speed(
    n_gained: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(n_right: int, probability: float) -> Found:
        return Found(numpy.arange(200) < n_right, numpy.full(200, numpy.log(probability)))

    # Of 200 texts, two are a point. Both is never better than words.
    found = iter([find(150, 0.6), find(150 + n_gained, 0.7), find(199, 0.5)])
    monkeypatch.setattr("scripts.distillation.features.try_features", lambda *arguments: next(found))
    layer, nlp = make_layer(), spacy.blank("en")
    docs = make_docs(nlp, n_docs=4, seed=0, glued=False)
    choose_features(layer, docs, docs, TASK)
    assert layer.attrs["reads"] == expected


@pytest.mark.parametrize("glued,expected", [(True, {"characters", "words and characters"}), (False, {"words"})])
def test_characters_are_read_where_words_say_nothing_and_words_where_they_do_as_well(
    glued: bool, expected: Any
) -> None:
    nlp, layer = spacy.blank("en"), make_layer()
    docs, dev = (make_docs(nlp, n_docs=60, seed=seed, glued=glued) for seed in (0, 1))
    choose_features(layer, docs, dev, TASK)
    chosen = layer.attrs["chosen"]
    assert layer.attrs["reads"] in expected
    assert layer.attrs["choices"][layer.attrs["reads"]].items() <= layer.attrs.items()
    assert chosen["texts"] == chosen["dev"] == 60
    assert chosen["accuracy"]["characters"] > 0.9 and (chosen["accuracy"]["words"] > 0.9) == (not glued)
    assert (chosen["log_loss"]["words"] > 0.5) == glued
    # The same texts, the same choice.
    again = make_layer()
    choose_features(again, docs, dev, TASK)
    assert again.attrs["chosen"] == chosen


@pytest.mark.parametrize("missing", ["labels", "dev"])
def test_nothing_is_chosen_where_nothing_can_be_told(missing: str) -> None:
    nlp, layer = spacy.blank("en"), make_layer()
    docs = make_docs(nlp, n_docs=8, seed=0, glued=True)
    choose_features(layer, docs[::2] if missing == "labels" else docs, docs if missing == "labels" else [], TASK)
    assert layer.attrs["reads"] == "words" and "chosen" not in layer.attrs


def test_gold_teaches_and_else_the_teacher() -> None:
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in ("both", "teacher", "gold", "neither")]
    for doc in docs[:2]:
        doc._.teacher_logits = [-1.0, 1.0]
    docs[0].cats, docs[2].cats = TASK.make_cats("NEGATIVE"), TASK.make_cats("POSITIVE")
    # Of a label that is not to be learned.
    docs[3].cats = {"OTHER": 1.0}
    taught, labels = find_labels(docs, TASK)
    assert taught == docs[:3] and labels.tolist() == [0, 1, 1]


def initialize(model: Dict[str, Any], **readers: Any) -> Language:
    """A student that is initialised as a training does it."""
    nlp = make_pipeline(model)
    docs = make_docs(nlp, n_docs=60, seed=0, glued=True)
    for doc in docs:
        doc._.teacher_logits = [3.0 * doc.cats[label] for label in LABELS]
    textcat: Any = nlp.get_pipe("textcat")
    textcat.initialize(lambda: [Example(doc, doc) for doc in docs], nlp=nlp, labels=iter(LABELS), **readers)
    return nlp


def read_dev(nlp: Language) -> List[Example]:
    return [Example(doc, doc) for doc in make_docs(nlp, n_docs=60, seed=1, glued=True)]


def test_the_choice_is_made_at_the_start_of_a_training_and_is_shipped() -> None:
    nlp = initialize(AUTO, dev=read_dev)
    features = find_features(nlp)
    assert features and "characters" in features["reads"] and features["dev"] == 60
    exported = export_pipeline(nlp)
    assert find_features(exported) == features
    # The config still says "auto"; what was chosen is loaded with the weights.
    loaded = load_model_from_config(exported.config).from_bytes(exported.to_bytes())
    assert find_features(loaded) == features
    docs = [nlp.make_doc("dalmerkita"), nlp.make_doc("unseen")]
    assert numpy.array_equal(
        predict_docs(loaded.get_pipe("textcat"), docs), predict_docs(nlp.get_pipe("textcat"), docs)
    )


def test_a_config_that_has_chosen_is_left_alone() -> None:
    assert find_features(initialize({**BOW, "features": "characters"}, dev=read_dev)) == {"reads": "characters"}
    assert find_features(initialize(AUTO)) == {"reads": "words"}
