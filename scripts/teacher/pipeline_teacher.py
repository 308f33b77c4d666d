"""A spaCy pipeline with a text classifier as a teacher. `train-teacher` makes one; any other does as well."""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import List, Optional

import numpy
from spacy import Language
from spacy.tokens import Doc
from spacy.util import registry

from scripts.data.task import Task
from scripts.data.texts import MASK, Text
from scripts.files import digest, hash_path
from scripts.pipelines import read_pipeline
from scripts.provenance import hash_sources
from scripts.teacher import onnx_encoder
from scripts.teacher.protocol import LoadTeacher
from scripts.teacher.runtimes import TOLERANCE, Runtime, choose_runtime, get_transformer

# A label whose F1 on dev is below this was not learned: fine-tuning can fail, and the teacher names one label always.
MIN_F1 = 0.1


@registry.misc("textdistill.PipelineTeacher.v1")
def create_pipeline_teacher(path: Path, cache: Optional[Path], runtime: str) -> LoadTeacher:
    """Create what loads a pipeline.

    path (Path): Its folder.
    cache (Optional[Path]): Folder of exported encoders; None for a folder beside the pipeline.
    runtime (str): What runs it: "auto" (the fastest whose scores agree), "pipeline", "torch" or "onnx".
    RETURNS (LoadTeacher): Loads it.
    """
    # The registry leaves paths as text.
    folder = Path(path)
    return partial(load_pipeline_teacher, folder, Path(cache or folder.parent / "onnx"), runtime)


def load_pipeline_teacher(path: Path, cache: Path, runtime: str, task: Task, sample: List[Text]) -> "PipelineTeacher":
    """Load a pipeline and make its runtime.

    path (Path): Its folder.
    cache (Path): Folder of exported encoders; it may be missing.
    runtime (str): One of RUNTIMES.
    task (Task): The task.
    sample (List[Text]): Texts to check runtimes of lower precision with.
    RETURNS (PipelineTeacher): The teacher.
    RAISES (UserError): There is no such runtime, it cannot run this pipeline, or the pipeline gives other labels.
    """
    sha256 = hash_path(path)
    nlp = read_pipeline(path)
    docs = [text.make_doc(nlp, mask=find_mask(nlp)) for text in sample]
    chosen = choose_runtime(runtime, nlp, task, docs, cache / name_export(sha256))
    return PipelineTeacher(nlp, task, chosen, sha256=sha256)


class PipelineTeacher:
    """A pipeline at work."""

    def __init__(self, nlp: Language, task: Task, runtime: Runtime, *, sha256: str) -> None:
        """nlp (Language): The pipeline.
        task (Task): The task.
        runtime (Runtime): What runs it.
        sha256 (str): Hash of its folder.
        """
        self.task = task
        self.mask = find_mask(nlp)
        self.fingerprint = {"teacher_sha256": sha256, "runtime": runtime.name, "precision": runtime.precision}
        self.facts = {
            "check": runtime.check and runtime.check._asdict(),
            "tolerance": TOLERANCE[runtime.precision],
            "missed_labels": find_missed_labels(nlp),
        }
        self.transformer = get_transformer(nlp) if nlp.has_pipe("transformer") else None
        self._predict = runtime.predict

    def logits(self, docs: List[Doc]) -> numpy.ndarray:
        """Score documents, as `Teacher` says."""
        return self.task.recover_logits(self._predict(docs))


def find_mask(nlp: Language) -> str:
    """The word that a pipeline's own tokenizer takes for a masked one; the project's for pipelines without one.

    nlp (Language): The pipeline.
    RETURNS (str): For example <mask>.
    """
    return (nlp.has_pipe("transformer") and get_transformer(nlp).tokenizer.mask_token) or MASK


def find_missed_labels(nlp: Language) -> List[str]:
    """Find the labels that a pipeline did not learn, by what `spacy train` wrote of its best score.

    nlp (Language): The pipeline.
    RETURNS (List[str]): Those whose F1 is below MIN_F1; none if it was not trained by `spacy train`.
    """
    performance = nlp.meta.get("performance") or {}
    # spaCy writes 0.0 for a score that its scorer did not give.
    return [label for label, scores in (performance.get("cats_f_per_type") or {}).items() if scores["f"] < MIN_F1]


def name_export(sha256: str) -> str:
    """Name the exported encoder by all that it follows from.

    sha256 (str): Hash of the pipeline.
    RETURNS (str): 16 hexadecimal digits.
    """
    code = hash_sources(Path(onnx_encoder.__file__))
    return digest([sha256, code, *map(version, ("onnxruntime", "torch"))])
