"""How long a student trains follows from its texts: steps, passes, texts that were read, and the time that they took.

    python -m benchmarks.schedules corpus/en corpus/en-amazon

The baselines of runs, and one of 50,000 labelled texts: those of the last run, again and again, each time without some
of their words. Every training is `spacy train` in a process of its own, on one core.
"""

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterator, List

import srsly
import typer
from spacy.tokens import Doc

from benchmarks.document import RESULTS
from benchmarks.process import run_module
from benchmarks.tables.runs import schedules as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.docbins import read_docs, write_docs
from scripts.files import run_command
from scripts.machine import describe_machine
from scripts.tokenizing import make_blank

# Share of the words that a repeated text loses.
LOST = 0.1


def measure(
    runs: List[Path] = typer.Argument(..., help="Folders of runs, as `convert` left them"),
    config: Path = typer.Option(Path("configs/student_ensemble.cfg"), help="Config of the student"),
    size: int = typer.Option(50_000, help="Texts of the large set"),
    output: Path = typer.Option(RESULTS / "schedules.json", help="The record"),
) -> None:
    """Train baselines of sets of several sizes."""
    rows = []
    with TemporaryDirectory() as folder:
        for run in runs:
            rows.append(train_baseline(run.name, run, run / "gold" / "train.spacy", config, Path(folder)))
        large = Path(folder) / "large.spacy"
        data = srsly.read_json(runs[-1] / "data.json")
        vocab = make_blank(data["lang"], data["segmenter"]).vocab
        write_docs(repeat(read_docs(runs[-1] / "gold" / "train.spacy", vocab), size), large)
        rows.append(train_baseline(f"{runs[-1].name}, repeated", runs[-1], large, config, Path(folder)))
    record = {"student": config.stem.removeprefix("student_"), "rows": rows, "machine": describe_machine(-1)}
    write_and_show(output, record, make_table(record))


def train_baseline(name: str, run: Path, train: Path, config: Path, folder: Path) -> Dict[str, Any]:
    """Train one baseline.

    name (str): What the table calls it.
    run (Path): Folder of the run, for dev and the labels.
    train (Path): Its gold texts, a .spacy file.
    config (Path): Config of the student.
    folder (Path): For what is only needed on the way.
    RETURNS (Dict[str, Any]): A row: texts, steps, texts that were read at least once, CPU-seconds, accuracy on dev.
    """
    result = folder / "result.json"
    run_module("benchmarks.watch_reads", config, run, train, result, log=folder / "log.txt")
    return {"name": name, **srsly.read_json(result)}


def repeat(docs: List[Doc], size: int) -> Iterator[Doc]:
    """Many texts from few: each is repeated without some of its words, others each time.

    docs (List[Doc]): Gold documents.
    size (int): How many documents there shall be.
    YIELDS (Doc): A gold document.
    """
    rng = random.Random(0)
    for number in range(size):
        doc = docs[number % len(docs)]
        words = [token.text for token in doc if rng.random() >= LOST]
        copy = Doc(doc.vocab, words=words or [token.text for token in doc])
        copy.cats = dict(doc.cats)
        yield copy


if __name__ == "__main__":
    run_command(measure)
