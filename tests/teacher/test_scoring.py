import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc

from scripts.data.docbins import MASK, read_docs
from scripts.engines.shards import run_shards
from scripts.engines.workers import Engine
from scripts.files import UserError
from scripts.teacher import scoring
from scripts.teacher.runtimes import Runtime, make_teacher
from scripts.teacher.scoring import PREVIOUS, cut_shards, find_missed_labels, prepare_folder, read_rows, read_scores
from scripts.teacher.shard_scorer import ShardScorer, make_doc, prepare_scoring
from tests.conftest import BOW, LABELS, ROOT, make_examples, make_pipeline, make_teacher_logits
from tests.engines.engine_workers import DiesOnce

NLP = spacy.blank("en")
ROWS: List[Dict[str, Any]] = [
    {"text": "I don't love it", "source": "gold", "review": 0, "label": "NEGATIVE"},
    {"words": ["a", MASK, "b"], "spaces": [True, True, False], "source": "augmented", "review": 0, "label": None},
    *(
        {"text": "word " * (i % 7 + 1) + str(i), "source": "unlabelled", "review": i + 1, "label": None}
        for i in range(20)
    ),
]


def fake_teacher(docs: List[Doc]) -> numpy.ndarray:
    """Probabilities that follow from the text alone."""
    positive = numpy.array([(sum(map(ord, doc.text)) % 97 + 1) / 99 for doc in docs])
    return numpy.stack([1 - positive, positive], axis=1).astype("float32")


def run_score(output: Path, predict: Any = fake_teacher, known: Any = None, rows: Any = ROWS) -> List[Path]:
    scorer = ShardScorer(NLP, Runtime("pipeline", "float32", predict, None), LABELS, known or {}, output)
    scorer.mask = "<mask>"
    shards = list(cut_shards(iter(rows)))
    run_shards(lambda: scorer, shards, str(output), engine=Engine(), total=len(rows), desc="Scoring")
    return [output / shard.name for shard in shards]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "SHARD_SIZE", 6)


def test_shards_hold_logits_source_and_gold_in_the_order_of_the_texts(tmp_path: Path) -> None:
    shards = run_score(tmp_path)
    assert len(shards) == 4
    docs = [doc for shard in shards for doc in read_docs(shard, NLP.vocab)]
    assert [doc._.source for doc in docs] == [row["source"] for row in ROWS]
    assert [doc.cats for doc in docs] == [{"NEGATIVE": 1.0, "POSITIVE": 0.0}] + [{}] * 21
    assert [token.text for token in docs[1]] == ["a", MASK, "b"]
    for doc, row in zip(docs, ROWS):
        seen = make_doc(row, NLP, mask="<mask>")
        probs = fake_teacher([seen])[0]
        expected = numpy.log(probs) - numpy.log(probs).mean()
        assert doc._.teacher_logits == pytest.approx(expected, abs=1e-5)


def test_the_teacher_sees_its_own_mask_token(tmp_path: Path) -> None:
    seen: List[str] = []

    def predict(docs: List[Doc]) -> numpy.ndarray:
        seen.extend(doc.text for doc in docs)
        return fake_teacher(docs)

    run_score(tmp_path, predict)
    assert "a <mask> b" in seen


def test_finished_shards_are_not_scored_again(tmp_path: Path) -> None:
    shards = run_score(tmp_path)
    contents = [shard.read_bytes() for shard in shards]
    shards[2].unlink()
    n_scored: List[int] = []

    def predict(docs: List[Doc]) -> numpy.ndarray:
        n_scored.append(len(docs))
        return fake_teacher(docs)

    run_score(tmp_path, predict)
    assert sum(n_scored) == 6
    assert [shard.read_bytes() for shard in shards] == contents


def test_equal_texts_are_scored_once(tmp_path: Path) -> None:
    seen: List[str] = []

    def predict(docs: List[Doc]) -> numpy.ndarray:
        seen.extend(doc.text for doc in docs)
        return fake_teacher(docs)

    rows = [{**ROWS[i % 2], "review": i, "source": "augmented", "label": None} for i in range(6)]
    docs = [doc for shard in run_score(tmp_path, predict, rows=rows) for doc in read_docs(shard, NLP.vocab)]
    assert sorted(seen) == ["I don't love it", "a <mask> b"]
    assert [doc._.review for doc in docs] == list(range(6))
    assert [doc._.teacher_logits for doc in docs] == [docs[i % 2]._.teacher_logits for i in range(6)]
    assert docs[0]._.teacher_logits != docs[1]._.teacher_logits


def prepare(folder: Path, teacher: int, texts: str) -> None:
    prepare_folder(folder, {"teacher": teacher, "texts_sha256": texts}, {"teacher": teacher})


def test_shards_of_another_teacher_are_deleted(tmp_path: Path) -> None:
    prepare(tmp_path, 1, "a")
    run_score(tmp_path)
    prepare(tmp_path, 1, "a")
    assert len(list(tmp_path.glob("*.spacy"))) == 4
    prepare(tmp_path, 1, "b")
    prepare(tmp_path, 2, "a")
    assert not list(tmp_path.rglob("*.spacy"))


def test_texts_that_were_scored_before_keep_their_scores(tmp_path: Path) -> None:
    prepare(tmp_path, 1, "a")
    before = [doc._.teacher_logits for shard in run_score(tmp_path) for doc in read_docs(shard, NLP.vocab)]
    prepare(tmp_path, 1, "b")
    assert not list(tmp_path.glob("*.spacy"))
    known = read_scores(tmp_path / PREVIOUS)
    assert len(known) == len(ROWS)
    seen: List[str] = []

    def predict(docs: List[Doc]) -> numpy.ndarray:
        seen.extend(doc.text for doc in docs)
        return fake_teacher(docs)

    new = {"text": "never seen", "source": "unlabelled", "review": 99, "label": None}
    rows = [*reversed(ROWS), new]
    docs = [doc for shard in run_score(tmp_path, predict, known, rows) for doc in read_docs(shard, NLP.vocab)]
    assert seen == ["never seen"]
    assert [doc._.teacher_logits for doc in docs[:-1]] == before[::-1]
    assert [doc._.review for doc in docs] == [row["review"] for row in rows]
    # Changed twice before it was finished: nothing of the first time is lost.
    prepare(tmp_path, 1, "c")
    assert len(read_scores(tmp_path / PREVIOUS)) == len(ROWS) + 1


def test_broken_texts_name_the_line(tmp_path: Path) -> None:
    srsly.write_jsonl(tmp_path / "texts.jsonl", [ROWS[0], {"text": "no source"}])
    with pytest.raises(UserError, match=r"texts.jsonl, line 2: expected source, review, and text"):
        list(read_rows(tmp_path / "texts.jsonl"))
    with pytest.raises(UserError, match=r"Run the `augment` step"):
        list(read_rows(tmp_path / "none.jsonl"))


def train_pipeline(path: Path) -> None:
    nlp = make_pipeline(BOW)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    nlp.to_disk(path)


def test_any_pipeline_with_a_text_classifier_is_a_teacher(tmp_path: Path) -> None:
    train_pipeline(tmp_path)
    nlp = spacy.load(tmp_path)
    docs = [nlp.make_doc("love it"), nlp.make_doc("awful")]
    expected = [[cats["POSITIVE"], cats["NEGATIVE"]] for cats in (nlp("love it").cats, nlp("awful").cats)]
    assert make_teacher(nlp, ["POSITIVE", "NEGATIVE"])(docs) == pytest.approx(numpy.array(expected))
    with pytest.raises(UserError, match=r"labels are \['NEGATIVE', 'POSITIVE'\], the labels file has \['a', 'b'\]"):
        make_teacher(nlp, ["b", "a"])


def test_labels_that_the_teacher_did_not_learn_are_found(tmp_path: Path) -> None:
    nlp = make_pipeline(BOW)
    nlp.to_disk(tmp_path)
    assert find_missed_labels(tmp_path) == []
    nlp.meta["performance"] = {"cats_f_per_type": 0.0}
    nlp.to_disk(tmp_path)
    assert find_missed_labels(tmp_path) == []
    nlp.meta["performance"] = {"cats_f_per_type": {"NEGATIVE": {"f": 0.67}, "POSITIVE": {"f": 0.0}}}
    nlp.to_disk(tmp_path)
    assert find_missed_labels(tmp_path) == ["POSITIVE"]


def test_an_export_is_named_by_what_it_follows_from(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [scoring.name_export("a"), scoring.name_export("b")]
    # Another way to quantise is another export.
    monkeypatch.setattr(scoring, "hash_path", lambda path: path.name)
    names.append(scoring.name_export("a"))
    monkeypatch.setattr(scoring, "version", lambda package: "2.0")
    names.append(scoring.name_export("a"))
    assert len(set(names)) == 4 and scoring.name_export("a") == names[-1]


def make_stock_teacher(folder: Path) -> None:
    """A teacher of spaCy's own parts, which a worker knows without the project's."""
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder)


def test_ray_writes_the_same_shards_even_if_a_worker_is_killed(
    tmp_path: Path, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stock_teacher(tmp_path / "teacher")
    srsly.write_json(tmp_path / "labels.json", LABELS)
    srsly.write_jsonl(tmp_path / "texts.jsonl", ROWS)

    def run(name: str, rows: List[Dict[str, Any]], **options: Any) -> Dict[str, bytes]:
        srsly.write_jsonl(tmp_path / "texts.jsonl", rows)
        settings = {"runtime": "auto", "cache": None, "seed": 0, "gpu_id": -1, "engine": "local", "ray_address": ""}
        paths = {"labels": tmp_path / "labels.json", "n_workers": 2, "worker_cpus": 1, "worker_gpus": 0, "storage": ""}
        arguments: Dict[str, Any] = {**settings, **paths, **options}
        scoring.score(tmp_path / "texts.jsonl", tmp_path / "teacher", tmp_path / name, **arguments)
        return {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.spacy")}

    def prepare_dying(*args: Any, **kwargs: Any) -> Any:
        chosen, make_worker = prepare_scoring(*args, **kwargs)
        return chosen, partial(DiesOnce, make_worker, tmp_path)

    expected = run("here", ROWS)
    assert len(expected) == 4
    monkeypatch.setattr(scoring, "prepare_scoring", prepare_dying)
    # By way of a storage that knows no paths: what is finished there is not scored again.
    assert run("ray", ROWS, engine="ray", storage="memory://scores") == expected
    assert (tmp_path / "died").exists()
    records = [srsly.read_json(tmp_path / name / "scores.json") for name in ("here", "ray")]
    assert records[0] == records[1]
    (tmp_path / "died").unlink()
    assert run("ray", ROWS, storage="memory://scores") == expected
    assert not (tmp_path / "died").exists()


def test_kill_nine_loses_no_finished_shard(tmp_path: Path) -> None:
    train_pipeline(tmp_path / "teacher")
    srsly.write_json(tmp_path / "labels.json", LABELS)
    rows = [
        {"text": f"review number {i} love", "source": "unlabelled", "review": i, "label": None} for i in range(6000)
    ]
    srsly.write_jsonl(tmp_path / "texts.jsonl", rows)
    # The command itself, with a teacher that takes its time so that the kill comes in between.
    program = """
import sys, time
import scripts.functions
from scripts.files import run_command
from scripts.teacher import scoring, shard_scorer

def choose_slow_runtime(*args, **kwargs):
    chosen = choose_runtime(*args, **kwargs)
    return chosen._replace(predict=lambda docs: time.sleep(PAUSE) or chosen.predict(docs))

choose_runtime, shard_scorer.choose_runtime = shard_scorer.choose_runtime, choose_slow_runtime
run_command(scoring.score)
"""
    arguments = ["texts.jsonl", "teacher", "transfer", "--labels", "labels.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(pause: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", program.replace("PAUSE", pause), *arguments]
        return subprocess.Popen(command, cwd=tmp_path, env=environment, text=True)

    process = start("0.3")
    deadline = time.time() + 120
    while len(list((tmp_path / "transfer").glob("*.spacy"))) < 2:
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "transfer").glob("*.spacy")}
    assert 2 <= len(finished) < 6
    assert not (tmp_path / "transfer" / "scores.json").exists()
    assert start("0").wait() == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "transfer").glob("*.spacy")}
    assert len(after) == 6 and finished.items() <= after.items()
    record = srsly.read_json(tmp_path / "transfer" / "scores.json")
    assert (record["runtime"], record["precision"], record["check"]) == ("pipeline", "float32", None)
    assert record["tolerance"] == scoring.TOLERANCE["float32"]
    assert record["texts"] == 6000 and len(record["shards"]) == 6
    assert json.dumps(record["labels"]) == json.dumps(LABELS)
