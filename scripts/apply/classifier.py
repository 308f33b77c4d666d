"""The worker of `apply`: a pipeline that adds its prediction to rows."""

from copy import copy
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterator, List, Sequence, Union

from spacy import Language
from threadpoolctl import threadpool_limits

import scripts.architectures
import scripts.factories
from scripts.data.tables.rows import Encode, Row
from scripts.data.usable import is_empty, loosen
from scripts.engines.shards import PackedFolder
from scripts.files import UserError
from scripts.pipelines import read_pipeline

# Digits of a probability. The sixth is below what float32 tells apart near 1.
DIGITS = 6


class Classifier:
    """Turns rows into a part of the output. What it gives follows from the rows alone, not from those before them."""

    def __init__(
        self,
        nlp: Language,
        *,
        text_column: str,
        columns: Sequence[str],
        added: Sequence[str],
        batch_size: int,
        encode: Encode,
    ) -> None:
        """nlp (Language): The pipeline.
        text_column (str): Column of the text.
        columns (Sequence[str]): Columns of the output.
        added (Sequence[str]): Those of them that are new: the label, then one for each label's probability.
        batch_size (int): Texts per batch.
        encode (Encode): Makes a part of the output.
        """
        self.nlp = nlp
        self.text_column = text_column
        self.columns = columns
        self.added = added
        self.batch_size = batch_size
        self.encode = encode

    def __call__(self, rows: List[Row]) -> bytes:
        """rows (List[Row]): Rows with a text, which may be empty. RETURNS (bytes): A part of the output."""
        texts = [loosen(row[self.text_column]) for _, row in rows if not is_empty(row[self.text_column])]
        self._forget()
        # Without the zone, the vocabulary would keep every new word for ever. And how a product of matrices is rounded
        # depends on the number of threads, which is not the same everywhere; the processes share the cores anyway.
        with self.nlp.memory_zone(), threadpool_limits(1):
            cats = iter([doc.cats for doc in self.nlp.pipe(texts, batch_size=self.batch_size)])
        predicted = add_predictions(rows, cats, text_column=self.text_column, added=self.added)
        return self.encode(predicted, self.columns)

    def _forget(self) -> None:
        """Empty the caches, as how a cached row is rounded depends on the batch that it was computed in."""
        for _, pipe in self.nlp.pipeline:
            for node in pipe.model.walk() if hasattr(pipe, "model") else ():
                if "cache" in node.attrs:
                    # A copy begins empty.
                    node.attrs["cache"] = copy(node.attrs["cache"])


def add_predictions(
    rows: Sequence[Row], cats: Iterator[Dict[str, float]], *, text_column: str, added: Sequence[str]
) -> List[Row]:
    """Add to rows what a pipeline says of their texts.

    rows (Sequence[Row]): The rows.
    cats (Iterator[Dict[str, float]]): Of each text that is not empty, in order.
    text_column (str): Column of the text.
    added (Sequence[str]): The new columns: the label, then one for each label's probability.
    RETURNS (List[Row]): The rows with the new columns; nothing stands there for an empty text.
    """
    predicted = []
    for line, row in rows:
        values: List[Any] = [None] * len(added)
        if not is_empty(row[text_column]):
            scores = next(cats)
            values = [max(scores, key=scores.__getitem__), *(round(float(prob), DIGITS) for prob in scores.values())]
        predicted.append((line, {**row, **dict(zip(added, values))}))
    return predicted


def make_classifier(model: Union[str, PackedFolder], **settings: Any) -> Classifier:
    """Load a pipeline where it shall work.

    model (Union[str, PackedFolder]): Name or path of the pipeline, or its folder, packed.
    settings (Any): Of the Classifier.
    RETURNS (Classifier): The worker.
    """
    if not isinstance(model, PackedFolder):
        return Classifier(load_pipeline(model), **settings)
    with TemporaryDirectory() as folder:
        return Classifier(load_pipeline(str(model.unpack(Path(folder)))), **settings)


def load_pipeline(model: str) -> Language:
    """Load a pipeline.

    model (str): Name of an installed package, or a folder.
    RETURNS (Language): The pipeline.
    RAISES (UserError): There is none, or it needs code that is not here.
    """
    # A student of the project's own folders is made of these; an installed package brings its own.
    for module in iter_modules(scripts.architectures.__path__, "scripts.architectures."):
        import_module(module.name)
    try:
        return read_pipeline(model)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The pipeline {model!r} cannot be loaded: {error}\nGive the name of an installed package, or a folder "
            "such as training/en/compressed."
        ) from error


def read_labels(nlp: Language) -> List[str]:
    """The labels that a pipeline gives probabilities for.

    nlp (Language): The pipeline.
    RETURNS (List[str]): The keys of `doc.cats`, in order.
    RAISES (UserError): The pipeline classifies nothing.
    """
    labels = list(nlp("a").cats)
    if not labels:
        raise UserError(f"The pipeline sets no doc.cats; its components are: {', '.join(nlp.pipe_names) or 'none'}")
    return labels


def model_folder(model: str, nlp: Language) -> Path:
    """The folder with the pipeline's weights.

    model (str): Name or path.
    nlp (Language): The loaded pipeline.
    RETURNS (Path): For a package, the folder inside it.
    """
    return Path(nlp.path or model)
