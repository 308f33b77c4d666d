"""How often a replaced word keeps its part of speech, by hand."""

from typing import List

import pytest
from spacy.tokens import Doc

from benchmarks.word_classes import judge, simplify
from scripts.augmentation.clusters import ClusterTagger
from scripts.tokenizing import make_blank


@pytest.mark.parametrize(
    "tag, part",
    [("NN", "noun"), ("PROPN", "noun"), ("VV(FIN)", "verb"), ("AUX", "verb"), ("ADJ(A)", "adjective"), ("X", "X")],
)
def test_parts_of_speech_are_told_apart_as_far_as_matters(tag: str, part: str) -> None:
    assert simplify(tag) == part


def test_words_of_a_class_and_of_any_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = make_blank("en", "default")
    nouns, verbs = ("cats", "dogs", "birds", "cows"), ("sleep", "eat", "run", "swim")
    classes = {**dict.fromkeys(nouns, "class0"), **dict.fromkeys(verbs, "class1")}
    monkeypatch.setattr("benchmarks.word_classes.learn_clusters", lambda docs, seed: ClusterTagger(classes))

    def tag(doc: Doc) -> List[str]:
        return ["NN" if token.text in nouns else "VB" for token in doc]

    judged = judge([nlp(f"The {noun} {verb} .") for noun in nouns for verb in verbs], 16, tag)
    assert judged["words"] == 32 and judged["same"] == 1 and 0.1 < judged["chance"] < 0.8
