"""The `evaluate` step: reference, baseline, student and teacher on the same test texts, in one run."""

import random
from pathlib import Path
from typing import Any, Dict, List, Tuple, cast

import spacy
import srsly
import typer
from spacy import Language
from spacy.tokens import Doc

import scripts.functions  # noqa: F401
from scripts.data.docbins import number_gold, read_docs
from scripts.evaluation.quality import classify, compare_to_teacher, measure_gap, measure_quality
from scripts.evaluation.reference import ReferenceClassifier, fit_reference
from scripts.evaluation.report import describe_machine, describe_versions, print_report, write_report
from scripts.evaluation.speed import measure_speed
from scripts.files import run_command, size_mb
from scripts.gpu import use_gpu

N_SPEED_TEXTS = 200


def evaluate(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `convert` and `score` left it"),
    report: Path = typer.Argument(..., help="Folder of the report"),
    baseline: Path = typer.Option(..., help="The student trained on gold labels alone"),
    student: Path = typer.Option(..., help="The distilled student as it is packaged"),
    teacher: Path = typer.Option(..., help="The teacher"),
    kind: str = typer.Option(..., help="Kind of the student, for the record"),
    seed: int = typer.Option(0, help="Seed of the run, for the record and the choice of texts"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Compare reference, baseline, student and teacher in quality, agreement, calibration, size and speed."""
    use_gpu(gpu_id)
    labels = srsly.read_json(corpus / "gold" / "labels.json")
    data = srsly.read_json(corpus / "data.json")
    vocab = spacy.blank(data["lang"]).vocab
    splits = {split: read_docs(corpus / "gold" / f"{split}.spacy", vocab) for split in ("train", "dev", "test")}
    reference, settings = fit_reference(
        splits["train"], number_gold(splits["train"], labels), splits["dev"], number_gold(splits["dev"], labels), labels
    )
    paths = {"baseline": baseline, "student": student, "teacher": teacher}
    pipelines = {"reference": reference, **{name: spacy.load(path) for name, path in paths.items()}}
    result, speed_texts = measure_systems(pipelines, splits["test"], labels, seed=seed)
    result["reference"]["settings"] = settings
    result["reference"]["size_mb"] = cast(ReferenceClassifier, reference.get_pipe("textcat")).size() / 1e6
    for name, path in paths.items():
        result[name]["size_mb"] = size_mb(path)
    result["provenance"] = {
        "student_kind": kind,
        "seed": seed,
        "lang": data["lang"],
        "counts": data["counts"],
        "data": data["files"],
        "transfer_set": srsly.read_json(corpus / "transfer" / "scores.json"),
        "n_speed_texts": speed_texts,
        "versions": describe_versions(),
        "machine": describe_machine(gpu_id),
    }
    write_report(result, report)
    print_report(result)


def measure_systems(
    pipelines: Dict[str, Language], docs: List[Doc], labels: List[str], *, seed: int
) -> Tuple[Dict[str, Dict[str, Any]], int]:
    """Measure all that follows from the predictions, and the speed.

    pipelines (Dict[str, Language]): reference, baseline, student and teacher.
    docs (List[Doc]): Gold test documents.
    labels (List[str]): Label order.
    seed (int): Seed of the choice of texts for the measurement of speed.
    RETURNS (Tuple[Dict[str, Dict[str, Any]], int]): Measurements by system; number of texts of the speed.
    """
    gold = number_gold(docs, labels)
    texts = [doc.text for doc in docs]
    probs = {name: classify(nlp, texts, labels, name=name) for name, nlp in pipelines.items()}
    result = {name: measure_quality(system_probs, gold) for name, system_probs in probs.items()}
    accuracy = {name: measurements["accuracy"] for name, measurements in result.items()}
    retained, gap_closed = measure_gap(
        max(accuracy["reference"], accuracy["baseline"]), accuracy["student"], accuracy["teacher"]
    )
    result["student"].update(compare_to_teacher(probs["student"], probs["teacher"]))
    result["student"].update(retained=retained, gap_closed=gap_closed)
    sample = random.Random(seed).sample(texts, min(N_SPEED_TEXTS, len(texts)))
    for name, rate in measure_speed(pipelines, sample).items():
        result[name]["words_per_second"] = rate
    return result, len(sample)


if __name__ == "__main__":
    run_command(evaluate)
