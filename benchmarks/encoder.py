"""How fast a teacher's encoder alone is, as a share of the processor's peak, by precision and size of its batches.

python -m benchmarks.encoder TEACHER TEXTS.jsonl.gz --n-texts 4000 --gpu-id 0

The peak is measured, too: the product of two large square matrices. Work is counted as multiplications and additions of
the encoder's matrix products, those of padding included, as the processor does them.
"""

import statistics
import time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy
import spacy
import srsly
import torch
import typer
from spacy.tokens import Doc
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.tables.speed import encoder as make_table
from benchmarks.tables.table import write_and_show
from scripts.files import run_command
from scripts.gpu import use_gpu
from scripts.machine import describe_machine, describe_versions
from scripts.teacher.runtimes import get_transformer
from scripts.teacher.window_encoder import WindowEncoder, make_window_encoder, run_torch
from scripts.teacher.windows import batch_windows, make_windows, pad_windows

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


def measure(
    teacher: Path = typer.Argument(..., help="A transformer teacher"),
    texts: Path = typer.Argument(..., help="Texts, .jsonl.gz"),
    output: Path = typer.Option(Path("benchmarks/results/encoder.json"), help="The record"),
    n_texts: int = typer.Option(200, help="Number of texts, from the first one on"),
    budgets: str = typer.Option("512,8192,32768,131072", help="Wordpieces of a batch, padding included"),
    rounds: int = typer.Option(5, help="Every cell is measured once a round"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Measure the encoder on batches that are made before."""
    use_gpu(gpu_id)
    nlp = spacy.load(teacher)
    model = get_transformer(nlp)
    device = model.transformer.device
    rows = [row["text"] for row in islice(srsly.read_gzip_jsonl(texts), n_texts)]
    encoder = make_window_encoder(model)
    # What the CPU does before: a GPU waits for it.
    docs: List[Doc] = []
    seconds = {"tokenizing": time_call(lambda: docs.extend(map(nlp.make_doc, rows)))}
    windows = make_windows(docs, model.attrs["get_spans"], model.tokenizer)
    seconds["cutting into windows"] = time_call(lambda: make_windows(docs, model.attrs["get_spans"], model.tokenizer))
    n_words = sum(map(len, docs))
    batches = {
        budget: [pad_windows(batch, model.tokenizer.pad_token_id or 0) for batch in batch_windows(windows, budget)]
        for budget in map(int, budgets.split(","))
    }
    work = {budget: count_flops(encoder, arrays) for budget, arrays in batches.items()}
    peaks = {name: measure_peak(dtype or torch.float32, device) for name, dtype in PRECISIONS.items()}
    results = []
    for (name, budget), elapsed in measure_cells(encoder, batches, rounds).items():
        flops = work[budget] / statistics.median(elapsed)
        results.append(
            {
                "precision": name,
                "wordpieces_of_a_batch": budget,
                "words_per_second": n_words / statistics.median(elapsed),
                "lowest": n_words / max(elapsed),
                "highest": n_words / min(elapsed),
                "padding": measure_padding(batches[budget]),
                "flops_per_second": flops,
                "share_of_peak": flops / peaks[name],
            }
        )
    result = {
        "texts": len(rows),
        "words": n_words,
        "rounds": rounds,
        "machine": describe_machine(gpu_id),
        "versions": describe_versions(),
        "peak_flops_per_second": peaks,
        "words_per_second_on_the_cpu_before": {name: n_words / elapsed for name, elapsed in seconds.items()},
        "rows": results,
    }
    write_and_show(output, result, make_table(result))


def measure_cells(
    encoder: WindowEncoder, batches: Dict[int, List[List[numpy.ndarray]]], rounds: int
) -> Dict[Tuple[str, int], List[float]]:
    """Measure the encoder in every precision and with every size of batches, in turn.

    encoder (WindowEncoder): The encoder.
    batches (Dict[int, List[List[ndarray]]]): What it takes, by the size of the batches.
    rounds (int): Every cell is measured once a round; one round more warms up.
    RETURNS (Dict[Tuple[str, int], List[float]]): Seconds of each round, by precision and size.
    """
    seconds: Dict[Tuple[str, int], List[float]] = {}
    for number in range(rounds + 1):
        for name, dtype in PRECISIONS.items():
            for budget, arrays in batches.items():
                elapsed = time_call(partial(exhaust, run_torch(encoder, dtype=dtype), arrays))
                if number:
                    seconds.setdefault((name, budget), []).append(elapsed)
    return seconds


def time_call(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def exhaust(encode: Callable[..., Any], batches: List[List[numpy.ndarray]]) -> None:
    """Encode batches and wait for the last of them."""
    for _ in encode(batches):
        pass


def measure_padding(batches: List[List[numpy.ndarray]]) -> float:
    """The share of padding in the wordpieces of batches."""
    return float(1 - sum(mask.sum() for _, mask, *_ in batches) / sum(mask.size for _, mask, *_ in batches))


def count_flops(encoder: WindowEncoder, batches: List[List[numpy.ndarray]]) -> int:
    """Count the floating-point operations of an encoder's matrix products.

    encoder (WindowEncoder): The encoder.
    batches (List[List[ndarray]]): What it takes.
    RETURNS (int): Multiplications and additions.
    """
    # Attention's own operators are not all known to the counter; spelt out it is made of products that are.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        exhaust(run_torch(encoder), batches)
    return counter.get_total_flops()


def measure_peak(dtype: torch.dtype, device: torch.device) -> float:
    """Measure what a processor can do: the product of two square matrices of random numbers.

    dtype (dtype): Type of the numbers.
    device (device): The processor.
    RETURNS (float): Floating-point operations per second, the median of several products.
    """
    size = 8192 if device.type == "cuda" else 2048
    matrices = {name: torch.randn((size, size), device=device).to(dtype) for name in ("left", "right")}
    timer = Timer("left @ right", globals=matrices, num_threads=torch.get_num_threads())
    return 2 * size**3 / timer.blocked_autorange(min_run_time=1.0).median


if __name__ == "__main__":
    run_command(measure)
