"""The `score` step: the teacher's logits for the transfer set, as DocBin shards.

Texts are scored in blocks of one shard, sorted by length and batched by token count; equal ones are scored once. A
shard is written whole or not at all, and finished shards are skipped, so that a killed run loses one shard at most.
When the texts change, those that the same teacher has scored before keep their scores.
"""

import math
import os
from functools import partial
from importlib.metadata import version
from itertools import count, islice
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import srsly
import typer
from spacy.vocab import Vocab
from tqdm import tqdm
from wasabi import msg

from scripts.data.docbins import read_docs
from scripts.data.task import Task
from scripts.data.texts import Text, read_texts
from scripts.engines.config import read_engine
from scripts.engines.shards import STARTED, Shard, fetch_files, prepare_folder, run_shards
from scripts.files import hash_path, remove, replaced, run_command
from scripts.gpu import use_gpu
from scripts.provenance import hash_sources
from scripts.segmenters import DEFAULT
from scripts.teacher.loading import choose_teacher, describe_fingerprint, read_config
from scripts.teacher.shard_scorer import hash_doc, make_scorer

SHARD_SIZE = 1000
# Texts that a teacher may be checked with.
SAMPLE_SIZE = 200
RECORD = "scores.json"
SUFFIX = ".spacy"
# Shards of other texts that the same teacher has scored.
PREVIOUS = "previous"
PACKAGES = ("spacy", "thinc", "torch", "transformers", "spacy-transformers", "onnxruntime")


def score(
    texts: Path = typer.Argument(..., help="The transfer set's texts, as `augment` wrote them"),
    output: Path = typer.Argument(..., help="Folder of the shards"),
    config: Path = typer.Option(..., help="Path of score.cfg"),
    teacher: Path = typer.Option(..., help="What `paths.teacher` in it stands for"),
    gold: Path = typer.Option(..., help="Folder of the gold DocBins and the task, as `convert` wrote it"),
    lang: str = typer.Option(..., help="Language code of the student's tokenizer"),
    segmenter: str = typer.Option(DEFAULT, help="How it cuts texts into words: one of the language's segmenters"),
    cache: Optional[Path] = typer.Option(None, help="What `paths.cache` stands for; beside the teacher if not given"),
    seed: int = typer.Option(0, help="Seed of the run, for the record"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU; with Ray, see ray.cfg"),
    engine: Optional[Path] = typer.Option(None, help="Path of engine.cfg or ray.cfg; this machine if not given"),
) -> None:
    """Score the transfer set with the teacher."""
    where = read_engine(engine)
    if where.name == "local":
        use_gpu(gpu_id)
        # It takes all cores, or the GPU.
        where = where._replace(n_workers=1)
    task = Task.read(gold)
    sample = list(islice(read_texts(texts), SAMPLE_SIZE))
    chosen, make_teacher = choose_teacher(read_config(config, teacher=teacher, cache=cache), task, sample, where)
    msg.info(f"Teacher: {describe_fingerprint(chosen.fingerprint)}")
    if missed := chosen.facts.get("missed_labels"):
        msg.warn(
            f"On dev, the teacher hardly ever finds {', '.join(missed)}: its students will not, either. Train it again "
            "with another --vars.seed, a lower learn rate in teacher.cfg, or an encoder that reads these texts."
        )
    # What a score follows from, and what a shard does beyond that.
    scorer = {
        **chosen.fingerprint,
        "labels": task.labels,
        "lang": lang,
        "segmenter": segmenter,
        "code": hash_sources(Path(__file__), config),
    }
    identity = {**scorer, "texts_sha256": hash_path(texts), "shard_size": SHARD_SIZE}
    # The record speaks of finished shards only.
    (output / RECORD).unlink(missing_ok=True)
    set_aside(output, identity, scorer)
    prepare_folder(str(output), identity, suffix=SUFFIX)
    # For machines that may go away: what is finished is there, and is fetched at the end.
    folder = where.place(output)
    if where.storage:
        prepare_folder(folder, identity, suffix=SUFFIX)
    n_texts = sum(1 for _ in read_texts(texts))
    run_shards(
        partial(make_scorer, make_teacher, lang, segmenter, read_scores(output / PREVIOUS)),
        cut_shards(read_texts(texts)),
        folder,
        engine=where,
        total=n_texts,
        desc="Scoring",
    )
    shards = [output / name_shard(number) for number in range(math.ceil(n_texts / SHARD_SIZE))]
    if where.storage:
        fetch_files(folder, shards)
    record = {"teacher": teacher.as_posix(), **identity, "seed": seed, "texts": n_texts, **chosen.facts}
    write_record(output, record, shards)
    remove(output / PREVIOUS)
    msg.good(f"Scored {n_texts} texts in {len(shards)} shards: {output}")


def write_record(output: Path, record: Dict[str, Any], shards: List[Path]) -> None:
    """Write what finished shards follow from: the last file of the step, and the one that says it is complete.

    output (Path): Folder of the shards.
    record (Dict[str, Any]): What they follow from, what the teacher tells of itself, seed and number of texts.
    shards (List[Path]): The shards.
    """
    versions = {name: version(name) for name in PACKAGES}
    with replaced(output / RECORD) as partial_record:
        srsly.write_json(
            partial_record, {**record, "versions": versions, "shards": {path.name: hash_path(path) for path in shards}}
        )


def set_aside(output: Path, identity: Dict[str, Any], scorer: Dict[str, Any]) -> None:
    """Put shards of other texts that the same teacher has scored where `read_scores` finds them.

    output (Path): Folder of the shards.
    identity (Dict[str, Any]): What the shards follow from.
    scorer (Dict[str, Any]): The part of it that the scores of single texts follow from.
    """
    started = output / STARTED
    before = srsly.read_json(started) if started.is_file() else {}
    if {name: before.get(name) for name in scorer} != scorer:
        remove(output / PREVIOUS)
    elif before != identity:
        (output / PREVIOUS).mkdir(exist_ok=True)
        for shard in output.glob(f"*{SUFFIX}"):
            os.replace(shard, output / PREVIOUS / f"{before['texts_sha256'][:16]}-{shard.name}")


def read_scores(folder: Path) -> Dict[bytes, List[float]]:
    """Read the scores of earlier texts.

    folder (Path): Folder of their shards; it may be missing.
    RETURNS (Dict[bytes, List[float]]): Centred logits by the text's hash.
    """
    shards = tqdm(sorted(folder.glob(f"*{SUFFIX}")), desc="Reading earlier scores", unit="shard", disable=None)
    vocab = Vocab()
    return {hash_doc(doc): doc._.teacher_logits for shard in shards for doc in read_docs(shard, vocab)}


def name_shard(number: int) -> str:
    """The file of a shard; names are in the order of the texts."""
    return f"{number:05}{SUFFIX}"


def cut_shards(texts: Iterator[Text]) -> Iterator[Shard]:
    """Cut texts into shards.

    texts (Iterator[Text]): The texts, in random order. Read once, a shard at a time.
    YIELDS (Shard): Named in the order of the texts.
    """
    for number in count():
        block = list(islice(texts, SHARD_SIZE))
        if not block:
            return
        yield Shard(name_shard(number), len(block), block)


if __name__ == "__main__":
    run_command(score)
