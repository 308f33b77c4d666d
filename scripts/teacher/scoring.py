"""The `score` step: the teacher's logits for the transfer set, as DocBin shards.

Texts are scored in blocks of one shard, sorted by length and batched by token count; equal ones are scored once. A
shard is written whole or not at all, and finished shards are skipped, so that a killed run loses one shard at most.
When the texts change, those that the same teacher has scored before keep their scores.
"""

import os
from hashlib import blake2b
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import numpy
import spacy
import srsly
import typer
from spacy import Language
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from scripts.docbins import MASK, center_logits, one_hot, read_docs, write_docs
from scripts.files import UserError, hash_path, remove, replaced, run_command
from scripts.teacher.runtimes import Runtime, Teacher, choose_runtime, get_transformer

Row = Dict[str, Any]
MODULES = ("scoring", "runtimes", "windows", "window_encoder")
SHARD_SIZE = 1000
# Padded tokens that a teacher is given at once: it batches them by what its memory holds.
BATCH_TOKENS = 1 << 15
# Texts that a runtime of lower precision is checked with.
SAMPLE_SIZE = 200
# Largest difference between logits of the same runtime that another batch size or number of workers makes.
TOLERANCE = 1e-3
RECORD = "scores.json"
# Shards of other texts that the same teacher has scored.
PREVIOUS = "previous"
# What decides on a score.
CODE = [Path(__file__).parents[1] / "docbins.py", *(Path(__file__).with_name(f"{name}.py") for name in MODULES)]
PACKAGES = ("spacy", "thinc", "torch", "transformers", "spacy-transformers", "onnxruntime")


def score(
    texts: Path = typer.Argument(..., help="The transfer set's texts, as `augment` wrote them"),
    teacher: Path = typer.Argument(..., help="A spaCy pipeline with a text classifier"),
    output: Path = typer.Argument(..., help="Folder of the shards"),
    labels: Path = typer.Option(..., help="The labels file: its order is the order of the logits"),
    runtime: str = typer.Option("auto", help="auto (the fastest that agrees with torch), pipeline, torch or onnx"),
    cache: Optional[Path] = typer.Option(None, help="Folder of exported encoders; beside the teacher if not given"),
    seed: int = typer.Option(0, help="Seed of the run, for the record"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Score the transfer set with the teacher."""
    if gpu_id >= 0:
        spacy.require_gpu(gpu_id)
    label_order = srsly.read_json(labels)
    teacher_sha256 = hash_path(teacher)
    nlp = spacy.load(teacher)
    chosen = choose_runtime(
        runtime,
        nlp,
        label_order,
        sample=[make_doc(row, nlp, mask=mask_token(nlp)) for row in islice(read_rows(texts), SAMPLE_SIZE)],
        cache=(cache or teacher.parent / "onnx") / teacher_sha256[:16],
    )
    msg.info(f"Runtime: {chosen.name}, {chosen.precision}")
    # What a score follows from, and what a shard does beyond that.
    scorer = {
        "teacher": str(teacher.as_posix()),
        "teacher_sha256": teacher_sha256,
        "labels": label_order,
        "runtime": chosen.name,
        "precision": chosen.precision,
        "code": {path.name: hash_path(path) for path in CODE},
    }
    identity = {**scorer, "texts_sha256": hash_path(texts), "shard_size": SHARD_SIZE}
    prepare_folder(output, identity, scorer)
    n_texts = sum(1 for _ in read_rows(texts))
    shards = score_shards(
        read_rows(texts),
        chosen.predict,
        nlp=nlp,
        labels=label_order,
        output=output,
        n_texts=n_texts,
        known=read_scores(output / PREVIOUS, nlp),
        mask=mask_token(nlp),
    )
    write_record(output, {**identity, "seed": seed, "texts": n_texts}, chosen, shards)
    remove(output / PREVIOUS)
    msg.good(f"Scored {n_texts} texts in {len(shards)} shards: {output}")


def write_record(output: Path, record: Dict[str, Any], runtime: Runtime, shards: List[Path]) -> None:
    """Write what finished shards follow from: the last file of the step, and the one that says it is complete.

    output (Path): Folder of the shards.
    record (Dict[str, Any]): What they follow from, seed and number of texts.
    runtime (Runtime): What ran the teacher.
    shards (List[Path]): The shards.
    """
    record = {
        **record,
        "check": runtime.check and runtime.check._asdict(),
        "tolerance": TOLERANCE,
        "versions": {name: version(name) for name in PACKAGES},
        "shards": {path.name: hash_path(path) for path in shards},
    }
    with replaced(output / RECORD) as partial:
        srsly.write_json(partial, record)


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
    return (nlp.has_pipe("transformer") and get_transformer(nlp).tokenizer.mask_token) or MASK


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
            n_scored = score_shard(
                block, predict, nlp=nlp, labels=labels, path=paths[-1], known=known, mask=mask, progress=bar.update
            )
            bar.total = (bar.total or n_texts) - len(block) + n_scored
            bar.refresh()
    return paths


def score_shard(
    rows: List[Row],
    predict: Teacher,
    *,
    nlp: Language,
    labels: Sequence[str],
    path: Path,
    known: Dict[bytes, List[float]],
    mask: str,
    progress: Callable[[int], Any] = int,
) -> int:
    """Score the texts of one shard and write it, whole or not at all.

    rows (List[Row]): The texts.
    predict (Teacher): The teacher.
    nlp (Language): Tokenizes for teacher and student.
    labels (Sequence[str]): Label order of the logits.
    path (Path): The shard.
    known (Dict[bytes, List[float]]): Scores of texts that need no scoring, by the text's hash.
    mask (str): The teacher's mask token.
    progress (Callable[[int], Any]): Told the size of each finished batch.
    RETURNS (int): Number of texts that were scored.
    """
    docs = [make_doc(row, nlp, mask=MASK) for row in rows]
    hashes = [hash_doc(doc) for doc in docs]
    # Equal texts are scored once. The teacher sees its own mask token, and leaves nothing on the student's documents.
    new = {key: i for i, key in enumerate(hashes) if key not in known}
    seen = [make_doc(rows[i], nlp, mask=mask) if "words" in rows[i] else docs[i] for i in new.values()]
    scored = dict(zip(new, score_docs(seen, predict, progress=progress).tolist()))
    for row, doc, key in zip(rows, docs, hashes):
        doc.cats = one_hot(row.get("label"), labels)
        doc._.teacher_logits = scored.get(key, known.get(key))
        doc._.source = row["source"]
        doc._.review = row["review"]
    write_docs(docs, path)
    return len(new)


def score_docs(docs: List[Doc], predict: Teacher, *, progress: Callable[[int], Any]) -> numpy.ndarray:
    """Score documents in batches of similar length.

    docs (List[Doc]): The documents.
    predict (Teacher): The teacher.
    progress (Callable[[int], Any]): Told the size of each finished batch.
    RETURNS (ndarray): Centred logits in the order of the documents. Shape: (n_docs, n_labels).
    """
    lengths = [len(doc) for doc in docs]
    # Longest first: if memory runs out, it does so at once.
    order = sorted(range(len(docs)), key=lambda i: (-lengths[i], i))
    scored: Dict[int, numpy.ndarray] = {}
    for batch in batch_by_tokens(order, lengths):
        scored.update(zip(batch, center_logits(predict([docs[i] for i in batch]))))
        progress(len(batch))
    return numpy.array([scored[i] for i in range(len(docs))], dtype="float32")


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
