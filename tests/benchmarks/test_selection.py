"""What the choice of unlabelled texts is worth."""

from pathlib import Path
from typing import List

import pytest
import spacy
import srsly
from spacy.tokens import Doc

import benchmarks.selection as benchmark
from benchmarks.tables.selection import selection as make_table
from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.files import UserError
from tests.conftest import LABELS

TASK = Task(LABELS)
N_LABELS = len(LABELS)


class StubTeacher:
    """Takes every text for one of the first label."""

    def pipe(self, texts: List[str]) -> List[Doc]:
        docs = [spacy.blank("en").make_doc(text) for text in texts]
        for doc in docs:
            doc.cats = TASK.make_cats(LABELS[0])
        return docs


def make_docs(start: int, n_docs: int, *, scored: bool = False) -> List[Doc]:
    """Texts whose words say their labels, which follow each other."""
    nlp, docs = spacy.blank("en"), []
    for number in range(start, start + n_docs):
        label = number % N_LABELS
        doc = nlp.make_doc(f"thing {number} is {LABELS[label]} {LABELS[label]}")
        if scored:
            doc._.teacher_logits, doc._.source = [3.0 * (n == label) for n in range(N_LABELS)], "unlabelled"
        else:
            doc.cats = TASK.make_cats(LABELS[label])
        docs.append(doc)
    return docs


def write_run(folder: Path, n_left_out: int) -> None:
    TASK.write(folder / "gold")
    srsly.write_json(folder / "data.json", {"lang": "en", "segmenter": "default"})
    for number, split in enumerate(("train", "dev", "test")):
        write_docs(make_docs(100 * number, 12), folder / "gold" / f"{split}.spacy")
    write_docs(make_docs(1000, 12, scored=True), folder / "transfer" / "00000.spacy")
    srsly.write_jsonl(folder / "left_out.jsonl", [{"text": f"other {n}", "nearness": 0.0} for n in range(n_left_out)])
    record = {"take": "near", "texts": 12 + n_left_out, "selected": 12, "least": 0.4, "auc": 0.9}
    srsly.write_json(folder / "selection.json", record)


def test_sets_differ_in_their_unlabelled_texts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "read_pipeline", lambda path: StubTeacher())
    write_run(tmp_path / "en", 20)
    benchmark.measure(["en"], corpus=tmp_path, training=tmp_path, output=tmp_path / "selection.json")
    record = srsly.read_json(tmp_path / "selection.json")
    (run,) = record["runs"]
    assert [(row["set"], row["texts"]) for row in run["rows"]] == [
        ("near", 12),
        ("all", 32),
        *((f"by chance, {seed}", 12) for seed in benchmark.SEEDS),
        ("left out", 20),
    ]
    assert run["n_test"] == 12 and run["rows"][0]["test"] == 1.0
    table = make_table(record)
    assert [row[:3] for row in table.rows] == [
        ["en", "near", "12"],
        ["en", "all", "32"],
        ["en", "by chance", "12"],
        ["en", "left out", "20"],
    ]
    assert table.rows[0][-1] == "100.0" and "mean of 3 draws" in table.caption and "en 0.90" in table.caption


def test_a_run_that_left_nothing_out_has_nothing_to_compare(tmp_path: Path) -> None:
    write_run(tmp_path / "en", 0)
    with pytest.raises(UserError, match="no text was left out"):
        benchmark.measure(["en"], corpus=tmp_path, training=tmp_path, output=tmp_path / "selection.json")
