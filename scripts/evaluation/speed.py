"""Speed of several pipelines, measured in turn in one process."""

from statistics import median
from time import perf_counter, process_time
from typing import Any, Dict, List

import numpy
from spacy import Language
from tqdm import tqdm

N_ROUNDS = 5
# A round of a fast pipeline repeats the texts until it has run this long, or the clock would decide.
MIN_SECONDS = 0.2
# A round of a slow one reads no more of them than it takes in about this time, but not fewer than MIN_TEXTS.
MAX_SECONDS, MIN_TEXTS = 1.0, 32
# Single texts are timed for this long: 5 % of them, above the percentile that is told, should be more than a few.
MAX_LATENCY_SECONDS = 5.0


def measure_speed(
    pipelines: Dict[str, Language], texts: List[str], *, n_rounds: int = N_ROUNDS
) -> Dict[str, Dict[str, Any]]:
    """Measure words per second: text in, cats out, one process, warm.

    pipelines (Dict[str, Language]): Pipelines by name.
    texts (List[str]): The texts; a slow pipeline reads only the first of them.
    n_rounds (int): Rounds; each runs every pipeline once, so that a change of load hits all alike.
    RETURNS (Dict[str, Dict[str, Any]]): By name: words_per_second, the median, where words are spaCy's tokens;
        speed_texts, the number of texts; and cores, how many processor cores were busy at a time.
    """
    rates: Dict[str, List[float]] = {name: [] for name in pipelines}
    cores: Dict[str, List[float]] = {name: [] for name in pipelines}
    samples: Dict[str, List[str]] = {}
    for name, nlp in pipelines.items():
        warm_up = texts[:MIN_TEXTS]
        seconds_per_text = run_pipeline(nlp, warm_up) / len(warm_up)
        samples[name] = texts[: max(MIN_TEXTS, int(MAX_SECONDS / seconds_per_text))]
    n_words = {name: sum(len(nlp.make_doc(text)) for text in samples[name]) for name, nlp in pipelines.items()}
    for _ in tqdm(range(n_rounds), desc="Measuring speed", unit="round", disable=None):
        for name, nlp in pipelines.items():
            wall, busy = perf_counter(), process_time()
            rates[name].append(n_words[name] / run_pipeline(nlp, samples[name]))
            cores[name].append((process_time() - busy) / (perf_counter() - wall))
    return {
        name: {
            "words_per_second": median(rates[name]),
            "speed_texts": len(samples[name]),
            "cores": median(cores[name]),
        }
        for name in pipelines
    }


def measure_latency(pipelines: Dict[str, Language], texts: List[str]) -> Dict[str, Dict[str, Any]]:
    """Measure how long one text takes alone, as in a server: one process, warm.

    pipelines (Dict[str, Language]): Pipelines by name.
    texts (List[str]): The texts, in turn; a slow pipeline reads only the first of them.
    RETURNS (Dict[str, Dict[str, Any]]): By name, in milliseconds: latency_p50 and latency_p95, which half of the texts
        and 95 % of them do not exceed; and latency_texts, the number of texts.
    """
    measured: Dict[str, Dict[str, Any]] = {}
    for name, nlp in tqdm(pipelines.items(), desc="Measuring latency", unit="system", disable=None):
        for text in texts[:3]:
            nlp(text)
        seconds: List[float] = []
        for text in texts:
            if len(seconds) >= MIN_TEXTS and sum(seconds) > MAX_LATENCY_SECONDS:
                break
            start = perf_counter()
            nlp(text)
            seconds.append(perf_counter() - start)
        p50, p95 = (float(1000 * numpy.quantile(seconds, share)) for share in (0.5, 0.95))
        measured[name] = {"latency_p50": p50, "latency_p95": p95, "latency_texts": len(seconds)}
    return measured


def run_pipeline(nlp: Language, texts: List[str]) -> float:
    """Classify texts again and again for at least MIN_SECONDS.

    nlp (Language): The pipeline.
    texts (List[str]): The texts.
    RETURNS (float): Seconds per pass over the texts.
    """
    start = perf_counter()
    n_passes = 0
    while not n_passes or perf_counter() - start < MIN_SECONDS:
        for _ in nlp.pipe(texts):
            pass
        n_passes += 1
    return (perf_counter() - start) / n_passes
