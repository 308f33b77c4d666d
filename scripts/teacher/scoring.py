"""The `score` step: the teacher's logits for the transfer set, as DocBin shards.

Texts are scored in blocks of one shard, sorted by length and batched by token count; equal ones are scored once. A
shard is written whole or not at all, and finished shards are skipped, so that a killed run loses one shard at most.
When the texts change, those that the same teacher has scored before keep their scores.
"""

import math
import os
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
from scripts.engines.shards import Shard, fetch_files, run_shards
from scripts.engines.shards import prepare_folder as prepare_storage
from scripts.engines.workers import Engine
from scripts.files import UserError, digest, hash_path, remove, replaced, run_command
from scripts.gpu import use_gpu
from scripts.teacher.shard_scorer import hash_doc, prepare_scoring

Row = Dict[str, Any]
MODULES = ("scoring", "shard_scorer", "runtimes", "windows", "window_encoder", "onnx_encoder")
SHARD_SIZE = 1000
# Texts that a runtime of lower precision is checked with.
SAMPLE_SIZE = 200
# Largest difference between logits that another batch size makes. In int8, the largest value of a batch scales all of
# it: on 60 reviews the difference was .010 in the mean, .16 at most.
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1, "int8": 0.5, "int8+float32": 0.5}
# A label whose F1 on dev is below this was not learned: fine-tuning can fail, and the teacher names one label always.
MIN_F1 = 0.1
RECORD = "scores.json"
# Shards of other texts that the same teacher has scored.
PREVIOUS = "previous"
# What decides on a score.
CODE = [
    Path(__file__).parents[1] / "data" / "docbins.py",
    *(Path(__file__).with_name(f"{name}.py") for name in MODULES),
]
PACKAGES = ("spacy", "thinc", "torch", "transformers", "spacy-transformers", "onnxruntime")


def score(
    texts: Path = typer.Argument(..., help="The transfer set's texts, as `augment` wrote them"),
    teacher: Path = typer.Argument(..., help="A spaCy pipeline with a text classifier"),
    output: Path = typer.Argument(..., help="Folder of the shards"),
    labels: Path = typer.Option(..., help="The labels file: its order is the order of the logits"),
    runtime: str = typer.Option("auto", help="auto (the fastest that agrees with torch), pipeline, torch or onnx"),
    cache: Optional[Path] = typer.Option(None, help="Folder of exported encoders; beside the teacher if not given"),
    seed: int = typer.Option(0, help="Seed of the run, for the record"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU; with Ray, see --worker-gpus"),
    engine: str = typer.Option("local", help="local or ray"),
    ray_address: str = typer.Option("", help="Ray cluster, e.g. ray://head:10001; empty: RAY_ADDRESS, or this machine"),
    n_workers: int = typer.Option(0, help="Workers of Ray, 0 for as many as there is room for"),
    worker_cpus: float = typer.Option(1, help="CPUs of a worker of Ray"),
    worker_gpus: float = typer.Option(0, help="GPUs of a worker of Ray; a share such as 0.5 puts two on one"),
    storage: str = typer.Option(
        "", help="Folder or URL (s3://...) that takes finished shards before OUTPUT does; one per run"
    ),
) -> None:
    """Score the transfer set with the teacher."""
    if engine == "local":
        use_gpu(gpu_id)
    label_order = srsly.read_json(labels)
    teacher_sha256 = hash_path(teacher)
    where = Engine(engine, n_workers if engine == "ray" else 1, ray_address, worker_gpus, worker_cpus)
    # Filled below, once it is known which earlier scores are of this teacher and runtime.
    known: Dict[bytes, List[float]] = {}
    chosen, make_worker = prepare_scoring(
        teacher,
        (cache or teacher.parent / "onnx") / name_export(teacher_sha256),
        runtime=runtime,
        engine=where,
        labels=label_order,
        sample=list(islice(read_rows(texts), SAMPLE_SIZE)),
        known=known,
    )
    msg.info(f"Runtime: {chosen['runtime']}, {chosen['precision']}")
    missed = find_missed_labels(teacher)
    if missed:
        msg.warn(
            f"On dev, the teacher hardly ever finds {', '.join(missed)}: its students will not, either. Train it again "
            "with another --vars.seed, a lower learn rate in teacher.cfg, or an encoder that reads these texts."
        )
    # What a score follows from, and what a shard does beyond that.
    scorer = {
        "teacher": str(teacher.as_posix()),
        "teacher_sha256": teacher_sha256,
        "labels": label_order,
        "runtime": chosen["runtime"],
        "precision": chosen["precision"],
        "code": {path.name: hash_path(path) for path in CODE},
    }
    identity = {**scorer, "texts_sha256": hash_path(texts), "shard_size": SHARD_SIZE}
    prepare_folder(output, identity, scorer)
    known.update(read_scores(output / PREVIOUS))
    # For machines that may go away: what is finished is there, and is fetched at the end.
    folder = f"{storage}/transfer" if storage else str(output)
    if storage:
        prepare_storage(folder, identity)
    n_texts = sum(1 for _ in read_rows(texts))
    run_shards(
        make_worker,
        cut_shards(read_rows(texts)),
        folder,
        engine=where,
        total=n_texts,
        desc="Scoring",
    )
    shards = [output / f"{number:05}.spacy" for number in range(math.ceil(n_texts / SHARD_SIZE))]
    if storage:
        fetch_files(folder, shards)
    write_record(output, {**identity, "seed": seed, "texts": n_texts, "check": chosen["check"]}, shards)
    remove(output / PREVIOUS)
    msg.good(f"Scored {n_texts} texts in {len(shards)} shards: {output}")


def find_missed_labels(teacher: Path) -> List[str]:
    """Find the labels that a teacher did not learn, by what `spacy train` wrote of its best score.

    teacher (Path): The teacher.
    RETURNS (List[str]): Those whose F1 is below MIN_F1; none if it was not trained by `spacy train`.
    """
    performance = srsly.read_json(teacher / "meta.json").get("performance", {})
    # spaCy writes 0.0 for a score that its scorer did not give.
    return [label for label, scores in (performance.get("cats_f_per_type") or {}).items() if scores["f"] < MIN_F1]


def name_export(teacher_sha256: str) -> str:
    """Name the exported encoder by all that it follows from.

    teacher_sha256 (str): The teacher's hash.
    RETURNS (str): 16 hexadecimal digits.
    """
    code = [hash_path(Path(__file__).with_name(f"{name}.py")) for name in ("window_encoder", "onnx_encoder")]
    return digest([teacher_sha256, *code, *map(version, ("onnxruntime", "torch"))])


def write_record(output: Path, record: Dict[str, Any], shards: List[Path]) -> None:
    """Write what finished shards follow from: the last file of the step, and the one that says it is complete.

    output (Path): Folder of the shards.
    record (Dict[str, Any]): What they follow from, the runtime's check, seed and number of texts.
    shards (List[Path]): The shards.
    """
    record = {
        **record,
        "tolerance": TOLERANCE[record["precision"]],
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


def read_scores(folder: Path) -> Dict[bytes, List[float]]:
    """Read the scores of earlier texts.

    folder (Path): Folder of their shards; it may be missing.
    RETURNS (Dict[bytes, List[float]]): Centred logits by the text's hash.
    """
    shards = tqdm(sorted(folder.glob("*.spacy")), desc="Reading earlier scores", unit="shard", disable=None)
    vocab = Vocab()
    return {hash_doc(doc): doc._.teacher_logits for shard in shards for doc in read_docs(shard, vocab)}


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


def cut_shards(rows: Iterator[Row]) -> Iterator[Shard]:
    """Cut texts into shards.

    rows (Iterator[Row]): The texts, in random order. Read once, a shard at a time.
    YIELDS (Shard): Named in the order of the texts.
    """
    for number in count():
        block = list(islice(rows, SHARD_SIZE))
        if not block:
            return
        yield Shard(f"{number:05}.spacy", len(block), block)


if __name__ == "__main__":
    run_command(score)
