"""The `score` step: the teacher's logits for the transfer set, as DocBin shards.

Texts are scored in blocks of one shard, sorted by length and batched by token count. A shard is written
whole or not at all, and finished shards are skipped, so that a killed run loses one shard at most. When the texts
change, those that the same teacher has scored before keep their scores.
"""

import os
from hashlib import blake2b
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, cast

import numpy
import spacy
import srsly
import typer
from spacy import Language
from spacy.tokens import Doc
from spacy_transformers import Transformer
from spacy_transformers.layers.transformer_model import TransformerModel
from tqdm import tqdm
from wasabi import msg

from scripts.docbins import MASK, center_logits, one_hot, read_docs, write_docs
from scripts.files import UserError, hash_path, remove, replaced, run_command

Row = Dict[str, Any]
Teacher = Callable[[List[Doc]], numpy.ndarray]
SHARD_SIZE = 1000
BATCH_TOKENS = 4096
RECORD = "scores.json"
# Shards of other texts that the same teacher has scored.
PREVIOUS = "previous"


def score(
    texts: Path = typer.Argument(..., help="The transfer set's texts, as `augment` wrote them"),
    teacher: Path = typer.Argument(..., help="A spaCy pipeline with a text classifier"),
    output: Path = typer.Argument(..., help="Folder of the shards"),
    labels: Path = typer.Option(..., help="The labels file: its order is the order of the logits"),
    seed: int = typer.Option(0, help="Seed of the run, for the record"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Score the transfer set with the teacher."""
    if gpu_id >= 0:
        spacy.require_gpu(gpu_id)
    label_order = srsly.read_json(labels)
    # What a score follows from, and what a shard does beyond that.
    scorer = {
        "teacher": str(teacher.as_posix()),
        "teacher_sha256": hash_path(teacher),
        "labels": label_order,
        "code": {path.name: hash_path(path) for path in (Path(__file__), Path(__file__).parents[1] / "docbins.py")},
    }
    identity = {**scorer, "texts_sha256": hash_path(texts), "shard_size": SHARD_SIZE}
    prepare_folder(output, identity, scorer)
    nlp = spacy.load(teacher)
    known = read_scores(output / PREVIOUS, nlp)
    predict = make_teacher(nlp, label_order)
    n_texts = sum(1 for _ in read_rows(texts))
    shards = score_shards(
        read_rows(texts),
        predict,
        nlp=nlp,
        labels=label_order,
        output=output,
        n_texts=n_texts,
        known=known,
        mask=mask_token(nlp),
    )
    versions = {name: version(name) for name in ("spacy", "thinc", "torch", "transformers", "spacy-transformers")}
    record = {**identity, "seed": seed, "texts": n_texts, "versions": versions}
    with replaced(output / RECORD) as partial:
        srsly.write_json(partial, {**record, "shards": {path.name: hash_path(path) for path in shards}})
    remove(output / PREVIOUS)
    msg.good(f"Scored {n_texts} texts in {len(shards)} shards: {output}")


def prepare_folder(output: Path, identity: Dict[str, Any], scorer: Dict[str, Any]) -> None:
    """Keep the shards of an interrupted run of the same work; put those of other texts aside, delete any others.

    output (Path): Folder of the shards.
    identity (Dict[str, Any]): What the shards follow from.
    scorer (Dict[str, Any]): The part of it that the scores of single texts follow from.
    """
    started = output / "started.json"
    # The record speaks of finished shards only.
    (output / RECORD).unlink(missing_ok=True)
    before = srsly.read_json(started) if started.is_file() else {}
    if before == identity:
        return
    if {name: before.get(name) for name in scorer} == scorer:
        (output / PREVIOUS).mkdir(exist_ok=True)
        for shard in output.glob("*.spacy"):
            os.replace(shard, output / PREVIOUS / f"{before['texts_sha256'][:16]}-{shard.name}")
    else:
        remove(output / PREVIOUS)
        for shard in output.glob("*.spacy"):
            shard.unlink()
    with replaced(started) as partial:
        srsly.write_json(partial, identity)


def read_scores(folder: Path, nlp: Language) -> Dict[bytes, List[float]]:
    """Read the scores of earlier texts.

    folder (Path): Folder of their shards; it may be missing.
    nlp (Language): Gives the vocabulary.
    RETURNS (Dict[bytes, List[float]]): Centred logits by the text's hash.
    """
    shards = tqdm(sorted(folder.glob("*.spacy")), desc="Reading earlier scores", unit="shard", disable=None)
    return {hash_doc(doc): doc._.teacher_logits for shard in shards for doc in read_docs(shard, nlp.vocab)}


def hash_doc(doc: Doc) -> bytes:
    """A hash of a document's tokens, 16 bytes: what the teacher reads."""
    tokens = "\x1f".join(token.text_with_ws for token in doc)
    return blake2b(tokens.encode("utf8"), digest_size=16).digest()


def read_rows(path: Path) -> Iterator[Row]:
    """Read the transfer set's texts.

    path (Path): A .jsonl file.
    YIELDS (Row): A text.
    RAISES (UserError): A line is no text of a transfer set.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the `augment` step first.")
    for number, row in enumerate(srsly.read_jsonl(path), start=1):
        fields = set(row) if isinstance(row, dict) else set()
        if not {"source", "review"} <= fields or not ("text" in fields or {"words", "spaces"} <= fields):
            raise UserError(
                f"{path}, line {number}: expected source, review, and text or words and spaces. Run `augment` again."
            )
        yield row


def make_doc(row: Row, nlp: Language, *, mask: str) -> Doc:
    """Make the document of a row. Augmented rows keep their tokens, or the tokenizer would split the mask.

    row (Row): A text of the transfer set.
    nlp (Language): Tokenizes texts.
    mask (str): What stands for a masked word.
    RETURNS (Doc): The document.
    """
    if "words" not in row:
        return nlp.make_doc(row["text"])
    return Doc(nlp.vocab, words=[mask if word == MASK else word for word in row["words"]], spaces=row["spaces"])


def mask_token(nlp: Language) -> str:
    """The word that a teacher's own tokenizer takes for a masked one; the project's for teachers without one.

    nlp (Language): The teacher.
    RETURNS (str): For example <mask>.
    """
    if nlp.has_pipe("transformer"):
        return cast(TransformerModel, cast(Transformer, nlp.get_pipe("transformer")).model).tokenizer.mask_token or MASK
    return MASK


def make_teacher(nlp: Language, labels: Sequence[str]) -> Teacher:
    """Wrap a pipeline with a text classifier as a function from documents to probabilities.

    nlp (Language): The pipeline.
    labels (Sequence[str]): Order of the columns.
    RETURNS (Teacher): Returns an array of the shape (n_docs, n_labels).
    RAISES (UserError): The pipeline gives other labels.
    """
    found = set(nlp.pipe_labels["textcat"]) if nlp.has_pipe("textcat") else set()
    if found != set(labels):
        raise UserError(
            f"The teacher's labels are {sorted(found)}, the labels file has {sorted(labels)}. Train it again."
        )

    def predict(docs: List[Doc]) -> numpy.ndarray:
        cats = [doc.cats for doc in nlp.pipe(docs, batch_size=len(docs))]
        return numpy.array([[doc_cats[label] for label in labels] for doc_cats in cats], dtype="float32")

    return predict


def score_shards(
    rows: Iterator[Row],
    predict: Teacher,
    *,
    nlp: Language,
    labels: Sequence[str],
    output: Path,
    n_texts: int,
    known: Dict[bytes, List[float]],
    mask: str,
) -> List[Path]:
    """Score texts and write them as shards; shards that are there are skipped.

    rows (Iterator[Row]): The texts, in random order. Read once, a shard at a time.
    predict (Teacher): The teacher.
    nlp (Language): Tokenizes for teacher and student.
    labels (Sequence[str]): Label order of the logits.
    output (Path): Folder of the shards.
    n_texts (int): Number of texts, for the progress bar.
    known (Dict[bytes, List[float]]): Scores of texts that need no scoring.
    mask (str): The teacher's mask token.
    RETURNS (List[Path]): The shards.
    """
    paths: List[Path] = []
    with tqdm(total=n_texts, desc="Scoring", unit="text", disable=None) as bar:
        while block := list(islice(rows, SHARD_SIZE)):
            paths.append(output / f"{len(paths):05}.spacy")
            if paths[-1].is_file():
                # Skipped shards take no time: leave them out of rate and ETA.
                bar.total = (bar.total or n_texts) - len(block)
                bar.refresh()
                continue
            docs = [make_doc(row, nlp, mask=MASK) for row in block]
            earlier = [known.get(hash_doc(doc)) for doc in docs]
            new = [i for i, scores in enumerate(earlier) if scores is None]
            bar.total = (bar.total or n_texts) - len(block) + len(new)
            logits = score_block([block[i] for i in new], predict, nlp=nlp, mask=mask, progress=bar.update)
            scored = dict(zip(new, logits.tolist()))
            for i, (row, doc) in enumerate(zip(block, docs)):
                doc.cats = one_hot(row.get("label"), labels)
                doc._.teacher_logits = scored.get(i, earlier[i])
                doc._.source = row["source"]
                doc._.review = row["review"]
            write_docs(docs, paths[-1])
    return paths


def score_block(
    rows: List[Row], predict: Teacher, *, nlp: Language, mask: str, progress: Callable[[int], Any]
) -> numpy.ndarray:
    """Score texts in batches of similar length.

    rows (List[Row]): The texts.
    predict (Teacher): The teacher.
    nlp (Language): Tokenizes.
    mask (str): The teacher's mask token.
    progress (Callable[[int], Any]): Told the size of each finished batch.
    RETURNS (ndarray): Centred logits in the order of the rows. Shape: (n_texts, n_labels).
    """
    docs = {i: make_doc(row, nlp, mask=mask) for i, row in enumerate(rows)}
    lengths = [len(doc) for doc in docs.values()]
    # Longest first: if memory runs out, it does so at once.
    order = sorted(range(len(docs)), key=lambda i: (-lengths[i], i))
    scored: Dict[int, numpy.ndarray] = {}
    for batch in batch_by_tokens(order, lengths):
        # A transformer leaves its tensors on the documents: forget each one once it is scored.
        for i, row_logits in zip(batch, center_logits(predict([docs.pop(i) for i in batch]))):
            scored[i] = row_logits
        progress(len(batch))
    return numpy.array([scored[i] for i in range(len(rows))], dtype="float32")


def batch_by_tokens(order: List[int], lengths: List[int], *, max_tokens: int = BATCH_TOKENS) -> Iterator[List[int]]:
    """Cut a sequence into batches whose padded size stays within a budget.

    order (List[int]): Numbers of texts, longest first.
    lengths (List[int]): Tokens of each text.
    max_tokens (int): Budget: number of texts times the longest one.
    YIELDS (List[int]): A batch; a text over the budget makes one alone.
    """
    batch: List[int] = []
    for i in order:
        if batch and (len(batch) + 1) * max(1, lengths[batch[0]]) > max_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


if __name__ == "__main__":
    run_command(score)
