"""A student of several languages beside one of a single language."""

from pathlib import Path
from typing import Any, Dict, List

import pytest
import spacy
import srsly

from benchmarks.multilingual import measure
from benchmarks.tables.multilingual import multilingual as make_table
from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.files import UserError
from tests.conftest import BOW, LABELS, TEXTS, train

SENTENCES = [text for text, _ in TEXTS]


def write_run(folder: Path, run: str, lang: str, train_texts: List[str], **report: Any) -> None:
    """A finished run as far as it is read: texts, report and student."""
    nlp = spacy.blank(lang)
    for split, texts in (("train", train_texts), ("test", SENTENCES)):
        docs = [nlp.make_doc(text) for text in texts]
        for number, doc in enumerate(docs):
            doc.cats = Task(LABELS).make_cats(LABELS[number % 2])
        write_docs(docs, folder / "corpus" / run / "gold" / f"{split}.spacy")
    Task(LABELS).write(folder / "corpus" / run / "gold")
    systems = {name: {"accuracy": 0.5, "size_mb": 2.0} for name in ("reference", "teacher", "student")}
    provenance = {"lang": lang, "student_kind": "bow", "counts": {"train": 10, "unlabelled": 20, "test": 4}}
    path = folder / "training" / run / "report" / "report.json"
    path.parent.mkdir(parents=True)
    srsly.write_json(path, {**systems, "provenance": provenance, **report})
    train(BOW, lang=lang).to_disk(folder / "training" / run / "compressed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    measured = {name: {"accuracy": 0.75} for name in ("reference", "teacher")}
    write_run(tmp_path, "de", "de", ["etwas anderes"])
    write_run(tmp_path, "xx", "xx", ["iets anders"], languages={"de": {"texts": len(TEXTS), **measured}})
    return tmp_path


def run(folder: Path, single: str = "de") -> Dict[str, Any]:
    places = {name: folder / name for name in ("corpus", "training")}
    measure("xx", [single], output=folder / "record.json", **places)
    record: Dict[str, Any] = srsly.read_json(folder / "record.json")
    return record


def test_both_students_are_asked_and_the_rest_is_what_the_reports_say(folder: Path) -> None:
    record = run(folder)
    (row,) = record["rows"]
    assert row["texts"] == len(TEXTS) and row["single"]["teacher"] == 0.5 and row["several"]["teacher"] == 0.75
    # They were trained alike.
    assert row["single"]["student"] == row["several"]["student"] and row["against"]["difference"] == 0
    table = make_table(record)
    assert len(table.header) == len(table.rows[0]) and table.rows[0][0] == "German"
    assert "one run of German, trained on 10 labelled and 20 unlabelled texts" in table.caption


def test_runs_that_cannot_be_compared_are_refused(folder: Path) -> None:
    write_run(folder, "nl", "nl", ["nog iets"])
    with pytest.raises(UserError, match=r"The run xx has no test texts of 'nl'"):
        run(folder, "nl")
    with pytest.raises(UserError, match=r"fr.report.report\.json does not exist"):
        run(folder, "fr")
    Task([*LABELS, "MIXED"]).write(folder / "corpus" / "xx" / "gold")
    with pytest.raises(UserError, match=r"The runs de and xx have other labels"):
        run(folder)


def test_test_texts_that_were_trained_on_are_refused(folder: Path) -> None:
    docs = [spacy.blank("xx").make_doc(text) for text in (SENTENCES[0].upper(), "x")]
    write_docs(docs, folder / "corpus" / "xx" / "gold" / "train.spacy")
    with pytest.raises(UserError, match=r"1 test texts of the run de were trained on in the run xx"):
        run(folder)
