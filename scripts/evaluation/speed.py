"""Speed of several pipelines, measured in turn in one process."""

from statistics import median
from time import perf_counter
from typing import Dict, List

from spacy import Language
from tqdm import tqdm

N_ROUNDS = 5
# A round of a fast pipeline repeats the texts until it has run this long, or the clock would decide.
MIN_SECONDS = 0.5


def measure_speed(pipelines: Dict[str, Language], texts: List[str], *, n_rounds: int = N_ROUNDS) -> Dict[str, float]:
    """Measure words per second: text in, cats out, one process, warm.

    pipelines (Dict[str, Language]): Pipelines by name.
    texts (List[str]): The same texts for all.
    n_rounds (int): Rounds; each runs every pipeline once, so that a change of load hits all alike.
    RETURNS (Dict[str, float]): Median words per second. Words are spaCy's tokens.
    """
    rates: Dict[str, List[float]] = {name: [] for name in pipelines}
    n_words = {name: sum(len(nlp.make_doc(text)) for text in texts) for name, nlp in pipelines.items()}
    for nlp in pipelines.values():
        run_pipeline(nlp, texts)
    for _ in tqdm(range(n_rounds), desc="Measuring speed", unit="round", disable=None):
        for name, nlp in pipelines.items():
            rates[name].append(n_words[name] / run_pipeline(nlp, texts))
    return {name: median(values) for name, values in rates.items()}


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
