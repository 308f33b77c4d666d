"""What several tests share: toy texts, models of every architecture, and the real reviews where they are."""

import os
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy
import pytest
import spacy
from spacy import Language
from spacy.tokens import Doc
from spacy.training import Example

import scripts.functions  # noqa: F401
from scripts.augmentation.operations import Augmenter
from scripts.data.task import Task
from scripts.files import UserError

pytest_plugins = ["tests.browser"]

ROOT = Path(__file__).parents[1]
# Real reviews in the layout DIR/LANG/*.jsonl.gz; they must not be in the repository.
REAL_REVIEWS = Path(os.environ.get("TEXTDISTILL_REVIEWS", ROOT.parent / "shared" / "data"))
LABELS = ["NEGATIVE", "POSITIVE"]

# A text classifier of spaCy's own.
STOCK: Dict[str, Any] = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "ngram_size": 1,
    "no_output_layer": False,
}
BOW: Dict[str, Any] = {
    "@architectures": "textdistill.NgramLinear.v2",
    "features": "words",
    "ngram_size": 2,
    "char_ngram_size": 3,
    "min_docs": 1,
    "max_ngrams": 500,
    "scale": 20.0,
}
BOTH: Dict[str, Any] = {**BOW, "features": "words and characters"}
CNN: Dict[str, Any] = {
    "@architectures": "textdistill.LexemeCNN.v1",
    "width": 8,
    "rows": [100, 50, 50, 50],
    "maxout_pieces": 2,
    "lexicon_width": 3,
}
BILSTM: Dict[str, Any] = {**CNN, "@architectures": "textdistill.LexemeBiLSTM.v1", "depth": 1}
ENSEMBLE: Dict[str, Any] = {"@architectures": "textdistill.LogitEnsemble.v2", "bow": BOW, "cnn": CNN}
ARCHITECTURES = {"bow": BOW, "cnn": CNN, "ensemble": ENSEMBLE, "bilstm": BILSTM}

TEXTS: List[Tuple[str, str]] = [
    ("I love it , works well", "POSITIVE"),
    ("awful , broke at once", "NEGATIVE"),
    ("a lovely quiet machine", "POSITIVE"),
    ("the worst purchase of my life", "NEGATIVE"),
    ("my kids love this", "POSITIVE"),
    ("cheap plastic , broke", "NEGATIVE"),
    ("great sound and great price", "POSITIVE"),
    ("never again , awful", "NEGATIVE"),
    ("well made , lovely colour", "POSITIVE"),
    ("sent it back , worst of all", "NEGATIVE"),
]
# What `prepare` is told of a run, but for its paths and its student.
VARIABLES: Dict[str, Any] = {
    **{"run": "en", "lang": "en", "segmenter": "default", "tagger": "", "select": "near", "name": "reviews"},
    **{"package_version": "0.1.0", "seed": 0, "gpu_id": -1, "max_loss": 0.2, "min_agreement": 0.99},
    **{"cascade_loss": 0.5, "cascade_words": 1.0},
}


# While one of the two processes runs the project, the other runs these from the second on: first all files that share
# a cluster of Ray, then what takes long. Small ones are left for the end, so that both finish at about the same time.
FIRST = [
    "test_end_to_end",
    "test_scoring",
    "test_apply",
    "test_engines",
    "test_augmentation",
    "test_peers",
    "test_ablation",
    "test_wheel",
    "test_packaging",
    "test_server",
    "test_page",
]


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Begin with the files that FIRST names."""
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))


def make_examples(nlp: Language, *, teacher_logits: Optional[numpy.ndarray] = None) -> List[Example]:
    """Examples of TEXTS, with teacher logits if they are given."""
    examples = []
    for i, (text, label) in enumerate(TEXTS):
        doc = Doc(nlp.vocab, words=text.split())
        doc.cats = Task(LABELS).make_cats(label)
        if teacher_logits is not None:
            doc._.teacher_logits = teacher_logits[i].tolist()
        examples.append(Example(doc, doc))
    return examples


def make_pipeline(
    model: Dict[str, Any],
    *,
    hard_weight: float = 0.5,
    lang: str = "en",
    member_losses: Optional[Dict[str, Any]] = None,
    **loss: Any,
) -> Language:
    """A blank pipeline with the distillation component."""
    nlp = spacy.blank(lang)
    config = {
        "model": model,
        "loss": {
            "@losses": "textdistill.SoftTargets.v2",
            "objective": "kl",
            "temperature": 2.0,
            "hard_weight": hard_weight,
            **loss,
        },
        "member_losses": member_losses or {},
        "threshold": 0.0,
        "scorer": {"@scorers": "spacy.textcat_scorer.v2"},
    }
    nlp.add_pipe("textcat_distill", name="textcat", config=config)
    return nlp


def make_teacher_logits(seed: int = 0) -> Any:
    """Centred logits for TEXTS that agree with gold and are not all alike."""
    rng = numpy.random.default_rng(seed)
    sizes = rng.uniform(0.5, 2.5, size=len(TEXTS))
    signs = numpy.array([1 if label == "POSITIVE" else -1 for _, label in TEXTS])
    return numpy.stack([-signs * sizes, signs * sizes], axis=1).astype("float32")


def train_stock(*, n_updates: int) -> Language:
    """A pipeline that is none of the project's, and has learned TEXTS."""
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat", config={"model": STOCK})
    examples = [Example.from_dict(nlp.make_doc(t), {"cats": Task(LABELS).make_cats(label)}) for t, label in TEXTS]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(n_updates):
        nlp.update(examples, sgd=optimizer)
    return nlp


def train(architecture: Dict[str, Any], *, n_updates: int = 5, lang: str = "en") -> Language:
    """Train a student on TEXTS and teacher logits, all in one batch."""
    nlp = make_pipeline(architecture, lang=lang)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(n_updates):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(params=list(ARCHITECTURES))
def architecture(request: pytest.FixtureRequest) -> Dict[str, Any]:
    """The model block of each student."""
    return ARCHITECTURES[request.param]


@pytest.fixture
def real_reviews() -> Path:
    """The folder of the real reviews."""
    if not REAL_REVIEWS.is_dir():
        pytest.skip(f"no real reviews at {REAL_REVIEWS}; set TEXTDISTILL_REVIEWS to their folder")
    return REAL_REVIEWS


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Ray cluster of this machine with room for two workers."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")
    # Ray's workers stand back behind all other processes by default, and would wait long on a busy machine.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    # "local": never a cluster that runs on this machine already.
    ray.init("local", num_cpus=2, object_store_memory=200 * 2**20, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def make_augmenter(n_iter: int = 1, fill_to: int = 100_000, words: Any = None, texts: Any = None) -> Augmenter:
    return Augmenter(n_iter, fill_to, words or {}, texts or {})


def run_here(module: str, *arguments: Any) -> int:
    """Run the command line of a module in this process: one of its own takes seconds to import what is here already.

    module (str): Its name, as `python -m` takes it.
    arguments (Any): Its arguments.
    RETURNS (int): The exit code.
    """
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sys, "argv", [module, *map(str, arguments)])
        # It has been imported, and is run a second time.
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    return int(ended.value.code or 0)


def run_module_here(module: str, *arguments: Any, **options: Any) -> None:
    """Stands in for `run_module`, for the same reason. Its parameters are those of `run_module`; there is no log."""
    if code := run_here(module, *arguments):
        raise UserError(f"{module} failed with exit code {code}.")
