"""The models of a server: those that were named when it was started, and no others."""

import importlib
import os
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from spacy import Language
from threadpoolctl import threadpool_limits

from scripts.apply.classifier import DIGITS, load_pipeline, model_folder, read_labels
from scripts.data.usable import loosen
from scripts.files import UserError, size_mb
from scripts.serving.batching import Cats
from scripts.serving.memory import Memory
from scripts.serving.settings import Settings

STUDENT, BASELINE, TEACHER = "student", "baseline", "teacher"
# Read once before the first request, as the first reading takes longer than others.
WARM_UP = ("This is the first text, and nobody waits for it.", "Another one!")


class Served(NamedTuple):
    """A model and what is told of it.

    name (str): What clients call it.
    role (str): STUDENT, BASELINE or TEACHER.
    nlp (Language): The pipeline.
    labels (List[str]): Its labels, in order.
    size_mb (float): Its size on disk.
    memory (Memory): What it remembers of texts for a while.
    """

    name: str
    role: str
    nlp: Language
    labels: List[str]
    size_mb: float
    memory: Memory

    def classify(self, texts: List[str]) -> List[Cats]:
        """Classify texts.

        texts (List[str]): The texts, not empty.
        RETURNS (List[Cats]): Of each the probability of each label.
        """
        with self.memory.hold(sum(map(len, texts))):
            docs = self.nlp.pipe(map(loosen, texts), batch_size=len(texts))
            return [{label: round(float(doc.cats[label]), DIGITS) for label in self.labels} for doc in docs]

    def explain(self, text: str, label: str) -> List[Tuple[str, float]]:
        """Weigh the words of a text.

        text (str): The text.
        label (str): The label that they speak for or against.
        RETURNS (List[Tuple[str, float]]): The text in pieces, and what each adds to the logit of the label; 0 for what
            stands between words.
        """
        # Imported late: no request but this needs it.
        from scripts.inspection.contributions import contributions

        text = loosen(text)
        with self.memory.hold(len(text)):
            shares = contributions(self.nlp, self.nlp(text), label)
        return cut_pieces(text, shares)


def cut_pieces(text: str, shares: List[Tuple[int, int, float]]) -> List[Tuple[str, float]]:
    """Cut a text into its words and what stands between them.

    text (str): The text.
    shares (List[Tuple[int, int, float]]): Start and end of words in order, and their shares.
    RETURNS (List[Tuple[str, float]]): Pieces that give the text when they are joined.
    """
    pieces: List[Tuple[str, float]] = []
    done = 0
    for start, end, share in shares:
        pieces += [(text[done:start], 0.0), (text[start:end], share)]
        done = end
    return [piece for piece in [*pieces, (text[done:], 0.0)] if piece[0]]


def load_models(settings: Settings) -> Dict[str, Served]:
    """Load all models.

    settings (Settings): Which ones, and how many threads they get.
    RETURNS (Dict[str, Served]): By name; students first.
    RAISES (UserError): One cannot be loaded, two have one name, or there is none.
    """
    models: Dict[str, Served] = {}
    named = [(STUDENT, settings.models), (BASELINE, settings.baselines), (TEACHER, settings.teachers)]
    for role, given in named:
        for entry in given:
            served = load_model(entry, role)
            if served.name in models:
                raise UserError(f"Two models would be called {served.name!r}. Name one yourself: NAME={entry}")
            models[served.name] = served
    if not settings.models:
        raise UserError("No model was named. Name a packaged student, or its folder, e.g. training/en/compressed.")
    share_cores(settings)
    for served in models.values():
        served.classify(list(WARM_UP))
    return models


def load_model(entry: str, role: str) -> Served:
    """Load a model.

    entry (str): Name of an installed package, or a folder; NAME= may stand before it.
    role (str): What it is.
    RETURNS (Served): The model.
    RAISES (UserError): It cannot be loaded, or classifies nothing.
    """
    name, separator, model = entry.partition("=")
    model = find_pipeline(model if separator else entry)
    nlp = load_pipeline(model)
    if not separator:
        name = f"{nlp.lang}_{nlp.meta['name'] if role == STUDENT else role}"
    megabytes = round(size_mb(model_folder(model, nlp)), 2)
    return Served(name, role, nlp, read_labels(nlp), megabytes, Memory(nlp))


def find_pipeline(model: str) -> str:
    """The folder that spaCy loads, of a package that was built and not installed.

    model (str): Name or folder.
    RETURNS (str): The same if it is no folder of a package, such as packages/en/en_reviews-0.1.0.
    """
    # A pipeline may hold another one, as a cascade does its teacher.
    if (Path(model) / "config.cfg").is_file():
        return model
    folders = [path.parent for path in sorted(Path(model).glob("*/*/config.cfg"))]
    return str(folders[0]) if len(folders) == 1 else model


def share_cores(settings: Settings) -> None:
    """Divide the cores among the workers. What a student multiplies is too small to be divided further.

    settings (Settings): Of the server.
    """
    threadpool_limits(1, user_api="blas")
    if "torch" in sys.modules:
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        importlib.import_module("torch").set_num_threads(settings.threads or max(1, available // settings.workers))


def find_teacher(models: Dict[str, Served], served: Served) -> Optional[Served]:
    """The teacher that a model is compared with.

    models (Dict[str, Served]): All models.
    served (Served): One of them.
    RETURNS (Optional[Served]): The first teacher of its language and its labels; None if there is none.
    """
    teachers = (other for other in models.values() if other.role == TEACHER and other.nlp.lang == served.nlp.lang)
    return next((other for other in teachers if set(other.labels) == set(served.labels)), None)
