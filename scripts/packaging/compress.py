"""The `compress` step: the exported student with fewer n-grams and words, in smaller numbers, as far as dev allows it.

Export is exact; this is not: it is measured here against the exported student, and stated in the record.
"""

from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Optional, Protocol, Tuple, cast

import numpy
import spacy
import srsly
import typer
from spacy import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Model
from tqdm import tqdm
from wasabi import MarkdownRenderer, msg

import scripts.functions  # noqa: F401
from scripts.architectures.ngrams import weigh_ngrams
from scripts.data.docbins import gold_label, read_docs
from scripts.files import replaced, run_command

# Shares of the n-grams, then of the lexicon, that are tried; None leaves them as they are, 1 only stores them smaller.
SHARES = (None, 1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)
# Texts that tell how often n-grams and words are read.
MAX_TEXTS = 10_000
N_SCALED = 2_000
BATCH_SIZE = 256
HEADER = ("n-grams", "words", "accuracy", "agreement", "change of p", "MB")
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
    gold = [str(gold_label(doc)) for doc in gold_docs]
    docs = [nlp.make_doc(doc.text) for doc in gold_docs]
    read = [nlp.make_doc(row["text"]) for row in islice(srsly.read_jsonl(texts), MAX_TEXTS)]
    tables = find_tables(nlp, read or docs)
    curve = choose_shares(nlp, tables, docs, gold, max_loss=max_loss, min_agreement=min_agreement)
    # A vocabulary of its own again: the one that has read texts would give all their words away.
    compressed = spacy.load(pipeline)
    compressed.from_bytes(nlp.to_bytes(exclude=["vocab"]), exclude=["vocab"])
    with replaced(output) as partial:
        compressed.to_disk(partial)
    with replaced(record.with_suffix(".json")) as partial:
        limits = {"max_loss": max_loss, "min_agreement": min_agreement}
        srsly.write_json(partial, {**limits, "n_dev": len(docs), "curve": curve})
    with replaced(record.with_suffix(".md")) as partial:
        partial.write_text(
            render(curve, n_dev=len(docs), max_loss=max_loss, min_agreement=min_agreement), encoding="utf8"
        )
    first, chosen = curve[0], next(row for row in reversed(curve) if row["is_chosen"])
    msg.good(
        f"Compressed {output}: {first['mb']:.1f} MB to {chosen['mb']:.1f} MB; accuracy on dev {first['accuracy']:.3f} "
        f"to {chosen['accuracy']:.3f}, agreement {chosen['agreement']:.1%}"
    )


class Table(Protocol):
    """A table of a student that can be stored with some of its rows."""

    def keep(self, share: Optional[float]) -> int:
        """Keep the most important rows.

        share (Optional[float]): Part of the rows that is kept, in small numbers; None keeps all as they were.
        RETURNS (int): Number of rows.
        """


class NgramTable:
    """The n-grams of a textdistill.NgramLinear.v1."""

    def __init__(self, layer: Model[List[Doc], Any], docs: List[Doc]) -> None:
        """Find how much each n-gram moves the logits of texts.

        layer (Model[List[Doc], Any]): The layer.
        docs (List[Doc]): The texts.
        """
        self.layer = layer
        self.attrs = {name: layer.attrs[name] for name in ("keys", "idf", "scale")}
        self.weights: Any = layer.get_param("W")
        # What an n-gram does is its part of a text's vector times the difference that it makes between labels.
        parts = numpy.zeros(len(self.weights))
        for batch in minibatch(docs, BATCH_SIZE):
            _, rows, values = weigh_ngrams(layer, batch)
            parts += numpy.bincount(rows, weights=values, minlength=len(parts))
        self.order = numpy.argsort(-parts * numpy.ptp(numpy.asarray(self.weights), axis=1), kind="stable")
        self.docs = docs[:N_SCALED]
        self.logits = self._read_logits()

    def keep(self, share: Optional[float]) -> int:
        """See Table.keep."""
        self.layer.attrs.update(self.attrs)
        self.layer.set_param("W", self.weights)
        if share is None:
            return len(self.attrs["keys"])
        chosen = numpy.sort(self.order[: max(1, round(share * len(self.attrs["keys"])))])
        self.layer.attrs["keys"] = self.attrs["keys"][chosen]
        self.layer.attrs["idf"] = self.attrs["idf"][chosen].astype("float16")
        self.layer.set_param("W", self.weights[chosen].astype("float16"))
        # Texts have a fixed length: without the n-grams that say little the others would say too much.
        logits = self._read_logits()
        self.layer.attrs["scale"] *= float((logits * self.logits).sum() / max((logits**2).sum(), 1e-12))
        return len(chosen)

    def _read_logits(self) -> numpy.ndarray:
        """The logits of the texts without the bias."""
        batches = [self.layer.predict(batch) for batch in minibatch(self.docs, BATCH_SIZE)]
        return numpy.concatenate(batches) - self.layer.get_param("b")


class Lexicon:
    """The fixed word vectors of a textdistill.LexemeCNN.v1."""

    def __init__(self, layer: Model[Any, Any], docs: List[Doc]) -> None:
        """Count words.

        layer (Model[Any, Any]): The layer.
        docs (List[Doc]): The texts.
        """
        self.layer = layer
        self.attrs = {name: layer.attrs[name] for name in ("keys", "vectors", "scales")}
        words = numpy.concatenate([cast(numpy.ndarray, doc.to_array("LOWER")) for doc in docs])
        found, counts = numpy.unique(words, return_counts=True)
        count_of = dict(zip(found.tolist(), counts.tolist()))
        n_read = numpy.array([count_of.get(key, 0) for key in self.attrs["keys"].tolist()])
        self.order = numpy.argsort(-n_read, kind="stable")

    def keep(self, share: Optional[float]) -> int:
        """See Table.keep."""
        self.layer.attrs.update(self.attrs)
        if share is None:
            return len(self.attrs["keys"])
        chosen = numpy.sort(self.order[: max(1, round(share * len(self.attrs["keys"])))])
        vectors = self.attrs["vectors"][chosen].astype("float32") * self.attrs["scales"]
        scales = numpy.maximum(numpy.abs(vectors).max(axis=0), 1e-12) / 127
        self.layer.attrs["keys"] = self.attrs["keys"][chosen]
        self.layer.attrs["vectors"] = numpy.rint(vectors / scales).astype("int8")
        self.layer.attrs["scales"] = scales
        return len(chosen)


def find_tables(nlp: Language, docs: List[Doc]) -> Dict[str, Table]:
    """The tables of a student that hold anything.

    nlp (Language): The exported pipeline.
    docs (List[Doc]): Texts that tell which rows matter.
    RETURNS (Dict[str, Table]): By the name of their size in the record.
    """
    tables: Dict[str, Table] = {}
    for node in cast(TrainablePipe, nlp.get_pipe("textcat")).model.walk():
        if node.name == "ngram_linear" and len(node.attrs["keys"]):
            tables["ngrams"] = NgramTable(node, docs)
        elif node.name == "lexicon" and len(node.attrs["keys"]):
            tables["words"] = Lexicon(node, docs)
    return tables


def choose_shares(
    nlp: Language,
    tables: Dict[str, Table],
    docs: List[Doc],
    gold: List[str],
    *,
    max_loss: float,
    min_agreement: float,
) -> List[Row]:
    """Make one table after the other as small as it may be. The pipeline is left with the sizes that were chosen.

    On some hundred texts accuracy may rise by chance while many predictions change; agreement cannot.

    nlp (Language): The exported pipeline.
    tables (Dict[str, Table]): Its tables.
    docs (List[Doc]): Gold texts.
    gold (List[str]): Their labels.
    max_loss (float): Points of accuracy that may be lost.
    min_agreement (float): Share of the texts that must get the label they had.
    RETURNS (List[Row]): All that was measured; the last row with `is_chosen` is what the pipeline is left with.
    """
    sizes = {name: table.keep(None) for name, table in tables.items()}
    probs = predict(nlp, docs)
    curve = [{**measure(nlp, docs, gold, probs), **sizes, "is_chosen": True}]
    lowest = curve[0]["accuracy"] - max_loss / 100 - 1e-9
    for name, table in tables.items():
        chosen: Optional[float] = None
        may_go_on = True
        for share in tqdm(SHARES[1:], desc=f"Pruning {name}", unit="size", disable=None):
            sizes[name] = table.keep(share)
            row = {**measure(nlp, docs, gold, probs), **sizes}
            # A small table that does well after larger ones did not was lucky.
            may_go_on = may_go_on and row["accuracy"] >= lowest and row["agreement"] >= min_agreement
            chosen = share if may_go_on else chosen
            curve.append({**row, "is_chosen": may_go_on})
        sizes[name] = table.keep(chosen)
    return curve


def predict(nlp: Language, docs: List[Doc]) -> numpy.ndarray:
    """The probabilities of documents. Shape: (n_docs, n_labels)."""
    textcat = cast(TrainablePipe, nlp.get_pipe("textcat"))
    return numpy.concatenate([textcat.predict(batch) for batch in minibatch(docs, BATCH_SIZE)])


def measure(nlp: Language, docs: List[Doc], gold: List[str], probs: numpy.ndarray) -> Row:
    """Measure size, accuracy, and how far a pipeline is from the one that was exported.

    nlp (Language): The pipeline.
    docs (List[Doc]): Gold texts.
    gold (List[str]): Their labels.
    probs (ndarray): What the exported pipeline predicts. Shape: (n_docs, n_labels).
    RETURNS (Row): accuracy and agreement (0 to 1), change (mean absolute difference of a probability), mb (of the
        serialised pipeline).
    """
    found = predict(nlp, docs)
    labels = nlp.get_pipe("textcat").labels  # type: ignore[attr-defined]
    return {
        "accuracy": float(numpy.mean([labels[i] == label for i, label in zip(found.argmax(axis=1), gold)])),
        "agreement": float((found.argmax(axis=1) == probs.argmax(axis=1)).mean()),
        "change": float(numpy.abs(found - probs).mean()),
        "mb": len(nlp.to_bytes(exclude=["vocab"])) / 1e6,
    }


def render(curve: List[Row], *, n_dev: int, max_loss: float, min_agreement: float) -> str:
    """The curve as Markdown.

    curve (List[Row]): What was measured.
    n_dev (int): Number of gold texts.
    max_loss (float): Points of accuracy that may be lost.
    min_agreement (float): Share of the texts that must get the label they had.
    RETURNS (str): The text.
    """
    last = max(i for i, row in enumerate(curve) if row["is_chosen"])
    rows: List[Tuple[str, ...]] = []
    for i, row in enumerate(curve):
        cells = [f"{row[name]:,}" if name in row else "" for name in ("ngrams", "words")]
        cells += [f"{row['accuracy']:.3f}", f"{row['agreement']:.1%}", f"{row['change']:.4f}", f"{row['mb']:.2f}"]
        rows.append(tuple(f"**{cell}**" if i == last and cell else cell for cell in cells))
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, "Size and accuracy of the student"))
    markdown.add(markdown.table(rows, HEADER))
    markdown.add(
        f"On {n_dev} dev texts, against the exported student (first row). First n-grams are pruned, those that move "
        "the logits least; then the words of the lexicon that are read least. Weights and idf are stored in 16 bits, "
        f"word vectors in 8. In bold: what is shipped, the smallest one that is at most {max_loss} points worse and "
        f"agrees on {min_agreement:.0%} or more, as do all larger ones."
    )
    return markdown.text + "\n"


if __name__ == "__main__":
    run_command(compress)
