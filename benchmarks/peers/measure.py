"""Measures one model in a process that holds nothing else: standard library alone until the model is loaded."""

import json
import sys
from importlib import import_module
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, Dict, List

from benchmarks.memory_use import peak_rss_mb

N_WARM_UP, N_LATENCY = 100, 300
LATENCY_SECONDS = 3.0
# A slow model gets as many texts as it takes in about this time, but not fewer than MIN_TEXTS.
PASS_SECONDS, MIN_TEXTS = 4.0, 60


def measure(spec: Dict[str, Any]) -> Dict[str, Any]:
    """Load a model and measure it on texts that it has not seen, each once: caches are as warm as in use, not warmer.

    spec (Dict[str, Any]): `load`, the name of the loader; `model`, the folder; `texts`, a .json file with the texts of
        dev and test, and the words of test; `predict`, whether the labels of all test texts are wanted.
    RETURNS (Dict[str, Any]): load_seconds, p50_ms and p95_ms of single texts, words_per_second, peak_rss_mb, n_texts;
        the labels.
    """
    texts = json.loads(Path(spec["texts"]).read_text(encoding="utf8"))
    start = perf_counter()
    classify = getattr(import_module("benchmarks.peers.loaders"), spec["load"])(Path(spec["model"]))
    load_seconds = perf_counter() - start
    for text in texts["dev"][:5]:
        classify([text])
    seconds = time_single(classify, texts["dev"][5:][:N_LATENCY])
    typical = sorted(seconds)[len(seconds) // 2]
    classify(texts["dev"][-min(N_WARM_UP, max(1, int(PASS_SECONDS / typical))) :])
    n_texts = min(len(texts["test"]), max(MIN_TEXTS, int(PASS_SECONDS / typical)))
    start = perf_counter()
    labels = classify(texts["test"][:n_texts])
    rate = sum(texts["n_words"][:n_texts]) / (perf_counter() - start)
    peak = peak_rss_mb()
    if spec["predict"]:
        labels = labels + (classify(texts["test"][n_texts:]) if n_texts < len(texts["test"]) else [])
    cuts = quantiles(seconds, n=20, method="inclusive")
    return {
        "load_seconds": load_seconds,
        "p50_ms": 1000 * typical,
        "p95_ms": 1000 * cuts[-1],
        "words_per_second": rate,
        "peak_rss_mb": peak,
        "n_texts": n_texts,
        "labels": labels if spec["predict"] else [],
    }


def time_single(classify: Any, texts: List[str]) -> List[float]:
    """Time texts one by one, for LATENCY_SECONDS at most.

    classify (Classify): The model.
    texts (List[str]): The texts.
    RETURNS (List[float]): Seconds of each text, at least two.
    """
    seconds: List[float] = []
    for text in texts:
        if len(seconds) >= 2 and sum(seconds) > LATENCY_SECONDS:
            break
        start = perf_counter()
        classify([text])
        seconds.append(perf_counter() - start)
    return seconds


if __name__ == "__main__":
    result = measure(json.loads(Path(sys.argv[1]).read_text(encoding="utf8")))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf8")
