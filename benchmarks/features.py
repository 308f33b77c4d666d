"""What the n-grams of students are made of, by language: what dev chooses, with gold labels alone and with a teacher.

    python -m benchmarks.features corpus/en corpus/de corpus/ja

No student is trained: it is the choice that each training begins with. There is no chance in it. How sure it is, its
p-value says, and whether dev would choose the same by what train has to say of it.
"""

from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterator, List

import srsly
import typer
from spacy.tokens import Doc
from spacy.util import get_lang_class, load_config, registry
from spacy.vocab import create_vocab

import scripts.functions  # noqa: F401
from benchmarks.document import RESULTS
from benchmarks.tables.runs import features as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.docbins import read_docs, stream_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED
from scripts.distillation.features import MAX_CHOICE_DOCS, choose_features
from scripts.files import run_command
from scripts.machine import describe_machine


def measure(
    runs: List[Path] = typer.Argument(..., help="Folders of runs, as `convert` left them, or `score`"),
    config: Path = typer.Option(Path("configs/student_bow.cfg"), help="Config of a student of n-grams alone"),
    output: Path = typer.Option(RESULTS / "features.json", help="The record"),
) -> None:
    """Choose the features of students, and say what was measured."""
    model = load_config(config, interpolate=True)["components"]["textcat"]["model"]
    rows = [row for run in runs for row in choose(run, model)]
    record = {"rows": rows, "machine": describe_machine(-1)}
    write_and_show(output, record, make_table(record))


def choose(run: Path, model: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Choose the features of a run's baseline, and of its student where the transfer set is scored.

    run (Path): Folder of the run.
    model (Dict[str, Any]): Block of the model.
    YIELDS (Dict[str, Any]): Names of run and of what is learned from, what is read, what was measured, and, with gold
        alone, what would be read if dev and train changed places.
    """
    lang = srsly.read_json(run / "data.json")["lang"]
    task = Task.read(run / "gold")
    vocab = create_vocab(lang, get_lang_class(lang).Defaults)
    train, dev = (read_docs(run / "gold" / f"{split}.spacy", vocab) for split in ("train", "dev"))
    swapped = choose_once(model, dev, train, task)["reads"]
    yield {"name": run.name, "learns_from": "gold", **choose_once(model, train, dev, task), "swapped": swapped}
    if (run / "transfer" / "scores.json").is_file():
        docs = (doc for doc in stream_docs(run / "transfer", vocab) if doc._.source != AUGMENTED)
        found = choose_once(model, list(islice(docs, MAX_CHOICE_DOCS)), dev, task)
        yield {"name": run.name, "learns_from": "gold, teacher", **found, "swapped": ""}


def choose_once(model: Dict[str, Any], docs: List[Doc], dev: List[Doc], task: Task) -> Dict[str, Any]:
    """Choose features as a training does it.

    model (Dict[str, Any]): Block of the model.
    docs, dev (List[Doc]): What is learned from, and what chooses.
    task (Task): The labels.
    RETURNS (Dict[str, Any]): What is read, and what was measured.
    """
    block = {**model, "features": "auto", "nO": len(task.labels)}
    layer = registry.resolve({"model": block})["model"].get_ref("output_layer")
    choose_features(layer, docs, dev, task)
    return {"reads": layer.attrs["reads"], **layer.attrs["chosen"]}


if __name__ == "__main__":
    run_command(measure)
