"""What the choice of unlabelled texts is worth: near ones, all, as many by chance, and those that are left out.

    python -m benchmarks.selection de fr

Each set is labelled by the run's teacher and learned beside the gold texts by what reports call reference_distilled:
TF-IDF and logistic regression, settings chosen on dev. Only the unlabelled texts differ. Runs are finished ones.
"""

from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import numpy
import srsly
import typer
from spacy import Language
from spacy.tokens import Doc

import scripts.functions  # noqa: F401
from benchmarks.document import RESULTS
from benchmarks.tables.selection import selection as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.docbins import read_docs, stream_docs
from scripts.data.task import Task
from scripts.data.texts import UNLABELLED
from scripts.evaluation.quality import classify
from scripts.evaluation.reference import fit_reference
from scripts.files import UserError, run_command
from scripts.machine import describe_machine
from scripts.pipelines import read_pipeline
from scripts.tokenizing import make_blank

# By chance: one of them says little.
SEEDS = (0, 1, 2)


class Taught(NamedTuple):
    """Unlabelled texts and what the teacher says of them.

    docs (List[Doc]): The texts.
    labels (ndarray): Numbers of their labels. Shape: (n_docs,).
    """

    docs: List[Doc]
    labels: numpy.ndarray

    def take(self, rows: numpy.ndarray) -> "Taught":
        """rows (ndarray): Numbers of texts. RETURNS (Taught): These alone."""
        return Taught([self.docs[row] for row in rows], self.labels[rows])


def measure(
    runs: List[str] = typer.Argument(..., help="Finished runs in which `select` left texts out, e.g. de fr"),
    corpus: Path = typer.Option(Path("corpus"), help="Folder of all runs' texts"),
    training: Path = typer.Option(Path("training"), help="Folder of all runs' models"),
    output: Path = typer.Option(RESULTS / "selection.json", help="The record"),
) -> None:
    """Compare sets of unlabelled texts."""
    record = {
        "runs": [compare(corpus / run, training / run) for run in runs],
        "machine": describe_machine(-1),
    }
    write_and_show(output, record, make_table(record))


def compare(corpus: Path, training: Path) -> Dict[str, Any]:
    """Compare the sets of one run.

    corpus, training (Path): Folders of the run.
    RETURNS (Dict[str, Any]): Name, what `select` recorded, and for each set its name, texts, and accuracy on dev and
        test.
    RAISES (UserError): No text was left out.
    """
    selection = srsly.read_json(corpus / "selection.json")
    if selection["texts"] == selection["selected"]:
        raise UserError(f"{corpus / 'selection.json'} says that no text was left out: there is nothing to compare.")
    task, data = Task.read(corpus / "gold"), srsly.read_json(corpus / "data.json")
    make = partial(make_blank, data["lang"], data["segmenter"])
    near, left_out = read_sets(corpus, training, make(), task)
    gold = [read_docs(corpus / "gold" / f"{split}.spacy", near.docs[0].vocab) for split in ("train", "dev", "test")]
    numbers = [task.number_gold(docs) for docs in gold]
    rows = []
    for name, taught in list_sets(near, left_out):
        learned = [*gold[0], *taught.docs], numpy.concatenate([numbers[0], taught.labels])
        nlp, settings = fit_reference(*learned, gold[1], numbers[1], task, make=make, name=name)
        right = task.decide(classify(nlp, [doc.text for doc in gold[2]], task, name=name)) == numbers[2]
        rows.append(
            {
                "set": name,
                "texts": len(taught.docs),
                "dev": settings["dev_accuracy"],
                "test": float(right.mean()),
            }
        )
    return {"run": corpus.name, "selection": selection, "n_test": len(gold[2]), "rows": rows}


def read_sets(corpus: Path, training: Path, nlp: Language, task: Task) -> Tuple[Taught, Taught]:
    """Read the texts that were selected, with their scores, and let the teacher read those that were left out.

    corpus, training (Path): Folders of the run.
    nlp (Language): Its tokenizer.
    task (Task): The labels.
    RETURNS (Tuple[Taught, Taught]): Selected ones, left out ones.
    """
    docs = [doc for doc in stream_docs(corpus / "transfer", nlp.vocab) if doc._.source == UNLABELLED]
    near = Taught(docs, task.decide(numpy.array([doc._.teacher_logits for doc in docs])))
    texts = [row["text"] for row in srsly.read_jsonl(corpus / "left_out.jsonl")]
    teacher = read_pipeline(training / "teacher" / "model-best")
    probs = classify(teacher, texts, task, name=f"{corpus.name}: the teacher")
    return near, Taught([nlp.make_doc(text) for text in texts], task.decide(probs))


def list_sets(near: Taught, left_out: Taught) -> Iterator[Tuple[str, Taught]]:
    """near, left_out (Taught): Selected texts, and the others. YIELDS (Tuple[str, Taught]): Names and sets."""
    everything = Taught([*near.docs, *left_out.docs], numpy.concatenate([near.labels, left_out.labels]))
    yield "near", near
    yield "all", everything
    for seed in SEEDS:
        rows = numpy.random.default_rng(seed).permutation(len(everything.docs))[: len(near.docs)]
        yield f"by chance, {seed}", everything.take(numpy.sort(rows))
    yield "left out", left_out


if __name__ == "__main__":
    run_command(measure)
