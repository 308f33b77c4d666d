"""Speed of exported students against two measures: the tokenizer alone, which is the limit, and spaCy's stock CNN."""

import gc
from collections import deque
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy
import spacy
import srsly
import typer
from spacy import Language
from spacy.training import Example
from spacy.training.batchers import minibatch_by_words
from spacy.util import get_package_path, is_package, load_config
from thinc.api import fix_random_seed
from tqdm import tqdm

import scripts.functions  # noqa: F401
from benchmarks.tables.speed import students as make_table
from benchmarks.tables.table import write_and_show
from scripts.files import UserError, run_command, size_mb
from scripts.machine import describe_machine, describe_versions

CNN_CONFIG = Path(__file__).parents[1] / "configs" / "student_cnn.cfg"
TOKENIZER, STOCK = "tokenizer alone", "stock CNN"
BATCH_SIZE = 256
N_LOADS = 5
Rates = Dict[str, List[float]]
Clock = Callable[[], float]


def benchmark(
    texts: Path = typer.Argument(..., help="Texts to classify: .jsonl or .jsonl.gz with the key text"),
    pipelines: List[str] = typer.Argument(..., help="Exported students: folders or installed packages of one language"),
    output: Path = typer.Option(Path("benchmarks/results/student.json"), help="The record"),
    cpu_time: bool = typer.Option(False, help="Measure the process's CPU time, for a machine that has other work"),
    rounds: int = typer.Option(7, help="Rounds; each measures everything once, in turn"),
    max_texts: int = typer.Option(1000, help="Most texts"),
) -> None:
    """Measure throughput, latency, load time, size and speed of training."""
    clock = process_time if cpu_time else perf_counter
    read = srsly.read_gzip_jsonl if texts.suffix == ".gz" else srsly.read_jsonl
    rows = [row["text"] for row, _ in zip(read(texts), range(max_texts))]
    students = {Path(pipeline).name: spacy.load(pipeline) for pipeline in pipelines}
    if len(students) < len(pipelines) or len({nlp.lang for nlp in students.values()}) > 1:
        raise UserError(f"Pipelines need one language and a name each, got {', '.join(pipelines)}")
    lang = str(next(iter(students.values())).lang)
    config = load_config(CNN_CONFIG)
    cnn = config["components"]["textcat"]["model"]
    batch_words, dropout = config["training"]["batcher"]["size"], config["training"]["dropout"]
    systems = {TOKENIZER: spacy.blank(lang), STOCK: build(make_stock(cnn), lang, rows), **students}
    for nlp in systems.values():
        nlp.batch_size = BATCH_SIZE
    trained = {
        name: make_epoch(build(model, lang, rows), rows, batch_words=batch_words, dropout=dropout)
        for name, model in make_trained(cnn).items()
    }
    n_words = sum(len(doc) for doc in systems[TOKENIZER].pipe(rows))
    throughput, latency, training = measure(systems, trained, rows, n_words, rounds=rounds, clock=clock)
    facts = {"n": len(rows), "words": n_words, "batch_words": batch_words, "rounds": rounds, "cpu_time": cpu_time}
    result: Dict[str, Any] = {
        "texts": {"file": texts.name, **facts},
        "systems": {
            name: {
                "words_per_second": describe(throughput[name]),
                "of_tokenizer": describe(divide(throughput[name], throughput[TOKENIZER])),
                "of_stock": describe(divide(throughput[name], throughput[STOCK])),
                "latency_ms": {f"p{q}": float(numpy.percentile(latency[name], q)) for q in (50, 95)},
            }
            for name in systems
        },
        "training": {name: {"words_per_second": describe(rates)} for name, rates in training.items()},
        "machine": describe_machine(-1),
        "versions": describe_versions(),
    }
    for name, pipeline in zip(students, pipelines):
        folder = get_package_path(pipeline) if is_package(pipeline) else Path(pipeline)
        loads = [measure_seconds(lambda pipeline=pipeline: spacy.load(pipeline), clock) for _ in range(N_LOADS)]  # type: ignore[misc]
        result["systems"][name].update(load_seconds=describe(loads), size_mb=size_mb(folder))
    for name, rates in training.items():
        result["training"][name]["of_stock"] = describe(divide(rates, training[STOCK]))
    write_and_show(output, result, make_table(result))


def make_stock(cnn: Dict[str, Any]) -> Dict[str, Any]:
    """spaCy's CNN of the same width, depth, pieces and rows, with mean and max pooling.

    cnn (Dict[str, Any]): The block of a textdistill.LexemeCNN.v1.
    RETURNS (Dict[str, Any]): The block of a spacy.TextCatReduce.v1.
    """
    pooling = {f"use_reduce_{name}": name in ("max", "mean") for name in ("first", "last", "max", "mean")}
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": cnn["width"],
        "depth": 1,
        "embed_size": cnn["rows"][0],
        "window_size": 1,
        "maxout_pieces": cnn["maxout_pieces"],
        "subword_features": True,
        "pretrained_vectors": None,
    }
    return {"@architectures": "spacy.TextCatReduce.v1", "exclusive_classes": True, "tok2vec": tok2vec, **pooling}


def make_trained(cnn: Dict[str, Any]) -> Dict[str, Dict[str, Any]]:
    """The models whose training is compared, by name: ours with its softmax, so that both learn from the same loss."""
    return {STOCK: make_stock(cnn), "cnn": {"@architectures": "textdistill.Softmax.v1", "logits": cnn}}


def build(model: Dict[str, Any], lang: str, texts: List[str]) -> Language:
    """A pipeline with a textcat of random weights.

    model (Dict[str, Any]): Its block of the config.
    lang (str): Language code.
    texts (List[str]): The first of them are the sample that it is initialised with.
    RETURNS (Language): The pipeline.
    """
    fix_random_seed(0)
    nlp = spacy.blank(lang)
    nlp.add_pipe("textcat", config={"model": model})
    nlp.initialize(lambda: make_examples(nlp, texts[:10]))
    return nlp


def make_examples(nlp: Language, texts: List[str]) -> List[Example]:
    """Examples with labels in turn: speed does not depend on them."""
    docs = [nlp.make_doc(text) for text in texts]
    return [Example.from_dict(doc, {"cats": {"A": float(i % 2), "B": float(1 - i % 2)}}) for i, doc in enumerate(docs)]


def make_epoch(nlp: Language, texts: List[str], *, batch_words: int, dropout: float) -> Callable[[], Any]:
    """One epoch of training of the component, tokenised before.

    nlp (Language): The pipeline.
    texts (List[str]): The texts.
    batch_words (int): Words of a batch.
    dropout (float): Share of the activations that are left out.
    RETURNS (Callable[[], Any]): Trains it for an epoch.
    """
    textcat: Any = nlp.get_pipe("textcat")
    examples = make_examples(nlp, texts)
    batches = list(minibatch_by_words(examples, size=batch_words, get_length=lambda example: len(example.reference)))
    optimizer = nlp.resume_training()
    return lambda: [textcat.update(batch, sgd=optimizer, drop=dropout) for batch in batches]


def measure(
    systems: Dict[str, Language],
    trained: Dict[str, Callable],
    texts: List[str],
    n_words: int,
    *,
    rounds: int,
    clock: Clock,
) -> Tuple[Rates, Rates, Rates]:
    """Measure everything once per round, in turn, so that a change of load hits all alike.

    systems (Dict[str, Language]): Pipelines by name.
    trained (Dict[str, Callable]): What trains a model for an epoch, by name.
    texts (List[str]): The texts.
    n_words (int): spaCy's tokens in them.
    rounds (int): Rounds after one to warm up.
    clock (Clock): Tells the time in seconds.
    RETURNS (Tuple[Rates, Rates, Rates]): Words per second of each round, milliseconds of each text alone in all
        rounds, words per second of training of each round.
    """
    throughput: Rates = {name: [] for name in systems}
    latency: Rates = {name: [] for name in systems}
    training: Rates = {name: [] for name in trained}
    gc.collect()
    for warm in tqdm([False, *[True] * rounds], desc="Measuring", unit="round", disable=None):
        for name, nlp in systems.items():
            rate = n_words / measure_seconds(lambda nlp=nlp: deque(nlp.pipe(texts), maxlen=0), clock)  # type: ignore[misc]
            times = list(measure_latency(nlp, texts, clock))
            if warm:
                throughput[name].append(rate)
                latency[name] += times
        for name, train in trained.items():
            seconds = measure_seconds(train, clock)
            if warm:
                training[name].append(n_words / seconds)
    return throughput, latency, training


def measure_latency(nlp: Language, texts: List[str], clock: Clock) -> Iterator[float]:
    """The milliseconds that each text takes alone."""
    for text in texts:
        yield 1e3 * measure_seconds(lambda text=text: nlp(text), clock)  # type: ignore[misc]


def measure_seconds(function: Callable[[], Any], clock: Clock) -> float:
    """The seconds that a call takes."""
    start = clock()
    function()
    return clock() - start


def divide(rates: List[float], others: List[float]) -> List[float]:
    """The ratios of two lists of measurements, round by round."""
    return [rate / other for rate, other in zip(rates, others)]


def describe(values: List[float]) -> Dict[str, float]:
    """Median and range of measurements."""
    return {"median": float(numpy.median(values)), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    run_command(benchmark)
