"""One student for several languages against a student of each, on the same test texts.

    python -m spacy project run languages . --vars.langs "de nl xx" --vars.reviews reviews
    python -m benchmarks.multilingual xx de nl

The students of finished runs classify the test texts of each language again, so that they can be compared text by text.
What else the table shows is what the runs' reports say.
"""

from pathlib import Path
from typing import Any, Dict, List

import numpy
import spacy
import srsly
import typer
from spacy import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

import scripts.functions  # noqa: F401
from benchmarks.document import RESULTS
from benchmarks.tables.multilingual import multilingual as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.docbins import read_docs
from scripts.data.near_copies import normalize
from scripts.data.significance import compare_paired
from scripts.data.task import Task
from scripts.evaluation.quality import classify
from scripts.files import UserError, run_command
from scripts.machine import describe_machine

TEST = "gold/test.spacy"
# What is shown of each run besides its student.
SYSTEMS = ("reference", "teacher")


def measure(
    several: str = typer.Argument(..., help="Run of the student of several languages, e.g. xx"),
    singles: List[str] = typer.Argument(..., help="Runs of one language each, e.g. de nl"),
    corpus: Path = typer.Option(Path("corpus"), help="Folder of all runs' texts"),
    training: Path = typer.Option(Path("training"), help="Folder of all runs' models"),
    output: Path = typer.Option(RESULTS / "multilingual.json", help="The record"),
) -> None:
    """Compare a student of several languages with a student of each."""
    report = read_report(training / several)
    student = spacy.load(training / several / "compressed")
    rows = [compare(run, several, student, report, corpus=corpus, training=training) for run in singles]
    record = {
        "rows": rows,
        "languages": {lang: measured["texts"] for lang, measured in report["languages"].items()},
        "counts": report["provenance"]["counts"],
        "size_mb": report["student"]["size_mb"],
        "student_kind": report["provenance"]["student_kind"],
        "machine": describe_machine(-1),
    }
    write_and_show(output, record, make_table(record))


def read_report(run: Path) -> Dict[str, Any]:
    """Read the report of a run.

    run (Path): Folder of its models.
    RETURNS (Dict[str, Any]): The report.
    RAISES (UserError): The run is not finished.
    """
    path = run / "report" / "report.json"
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the project first: python -m spacy project run all")
    report: Dict[str, Any] = srsly.read_json(path)
    return report


def compare(
    run: str, several: str, student: Language, report: Dict[str, Any], *, corpus: Path, training: Path
) -> Dict[str, Any]:
    """Compare both students on the test texts of one language.

    run (str): Run of the language.
    several (str): Run of several languages.
    student (Language): Its student.
    report (Dict[str, Any]): Its report.
    corpus, training (Path): Folders of all runs.
    RETURNS (Dict[str, Any]): A row: accuracy of the systems of both runs in this language, and how the students differ.
    RAISES (UserError): The runs are not of the same task and texts.
    """
    single = read_report(training / run)
    lang = single["provenance"]["lang"]
    measured = report.get("languages", {}).get(lang)
    if measured is None:
        raise UserError(f"The run {several} has no test texts of {lang!r}. Run it with --vars.langs that hold it.")
    task = Task.read(corpus / run / "gold")
    if task != Task.read(corpus / several / "gold"):
        raise UserError(
            f"The runs {run} and {several} have other labels. Give --vars.reviews the same folder for both."
        )
    docs = read_docs(corpus / run / TEST, Vocab())
    check_unseen(docs, corpus / several, run, several)
    gold, texts = task.number_gold(docs), [doc.text for doc in docs]
    own = spacy.load(training / run / "compressed")
    right = {
        name: task.decide(classify(nlp, texts, task, name=name)) == gold
        for name, nlp in (("single", own), ("several", student))
    }
    return {
        "lang": lang,
        "texts": len(texts),
        "trained_on": single["provenance"]["counts"],
        "size_mb": single["student"]["size_mb"],
        "single": {"student": float(right["single"].mean()), **{name: single[name]["accuracy"] for name in SYSTEMS}},
        "several": {
            "student": float(right["several"].mean()),
            **{name: measured[name]["accuracy"] for name in SYSTEMS},
        },
        "against": compare_paired(right["several"], right["single"])._asdict(),
    }


def check_unseen(docs: List[Doc], several: Path, run: str, name: str) -> None:
    """Refuse test texts that the student of several languages has learned.

    docs (List[Doc]): The test texts of one language.
    several (Path): Folder of the texts of the run of several languages.
    run, name (str): Names of both runs, for the message.
    RAISES (UserError): It has learned some of them.
    """
    learned = {normalize(doc.text) for doc in read_docs(several / "gold" / "train.spacy", Vocab())}
    n_seen = int(numpy.sum([normalize(doc.text) in learned for doc in docs]))
    if n_seen:
        raise UserError(
            f"{n_seen} test texts of the run {run} were trained on in the run {name}. Run both with the same reviews "
            "and the same seed."
        )


if __name__ == "__main__":
    run_command(measure)
