import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.util import registry

from scripts.data.docbins import read_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, GOLD, MASK, UNLABELLED, Text
from scripts.engines.shards import run_shards, write_bytes
from scripts.engines.workers import Engine
from scripts.teacher import scoring
from scripts.teacher.protocol import LoadTeacher, Teacher
from scripts.teacher.runtimes import TOLERANCE
from scripts.teacher.scoring import PREVIOUS, cut_shards, read_scores, set_aside
from scripts.teacher.shard_scorer import ShardScorer
from tests.conftest import BOW, LABELS, ROOT, make_examples, make_pipeline, make_teacher_logits
from tests.engines.engine_workers import DiesOnce

NLP = spacy.blank("en")
TASK = Task(LABELS)
TEXTS: List[Text] = [
    Text(GOLD, 0, "I don't love it", label="NEGATIVE"),
    Text(AUGMENTED, 0, words=["a", MASK, "b"], spaces=[True, True, False]),
    *(Text(UNLABELLED, i + 1, "word " * (i % 7 + 1) + str(i)) for i in range(20)),
]


def predict_toy(docs: List[Doc]) -> numpy.ndarray:
    """Probabilities that follow from the text alone."""
    positive = numpy.array([(sum(map(ord, doc.text)) % 97 + 1) / 99 for doc in docs])
    return numpy.stack([1 - positive, positive], axis=1).astype("float32").reshape(-1, 2)


class ToyTeacher:
    """A kind of teacher that is any function from documents to probabilities."""

    mask = "<mask>"
    transformer = None

    def __init__(self, task: Task, predict: Callable[[List[Doc]], numpy.ndarray] = predict_toy, version: int = 1):
        self.task = task
        self.facts: Dict[str, Any] = {}
        self.fingerprint: Dict[str, Any] = {"version": version}
        self.seen: List[str] = []
        self._predict = predict

    def logits(self, docs: List[Doc]) -> numpy.ndarray:
        self.seen.extend(doc.text for doc in docs)
        return self.task.recover_logits(self._predict(docs))


@registry.misc("test.ToyTeacher.v1")
def create_toy_teacher(version: int) -> LoadTeacher:
    return lambda task, sample: ToyTeacher(task, version=version)


def run_scorer(output: Path, teacher: Teacher, texts: Any = TEXTS, known: Any = None) -> List[Doc]:
    """Score texts into shards and read them again."""
    shards = list(cut_shards(iter(texts)))
    scorer = ShardScorer(teacher, NLP, known or {})
    run_shards(lambda: scorer, shards, str(output), engine=Engine(), total=len(texts), desc="Scoring")
    return [doc for shard in shards for doc in read_docs(output / shard.name, NLP.vocab)]


def read_shards(folder: Path) -> Dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.spacy")}


def write_inputs(folder: Path, texts: List[Text], teacher: str = "textdistill.PipelineTeacher.v1") -> None:
    """What `score` reads, beside the teacher."""
    (folder / "texts.jsonl").write_text("".join(f"{text.to_json()}\n" for text in texts), encoding="utf8")
    TASK.write(folder / "gold")
    config = (ROOT / "configs" / "score.cfg").read_text(encoding="utf8")
    if teacher != "textdistill.PipelineTeacher.v1":
        config = f'[paths]\nteacher = null\ncache = null\n\n[teacher]\n@misc = "{teacher}"\nversion = 1\n'
    (folder / "score.cfg").write_text(config, encoding="utf8")


def run_score(folder: Path, name: str, **options: Any) -> Dict[str, Any]:
    """Run the command. RETURNS (Dict[str, Any]): Its record."""
    settings = {"cache": None, "lang": "en", "segmenter": "default", "seed": 0, "gpu_id": -1, "engine": None}
    inputs = {"config": folder / "score.cfg", "teacher": folder / "teacher", "gold": folder / "gold"}
    scoring.score(folder / "texts.jsonl", folder / name, **{**settings, **inputs, **options})
    return srsly.read_json(folder / name / "scores.json")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "SHARD_SIZE", 6)


def test_shards_hold_logits_source_and_gold_in_the_order_of_the_texts(tmp_path: Path) -> None:
    docs = run_scorer(tmp_path, ToyTeacher(TASK))
    assert len(read_shards(tmp_path)) == 4
    assert [doc._.source for doc in docs] == [text.source for text in TEXTS]
    assert [doc._.review for doc in docs] == [text.review for text in TEXTS]
    assert [doc.cats for doc in docs] == [{"NEGATIVE": 1.0, "POSITIVE": 0.0}] + [{}] * 21
    assert [token.text for token in docs[1]] == ["a", MASK, "b"]
    for doc, text in zip(docs, TEXTS):
        # The teacher sees its own mask token.
        probs = predict_toy([text.make_doc(NLP, mask="<mask>")])[0]
        assert doc._.teacher_logits == pytest.approx(numpy.log(probs) - numpy.log(probs).mean(), abs=1e-5)


def test_finished_shards_are_not_scored_again(tmp_path: Path) -> None:
    run_scorer(tmp_path, ToyTeacher(TASK))
    contents = read_shards(tmp_path)
    (tmp_path / "00002.spacy").unlink()
    teacher = ToyTeacher(TASK)
    run_scorer(tmp_path, teacher)
    assert len(teacher.seen) == 6
    assert read_shards(tmp_path) == contents


def test_equal_texts_are_scored_once(tmp_path: Path) -> None:
    teacher = ToyTeacher(TASK)
    texts = [TEXTS[i % 2]._replace(review=i, source=AUGMENTED, label=None) for i in range(6)]
    docs = run_scorer(tmp_path, teacher, texts)
    assert sorted(teacher.seen) == ["I don't love it", "a <mask> b"]
    assert [doc._.review for doc in docs] == list(range(6))
    assert [doc._.teacher_logits for doc in docs] == [docs[i % 2]._.teacher_logits for i in range(6)]
    assert docs[0]._.teacher_logits != docs[1]._.teacher_logits


def test_another_kind_of_teacher_is_chosen_in_score_cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_inputs(tmp_path, TEXTS, "test.ToyTeacher.v1")
    record = run_score(tmp_path, "transfer", seed=3)
    assert {"version": 1, "labels": LABELS, "lang": "en", "texts": 22, "seed": 3}.items() <= record.items()
    assert len(record["shards"]) == 4 and record["teacher"] == (tmp_path / "teacher").as_posix()
    docs = [doc for name in record["shards"] for doc in read_docs(tmp_path / "transfer" / name, NLP.vocab)]
    expected = run_scorer(tmp_path / "expected", ToyTeacher(TASK))
    assert [doc._.teacher_logits for doc in docs] == [doc._.teacher_logits for doc in expected]
    # One that differs in what it says of itself scores anew.
    before = (tmp_path / "transfer" / "00000.spacy").stat().st_mtime_ns
    run_score(tmp_path, "transfer")
    assert (tmp_path / "transfer" / "00000.spacy").stat().st_mtime_ns == before
    config = tmp_path / "score.cfg"
    config.write_text(config.read_text(encoding="utf8").replace("version = 1", "version = 2"), encoding="utf8")
    assert run_score(tmp_path, "transfer")["version"] == 2
    assert (tmp_path / "transfer" / "00000.spacy").stat().st_mtime_ns > before


def prepare(folder: Path, teacher: int, texts: str) -> None:
    identity = {"teacher": teacher, "texts_sha256": texts}
    set_aside(folder, identity, {"teacher": teacher})
    scoring.prepare_folder(str(folder), identity, suffix=".spacy")


def test_shards_of_another_teacher_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").touch()
    prepare(tmp_path, 1, "a")
    run_scorer(tmp_path, ToyTeacher(TASK))
    prepare(tmp_path, 1, "a")
    assert len(read_shards(tmp_path)) == 4
    prepare(tmp_path, 1, "b")
    prepare(tmp_path, 2, "a")
    assert not list(tmp_path.rglob("*.spacy"))
    # The texts stand in the same folder.
    assert (tmp_path / "texts.jsonl").is_file()


def test_texts_that_were_scored_before_keep_their_scores(tmp_path: Path) -> None:
    prepare(tmp_path, 1, "a")
    before = [doc._.teacher_logits for doc in run_scorer(tmp_path, ToyTeacher(TASK))]
    prepare(tmp_path, 1, "b")
    assert not read_shards(tmp_path)
    known = read_scores(tmp_path / PREVIOUS)
    assert len(known) == len(TEXTS)
    teacher, texts = ToyTeacher(TASK), [*reversed(TEXTS), Text(UNLABELLED, 99, "never seen")]
    docs = run_scorer(tmp_path, teacher, texts, known)
    assert teacher.seen == ["never seen"]
    assert [doc._.teacher_logits for doc in docs[:-1]] == before[::-1]
    assert [doc._.review for doc in docs] == [text.review for text in texts]
    # Changed twice before it was finished: nothing of the first time is lost.
    prepare(tmp_path, 1, "c")
    assert len(read_scores(tmp_path / PREVIOUS)) == len(TEXTS) + 1


def test_labels_that_the_teacher_did_not_learn_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_inputs(tmp_path, TEXTS)
    make_stock_teacher(tmp_path / "teacher")
    assert run_score(tmp_path, "transfer")["missed_labels"] == []
    assert "hardly ever" not in capsys.readouterr().out
    meta = srsly.read_json(tmp_path / "teacher" / "meta.json")
    meta["performance"] = {"cats_f_per_type": {"NEGATIVE": {"f": 0.67}, "POSITIVE": {"f": 0.0}}}
    srsly.write_json(tmp_path / "teacher" / "meta.json", meta)
    assert run_score(tmp_path, "transfer")["missed_labels"] == ["POSITIVE"]
    assert "hardly ever finds POSITIVE" in " ".join(capsys.readouterr().out.split())


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
    write_inputs(tmp_path, TEXTS)
    # By way of a storage that knows no paths.
    for name in ("ray.cfg", "engine.cfg"):
        config = (ROOT / "configs" / name).read_text(encoding="utf8").replace("n_workers = 0", "n_workers = 1")
        (tmp_path / name).write_text(config.replace('storage = ""', 'storage = "memory://scores"'), encoding="utf8")
    record = run_score(tmp_path, "here")
    expected = read_shards(tmp_path / "here")
    assert len(expected) == 4
    with monkeypatch.context() as dying:
        dying.setattr(scoring, "make_scorer", partial(make_dying_scorer, scoring.make_scorer, tmp_path))
        assert run_score(tmp_path, "ray", engine=tmp_path / "ray.cfg") == record
    assert read_shards(tmp_path / "ray") == expected
    assert (tmp_path / "died").exists()
    # What is finished there is taken from there, which this mark shows, wherever the rest is scored.
    for shard in (tmp_path / "ray").glob("*.spacy"):
        shard.unlink()
    finished = Engine(storage="memory://scores").place(tmp_path / "ray")
    write_bytes(f"{finished}/00001.spacy", b"scored before")
    run_score(tmp_path, "ray", engine=tmp_path / "engine.cfg")
    assert read_shards(tmp_path / "ray") == {**expected, "00001.spacy": b"scored before"}


def make_dying_scorer(make_scorer: Callable[..., Any], folder: Path, *arguments: Any) -> DiesOnce:
    return DiesOnce(partial(make_scorer, *arguments), folder)


def train_pipeline(path: Path) -> None:
    nlp = make_pipeline(BOW)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    nlp.to_disk(path)


def test_kill_nine_loses_no_finished_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_pipeline(tmp_path / "teacher")
    write_inputs(tmp_path, [Text(UNLABELLED, i, f"review number {i} love") for i in range(36)])
    # The command itself, with a teacher that takes its time so that the kill comes in between.
    program = """
import time
import scripts.functions
from scripts.files import run_command
from scripts.teacher import pipeline_teacher, scoring

def choose_slow_runtime(*args, **kwargs):
    chosen = choose_runtime(*args, **kwargs)
    return chosen._replace(predict=lambda docs: time.sleep(0.3) or chosen.predict(docs))

choose_runtime, pipeline_teacher.choose_runtime = pipeline_teacher.choose_runtime, choose_slow_runtime
scoring.SHARD_SIZE = 6
run_command(scoring.score)
"""
    options = {"config": "score.cfg", "teacher": "teacher", "gold": "gold", "lang": "en"}
    arguments = ["texts.jsonl", "transfer", *(part for name, value in options.items() for part in (f"--{name}", value))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=tmp_path, env=environment)
    deadline = time.time() + 120
    while len(list((tmp_path / "transfer").glob("*.spacy"))) < 2:
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "transfer").glob("*.spacy")}
    assert 2 <= len(finished) < 6
    assert not (tmp_path / "transfer" / "scores.json").exists()
    monkeypatch.chdir(tmp_path)
    record = run_score(Path(), "transfer")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "transfer").glob("*.spacy")}
    assert len(after) == 6 and finished.items() <= after.items()
    assert (record["runtime"], record["precision"], record["check"]) == ("pipeline", "float32", None)
    assert record["tolerance"] == TOLERANCE["float32"]
    assert record["texts"] == 36 and len(record["shards"]) == 6
    assert record["labels"] == LABELS
