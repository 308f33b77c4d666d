from pathlib import Path
from typing import Any, List

import numpy
import pytest
import spacy
from spacy import Language

from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, MASK, Text
from scripts.files import UserError
from scripts.teacher import pipeline_teacher
from scripts.teacher.pipeline_teacher import create_pipeline_teacher, find_missed_labels, name_export
from tests.conftest import BOW, LABELS, make_examples, make_pipeline, make_teacher_logits
from tests.teacher.test_runtimes import make_transformer_teacher


def train_bow() -> Language:
    nlp = make_pipeline(BOW)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    return nlp


def test_any_pipeline_with_a_text_classifier_is_a_teacher(tmp_path: Path) -> None:
    nlp = train_bow()
    nlp.to_disk(tmp_path / "teacher")
    load = create_pipeline_teacher(tmp_path / "teacher", None, "auto")
    # The documents are another tokenizer's.
    docs = [*map(spacy.blank("xx").make_doc, ("love it", "awful"))]
    for labels in (LABELS, LABELS[::-1]):
        teacher = load(Task(labels), [])
        logs = numpy.log([[nlp(text).cats[label] for label in labels] for text in ("love it", "awful")])
        assert teacher.logits(docs) == pytest.approx(logs - logs.mean(axis=1, keepdims=True), abs=1e-5)
        assert teacher.fingerprint["runtime"] == "pipeline" and teacher.fingerprint["precision"] == "float32"
        assert teacher.mask == MASK and teacher.transformer is None
    assert not any(doc.cats or doc.user_data for doc in docs)
    with pytest.raises(UserError, match=r"labels are \['NEGATIVE', 'POSITIVE'\], the task has \['a', 'b'\]"):
        load(Task(["b", "a"]), [])


def test_a_transformer_is_asked_with_its_own_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = make_transformer_teacher(tmp_path, mask="<hidden>")
    nlp.to_disk(tmp_path / "teacher")
    checked: List[Any] = []
    choose_runtime = pipeline_teacher.choose_runtime

    def watch(name: str, nlp: Language, task: Task, sample: List[Any], cache: Path) -> Any:
        checked.extend(doc.text for doc in sample)
        return choose_runtime(name, nlp, task, [], cache)

    monkeypatch.setattr(pipeline_teacher, "choose_runtime", watch)
    text = Text(AUGMENTED, 0, words=["a", MASK, "day"], spaces=[True, True, False])
    teacher = create_pipeline_teacher(tmp_path / "teacher", None, "auto")(Task(LABELS), [text])
    assert teacher.mask == "<hidden>" and checked == ["a <hidden> day"]
    assert teacher.transformer is not None and teacher.transformer.tokenizer.mask_token == "<hidden>"


def test_labels_that_a_pipeline_did_not_learn_are_found(tmp_path: Path) -> None:
    nlp = make_pipeline(BOW)
    for performance, expected in (
        ({}, []),
        ({"cats_f_per_type": 0.0}, []),
        ({"cats_f_per_type": {"NEGATIVE": {"f": 0.67}, "POSITIVE": {"f": 0.0}}}, ["POSITIVE"]),
    ):
        nlp.meta["performance"] = performance
        nlp.to_disk(tmp_path)
        assert find_missed_labels(spacy.load(tmp_path)) == expected


def test_an_export_is_named_by_what_it_follows_from(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name_export("a"), name_export("b")]
    # Another way to quantise is another export.
    monkeypatch.setattr(pipeline_teacher, "hash_sources", lambda path: path.name)
    names.append(name_export("a"))
    monkeypatch.setattr(pipeline_teacher, "version", lambda package: "2.0")
    names.append(name_export("a"))
    assert len(set(names)) == 4 and name_export("a") == names[-1]
