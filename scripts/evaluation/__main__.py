"""The `evaluate` step: references, baseline, student and teacher on the same test texts, in one run."""

import random
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, cast

import numpy
import srsly
import typer
from spacy import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.data.docbins import read_docs
from scripts.data.task import Task
from scripts.evaluation.highlights import write_highlights
from scripts.evaluation.languages import measure_languages
from scripts.evaluation.predictions import UNCALIBRATED, Predictions, write_predictions
from scripts.evaluation.quality import classify, compare_to_teacher, find_untested, measure_gap, measure_quality
from scripts.evaluation.reference import fit_reference, measure_size, read_taught
from scripts.evaluation.report import list_limits, print_report, write_report
from scripts.evaluation.speed import measure_latency, measure_speed
from scripts.evaluation.transfer import describe_transfer
from scripts.evaluation.verdict import TAKES, System, judge
from scripts.files import run_command, size_mb
from scripts.gpu import use_gpu
from scripts.machine import describe_machine, describe_versions
from scripts.pipelines import read_pipeline
from scripts.tokenizing import make_blank

N_SPEED_TEXTS = 200


def evaluate(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `convert` and `score` left it"),
    report: Path = typer.Argument(..., help="Folder of the report"),
    baseline: Path = typer.Option(..., help="The student trained on gold labels alone"),
    student: Path = typer.Option(..., help="The distilled student as it is packaged"),
    uncalibrated: Path = typer.Option(..., help="The same as it was trained"),
    teacher: Path = typer.Option(..., help="The teacher"),
    kind: str = typer.Option(..., help="Kind of the student, for the record"),
    seed: int = typer.Option(0, help="Seed of the run, for the record and the choice of texts"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Compare reference, baseline, student and teacher in quality, agreement, calibration, size and speed."""
    use_gpu(gpu_id)
    task = Task.read(corpus / "gold")
    data = srsly.read_json(corpus / "data.json")
    make = partial(make_blank, data["lang"], data["segmenter"])
    vocab = make().vocab
    train, dev, test = (read_docs(corpus / "gold" / f"{split}.spacy", vocab) for split in ("train", "dev", "test"))
    taught, taught_labels = read_taught(corpus / "transfer", vocab, task)
    gold = train, task.number_gold(train)
    learned = {
        "reference": gold,
        "reference_distilled": ([*train, *taught], numpy.concatenate([gold[1], taught_labels])),
    }
    references = {
        name: fit_reference(*texts, dev, task.number_gold(dev), task, make=make, name=name)
        for name, texts in learned.items()
    }
    paths = {"baseline": baseline, "student": student, "teacher": teacher}
    pipelines = {name: nlp for name, (nlp, _) in references.items()}
    pipelines.update({name: read_pipeline(path) for name, path in paths.items()})
    sizes = {name: measure_size(nlp) for name, (nlp, _) in references.items()}
    sizes.update({name: size_mb(path) for name, path in paths.items()})
    asked = {**pipelines, UNCALIBRATED: read_pipeline(uncalibrated)}
    splits = {name: predict_split(asked, docs, task, name=name) for name, docs in (("dev", dev), ("test", test))}
    result = measure_systems(pipelines, sizes, splits["test"], task, seed=seed)
    if languages := measure_languages(splits["test"], task):
        result["languages"] = languages
    result["labels"] = task.labels
    result["words_per_text"] = float(numpy.mean([len(doc) for doc in test]))
    result["transfer"] = describe_transfer(corpus / "transfer", vocab, task)
    for name, (_, settings) in references.items():
        result[name].update(settings=settings, texts=len(learned[name][0]))
    for name in ("baseline", "student"):
        if features := find_features(pipelines[name]):
            result[name]["features"] = features
    result["provenance"] = {
        "student_kind": kind,
        "seed": seed,
        "lang": data["lang"],
        "segmenter": data["segmenter"],
        "counts": {split: rows["kept"] for split, rows in data["rows"].items()},
        "data": data["files"],
        "selection": srsly.read_json(corpus / "selection.json"),
        "transfer_set": srsly.read_json(corpus / "transfer" / "scores.json"),
        "versions": describe_versions(),
        "machine": describe_machine(gpu_id),
    }
    result["limits"] = list_limits(result)
    write_predictions(report / "predictions.jsonl", splits, task)
    write_highlights(report / "highlights.jsonl", pipelines["student"], splits, task)
    write_report(result, report)
    print_report(result)
    msg.good(f"Report: {report / 'report.md'}")


def predict_split(pipelines: Dict[str, Language], docs: List[Doc], task: Task, *, name: str) -> Predictions:
    """Let all systems classify the texts of a split.

    pipelines (Dict[str, Language]): The systems by name.
    docs (List[Doc]): Gold documents.
    task (Task): The labels.
    name (str): That of the split, shown beside the progress bar.
    RETURNS (Predictions): What they say.
    """
    texts = [doc.text for doc in docs]
    probs = {system: classify(nlp, texts, task, name=f"{system} on {name}") for system, nlp in pipelines.items()}
    return Predictions.collect(docs, probs, task)


def measure_systems(
    pipelines: Dict[str, Language], sizes: Dict[str, float], test: Predictions, task: Task, *, seed: int
) -> Dict[str, Any]:
    """Measure all that follows from the predictions, and the speed; and tell which system to ship.

    pipelines (Dict[str, Language]): reference, reference_distilled, baseline, student and teacher.
    sizes (Dict[str, float]): Their sizes in megabytes.
    test (Predictions): What they say of the test texts.
    task (Task): The labels.
    seed (int): Seed of the choice of texts for the measurement of speed.
    RETURNS (Dict[str, Any]): Measurements by system, the verdict, and the labels that no test text has.
    """
    texts, gold, probs = test.texts, test.gold, test.probs
    sample = random.Random(seed).sample(texts, min(N_SPEED_TEXTS, len(texts)))
    speeds, latencies = measure_speed(pipelines, sample), measure_latency(pipelines, sample)
    result: Dict[str, Any] = {
        name: {
            **measure_quality(probs[name], gold, task),
            **speeds[name],
            **latencies[name],
            "size_mb": sizes[name],
        }
        for name in pipelines
    }
    accuracy = {name: measured["accuracy"] for name, measured in result.items()}
    retained, gap_closed = measure_gap(
        max(accuracy["reference"], accuracy["baseline"]), accuracy["student"], accuracy["teacher"]
    )
    result["student"].update(compare_to_teacher(probs["student"], probs["teacher"], task))
    result["student"].update(retained=retained, gap_closed=gap_closed)
    systems = {
        name: System(task.decide(probs[name]) == gold, measured["words_per_second"], measured["size_mb"])
        for name, measured in result.items()
    }
    result["verdict"] = judge(systems["student"], {name: systems[name] for name in TAKES})
    result["untested"] = find_untested(gold, task)
    return result


def find_features(nlp: Language) -> Optional[Dict[str, Any]]:
    """What the n-grams of a student are made of.

    nlp (Language): The student.
    RETURNS (Optional[Dict[str, Any]]): `reads`, and, where it was chosen on dev, what was measured; None if it has no
        n-grams.
    """
    nodes: Any = cast(TrainablePipe, nlp.get_pipe("textcat")).model.walk()
    found = (node.attrs for node in nodes if "reads" in node.attrs)
    return next(({"reads": attrs["reads"], **attrs.get("chosen", {})} for attrs in found), None)


if __name__ == "__main__":
    run_command(evaluate)
