"""The `cascade` step: student and teacher as one pipeline, which asks the teacher where the student is not sure.

The threshold is chosen on dev, by what both have said of it (`predictions.jsonl`). Then the cascade is run on test.
"""

from pathlib import Path
from typing import Any, Dict, List

import numpy
import typer
from spacy import Language
from spacy.cli.package import get_third_party_dependencies
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.cascade.component import ANSWERED_BY, TEACHER
from scripts.cascade.curve import Sides, choose_threshold, estimate_speed, find_asked, trace_curve
from scripts.cascade.report import write_report
from scripts.data.significance import compare_paired
from scripts.data.task import Task
from scripts.evaluation.predictions import Predictions, read_predictions
from scripts.evaluation.quality import measure_quality
from scripts.evaluation.speed import measure_speed
from scripts.files import hash_path, replaced, run_command, size_mb
from scripts.gpu import use_gpu
from scripts.machine import describe_machine, describe_versions
from scripts.pipelines import read_pipeline

N_SPEED_TEXTS = 400


def cascade(
    gold: Path = typer.Argument(..., help="Folder of the gold texts, e.g. corpus/en/gold"),
    output: Path = typer.Argument(..., help="Folder of the cascade; its report stands beside it"),
    student: Path = typer.Option(..., help="The student as it is packaged"),
    teacher: Path = typer.Option(..., help="The teacher"),
    predictions: Path = typer.Option(..., help="What both say of dev and test: predictions.jsonl of `evaluate`"),
    max_loss: float = typer.Option(0.5, help="Points of accuracy that may be lost against the teacher"),
    max_words: float = typer.Option(1.0, help="Largest share of the words that the teacher may read", min=0, max=1),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Build a pipeline that asks the teacher where the student is not sure, and tell what it is worth."""
    use_gpu(gpu_id)
    task = Task.read(gold)
    said = read_predictions(predictions, task)
    pipelines = {"student": read_pipeline(student), "teacher": read_pipeline(teacher)}
    sides = {split: make_sides(said[split], pipelines["student"]) for split in said}
    curve = trace_curve(sides["dev"], task)
    accuracy = {
        name: float((task.decide(probs) == sides["dev"].gold).mean())
        for name, probs in (("student", sides["dev"].student), ("teacher", sides["dev"].teacher))
    }
    chosen, reached = choose_threshold(curve, max_loss=max_loss, max_words=max_words)
    with replaced(output) as partial:
        join(read_pipeline(student), pipelines["teacher"], chosen.threshold).to_disk(partial)
    pipelines["cascade"] = read_pipeline(output)
    measured = measure_systems(pipelines, sides["test"], said["test"].texts, chosen.threshold, task)
    for name, path in (("student", student), ("cascade", output), ("teacher", teacher)):
        measured[name]["size_mb"] = size_mb(path)
    speeds = {name: measured[name]["words_per_second"] for name in ("student", "teacher")}
    right = {name: system.pop("right") for name, system in measured.items()}
    against = {name: compare_paired(right["cascade"], right[name])._asdict() for name in ("student", "teacher")}
    record = {
        # The page of the run shows the cascade only beside the predictions that it was chosen by.
        "predictions": hash_path(predictions),
        "threshold": chosen.threshold,
        "reached": reached,
        "max_loss": max_loss,
        "max_words": max_words,
        "n_dev": len(sides["dev"].gold),
        "n_test": len(sides["test"].gold),
        "dev": {**accuracy, "cascade": chosen.accuracy},
        "test": measured,
        "against": against,
        "curve": [{**point._asdict(), "words_per_second": estimate_speed(point.words, **speeds)} for point in curve],
        "versions": describe_versions(),
        "machine": describe_machine(gpu_id),
    }
    write_report(record, output)
    msg.good(f"Cascade: {output}, report: {output}.md")


def make_sides(said: Predictions, nlp: Language) -> Sides:
    """What student and teacher say of one split.

    said (Predictions): What all systems say.
    nlp (Language): Counts words.
    RETURNS (Sides): The two.
    """
    n_words = numpy.array([len(nlp.make_doc(text)) for text in said.texts])
    return Sides(said.probs["student"], said.probs["teacher"], said.gold, n_words)


def join(student: Language, teacher: Language, threshold: float) -> Language:
    """Make a cascade of two pipelines.

    student (Language): A pipeline that sets `doc.cats`; the component is added to it.
    teacher (Language): Another one, of the same labels.
    threshold (float): The student answers if its highest probability is at least this.
    RETURNS (Language): The student's pipeline.
    """
    component: Any = student.add_pipe("textcat_cascade", config={"threshold": threshold})
    component.teacher = teacher
    needed = [*student.meta.get("requirements", []), *teacher.meta.get("requirements", [])]
    needed += get_third_party_dependencies(teacher.config)
    # Scores of the student are not those of both.
    student.meta.update(requirements=list(dict.fromkeys(needed)), performance={})
    return student


def measure_systems(
    pipelines: Dict[str, Language], sides: Sides, texts: List[str], threshold: float, task: Task
) -> Dict[str, Dict[str, Any]]:
    """Run a cascade on test, and measure it beside what it is made of.

    pipelines (Dict[str, Language]): student, cascade and teacher.
    sides (Sides): What student and teacher say of the texts.
    texts (List[str]): The texts.
    threshold (float): That of the cascade.
    task (Task): The labels.
    RETURNS (Dict[str, Dict[str, Any]]): By name: quality, speed, escalated and words (the shares that the teacher
        reads), and right, of each text whether it is decided as gold says.
    """
    docs = list(pipelines["cascade"].pipe(texts))
    said = numpy.array([[doc.cats[label] for label in task.labels] for doc in docs])
    is_asked = numpy.array([doc._.get(ANSWERED_BY) == TEACHER for doc in docs])
    probs = {"student": sides.student, "cascade": said, "teacher": sides.teacher}
    asked = {"student": numpy.zeros_like(is_asked), "cascade": is_asked, "teacher": numpy.ones_like(is_asked)}
    order = interleave(find_asked(sides.student, threshold))[:N_SPEED_TEXTS]
    speeds = measure_speed(pipelines, [texts[i] for i in order])
    return {
        name: {
            **measure_quality(probs[name], sides.gold, task),
            **speeds[name],
            "escalated": float(asked[name].mean()),
            "words": float(sides.n_words[asked[name]].sum() / sides.n_words.sum()),
            "right": task.decide(probs[name]) == sides.gold,
        }
        for name in ("student", "cascade", "teacher")
    }


def interleave(is_asked: numpy.ndarray) -> List[int]:
    """An order of texts of which the first ones, on which speed is measured, are as often asked about as all are.

    is_asked (ndarray): Of which texts it is asked. Shape: (n_texts,).
    RETURNS (List[int]): The number of each text, once.
    """
    places = numpy.empty(len(is_asked))
    for group in (is_asked, ~is_asked):
        places[group] = (numpy.arange(group.sum()) + 0.5) / max(1, group.sum())
    return numpy.argsort(places, kind="stable").tolist()


if __name__ == "__main__":
    run_command(cascade)
