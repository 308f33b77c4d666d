"""Speed of several pipelines, measured in turn in one process."""

from statistics import median
from time import perf_counter
from typing import Any, Dict, List

from spacy import Language
from tqdm import tqdm

N_ROUNDS = 5
# A round of a fast pipeline repeats the texts until it has run this long, or the clock would decide.
MIN_SECONDS = 0.2
# A round of a slow one reads no more of them than it takes in about this time, but not fewer than MIN_TEXTS.
MAX_SECONDS, MIN_TEXTS = 1.0, 32


def measure_speed(
    pipelines: Dict[str, Language], texts: List[str], *, n_rounds: int = N_ROUNDS
) -> Dict[str, Dict[str, Any]]:
    """Measure words per second: text in, cats out, one process, warm.

    pipelines (Dict[str, Language]): Pipelines by name.
    texts (List[str]): The texts; a slow pipeline reads only the first of them.
    n_rounds (int): Rounds; each runs every pipeline once, so that a change of load hits all alike.
    RETURNS (Dict[str, Dict[str, Any]]): By name: words_per_second, the median, where words are spaCy's tokens; and
        speed_texts, the number of texts.
    """
    rates: Dict[str, List[float]] = {name: [] for name in pipelines}
    samples: Dict[str, List[str]] = {}
    for name, nlp in pipelines.items():
        warm_up = texts[:MIN_TEXTS]
        seconds_per_text = run_pipeline(nlp, warm_up) / len(warm_up)
        samples[name] = texts[: max(MIN_TEXTS, int(MAX_SECONDS / seconds_per_text))]
    n_words = {name: sum(len(nlp.make_doc(text)) for text in samples[name]) for name, nlp in pipelines.items()}
    for _ in tqdm(range(n_rounds), desc="Measuring speed", unit="round", disable=None):
        for name, nlp in pipelines.items():
            rates[name].append(n_words[name] / run_pipeline(nlp, samples[name]))
    return {
        name: {"words_per_second": median(values), "speed_texts": len(samples[name])} for name, values in rates.items()
    }


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
