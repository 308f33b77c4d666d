"""The `compress` step: the exported student with fewer rows in its tables, in smaller numbers, as far as dev allows it.

Export is exact; this is not: it is measured here against the exported student, and stated in the record.
"""

from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, cast

import numpy
import spacy
import typer
from spacy import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from tqdm import tqdm
from wasabi import MarkdownRenderer, msg

import scripts.functions  # noqa: F401
from scripts.data.docbins import read_docs
from scripts.data.predictions import predict_docs
from scripts.data.task import Task
from scripts.data.texts import read_unlabelled
from scripts.files import replaced, run_command, write_record
from scripts.packaging.performance import score_texts

# Shares of a table's rows that are tried; None leaves them as they are, 1 only stores them smaller.
SHARES = (None, 1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)
# Texts that tell which rows matter.
MAX_TEXTS = 10_000
Row = Dict[str, Any]


def compress(
    pipeline: Path = typer.Argument(..., help="The exported pipeline"),
    output: Path = typer.Argument(..., help="Folder of the compressed pipeline"),
    record: Path = typer.Argument(..., help="The curve of size and accuracy, without .json and .md"),
    dev: Path = typer.Option(..., help="A .spacy file with gold texts that the size is chosen on"),
    texts: Path = typer.Option(..., help="A .jsonl file with texts like those to come; may be empty"),
    max_loss: float = typer.Option(0.2, help="Points of accuracy on dev that may be lost"),
    min_agreement: float = typer.Option(0.99, help="Share of the texts of dev that must get the label they had"),
) -> None:
    """Prune and quantise the tables of an exported student."""
    nlp = spacy.load(pipeline)
    gold_docs = read_docs(dev, Vocab())
    gold = Task(nlp.pipe_labels["textcat"]).number_gold(gold_docs)
    docs = [nlp.make_doc(doc.text) for doc in gold_docs]
    read = [nlp.make_doc(text) for text in islice(read_unlabelled(texts), MAX_TEXTS)]
    tables = find_tables(nlp, read or docs)
    limits = {"max_loss": max_loss, "min_agreement": min_agreement}
    curve = choose_shares(nlp, tables, docs, gold, **limits)
    # A vocabulary of its own again: the one that has read texts would give all their words away.
    compressed = spacy.load(pipeline)
    compressed.from_bytes(nlp.to_bytes(exclude=["vocab"]), exclude=["vocab"])
    compressed.meta["performance"] = score_texts(nlp, dev)
    with replaced(output) as partial:
        compressed.to_disk(partial)
    write_record(
        record, {**limits, "n_dev": len(docs), "curve": curve}, render(curve, list(tables), n_dev=len(docs), **limits)
    )
    first, chosen = curve[0], next(row for row in reversed(curve) if row["is_chosen"])
    msg.good(
        f"Compressed {output}: {first['mb']:.1f} MB to {chosen['mb']:.1f} MB; accuracy on dev {first['accuracy']:.3f} "
        f"to {chosen['accuracy']:.3f}, agreement {chosen['agreement']:.1%}"
    )


class PrunedTable:
    """A table of a student, of whose rows any share may be kept, and all again."""

    def __init__(self, node: Model[Any, Any], docs: List[Doc]) -> None:
        """Find which rows matter.

        node (Model[Any, Any]): A layer with `attrs["table"]`.
        docs (List[Doc]): Texts like those to come.
        """
        self.node = node
        self.attrs = dict(node.attrs)
        self.params = {name: node.get_param(name) for name in node.param_names}
        self.table = node.attrs["table"](node, docs)
        self.order = numpy.argsort(-self.table.importance, kind="stable")

    def keep(self, share: Optional[float]) -> int:
        """Keep the most important rows.

        share (Optional[float]): Part of the rows that is kept, in small numbers; None keeps all as they were.
        RETURNS (int): Number of rows.
        """
        self.node.attrs.update(self.attrs)
        for name, value in self.params.items():
            self.node.set_param(name, value)
        if share is None:
            return len(self.order)
        rows = numpy.sort(self.order[: max(1, round(share * len(self.order)))])
        self.table.keep(rows)
        return len(rows)


def find_tables(nlp: Language, docs: List[Doc]) -> Dict[str, PrunedTable]:
    """The tables of a student that hold anything.

    nlp (Language): The exported pipeline.
    docs (List[Doc]): Texts that tell which rows matter.
    RETURNS (Dict[str, PrunedTable]): By the name of their size in the record; the second of a name has a number.
    """
    tables: Dict[str, PrunedTable] = {}
    for node in cast(TrainablePipe, nlp.get_pipe("textcat")).model.walk():
        if "table" in node.attrs:
            pruned = PrunedTable(node, docs)
            name = pruned.table.name
            if len(pruned.order):
                tables[name if name not in tables else f"{name} {len(tables) + 1}"] = pruned
    return tables


def choose_shares(
    nlp: Language,
    tables: Dict[str, PrunedTable],
    docs: List[Doc],
    gold: numpy.ndarray,
    *,
    max_loss: float,
    min_agreement: float,
) -> List[Row]:
    """Make one table after the other as small as it may be. The pipeline is left with the sizes that were chosen.

    On some hundred texts accuracy may rise by chance while many predictions change; agreement cannot.

    nlp (Language): The exported pipeline.
    tables (Dict[str, PrunedTable]): Its tables.
    docs (List[Doc]): Gold texts.
    gold (ndarray): The number of the label of each. Shape: (n_docs,).
    max_loss (float): Points of accuracy that may be lost.
    min_agreement (float): Share of the texts that must get the label they had.
    RETURNS (List[Row]): All that was measured, with `mb`, the size of the serialised pipeline without its vocabulary;
        the last row with `is_chosen` is what the pipeline is left with.
    """
    sizes = {name: table.keep(None) for name, table in tables.items()}
    probs = predict_docs(nlp.get_pipe("textcat"), docs)
    # All but the tables stays as it is, and is not serialised again and again.
    n_rest = len(nlp.to_bytes(exclude=["vocab"])) - count_bytes(tables)

    def measure_now() -> Row:
        return {**measure(nlp, docs, gold, probs), "mb": (n_rest + count_bytes(tables)) / 1e6, **sizes}

    curve = [{**measure_now(), "is_chosen": True}]
    lowest = curve[0]["accuracy"] - max_loss / 100 - 1e-9
    for name, table in tables.items():
        chosen: Optional[float] = None
        may_go_on = True
        for share in tqdm(SHARES[1:], desc=f"Pruning {name}", unit="size", disable=None):
            sizes[name] = table.keep(share)
            row = measure_now()
            # A small table that does well after larger ones did not was lucky.
            may_go_on = may_go_on and row["accuracy"] >= lowest and row["agreement"] >= min_agreement
            chosen = share if may_go_on else chosen
            curve.append({**row, "is_chosen": may_go_on})
        sizes[name] = table.keep(chosen)
    return curve


def count_bytes(tables: Dict[str, PrunedTable]) -> int:
    """The size of tables as they are stored."""
    return sum(len(table.node.to_bytes()) for table in tables.values())


def measure(nlp: Language, docs: List[Doc], gold: numpy.ndarray, probs: numpy.ndarray) -> Row:
    """Measure accuracy, and how far a pipeline is from the one that was exported.

    nlp (Language): The pipeline.
    docs (List[Doc]): Gold texts.
    gold (ndarray): The number of the label of each. Shape: (n_docs,).
    probs (ndarray): What the exported pipeline predicts. Shape: (n_docs, n_labels).
    RETURNS (Row): accuracy and agreement (0 to 1), change (mean absolute difference of a probability).
    """
    task = Task(nlp.pipe_labels["textcat"])
    found = predict_docs(nlp.get_pipe("textcat"), docs)
    return {
        "accuracy": float((task.decide(found) == gold).mean()),
        "agreement": float((task.decide(found) == task.decide(probs)).mean()),
        "change": float(numpy.abs(found - probs).mean()),
    }


def render(curve: List[Row], names: List[str], *, n_dev: int, max_loss: float, min_agreement: float) -> str:
    """The curve as Markdown.

    curve (List[Row]): What was measured.
    names (List[str]): The tables.
    n_dev (int): Number of gold texts.
    max_loss (float): Points of accuracy that may be lost.
    min_agreement (float): Share of the texts that must get the label they had.
    RETURNS (str): The text.
    """
    last = max(i for i, row in enumerate(curve) if row["is_chosen"])
    rows: List[Tuple[str, ...]] = []
    for i, row in enumerate(curve):
        cells = [f"{row[name]:,}" for name in names]
        cells += [f"{row['accuracy']:.3f}", f"{row['agreement']:.1%}", f"{row['change']:.4f}", f"{row['mb']:.2f}"]
        rows.append(tuple(f"**{cell}**" if i == last else cell for cell in cells))
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, "Size and accuracy of the student"))
    markdown.add(markdown.table(rows, (*names, "accuracy", "agreement", "change of p", "MB")))
    markdown.add(
        f"On {n_dev} dev texts, against the exported student (first row). One table is pruned after the other, rows "
        "that matter least first; what stays is stored in small numbers. In bold: what is shipped, the smallest one "
        f"that is at most {max_loss} points worse and agrees on {min_agreement:.0%} or more, as do all larger ones."
    )
    return markdown.text + "\n"


if __name__ == "__main__":
    run_command(compress)
