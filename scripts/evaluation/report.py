"""The report of a run: report.json for programs, report.md for people, and the same table on the terminal."""

from pathlib import Path, PurePath
from typing import Any, Dict, List, Optional, Tuple

import srsly
import typer
from wasabi import MarkdownRenderer, msg

from scripts.data.significance import Comparison
from scripts.evaluation.languages import tabulate_languages
from scripts.evaluation.predictions import check_saved
from scripts.files import run_command, write_record

SYSTEMS = ("reference", "reference_distilled", "baseline", "student", "teacher")
REFERENCES = {
    "reference": "gold labels",
    "reference_distilled": "gold labels, and the teacher's where there is no gold",
}
HEADER = ("", "accuracy", "95 % interval", "macro F1", "ECE", "words/s", "MB")
TITLE = "References, baseline, student and teacher"
LANGUAGES = "Accuracy by language"


def show(run: Path = typer.Argument(..., help="Folder of a finished run, e.g. training/en")) -> None:
    """Print the report of a finished run and the paths of its page and its wheel."""
    report, wheel = run / "report" / "report.json", run / "wheel.json"
    check_saved(report)
    print_report(srsly.read_json(report))
    msg.good(f"Page: {run / 'report' / 'index.html'}")
    if wheel.is_file():
        msg.good(f"Wheel: {srsly.read_json(wheel)['wheel']}")


def write_report(result: Dict[str, Any], folder: Path) -> None:
    """Write report.json and report.md.

    result (Dict[str, Any]): Measurements by system, and provenance.
    folder (Path): Folder of the report.
    """
    write_record(folder / "report", result, render_report(result))


def render_report(result: Dict[str, Any]) -> str:
    """Render the report as Markdown.

    result (Dict[str, Any]): Measurements by system, and provenance.
    RETURNS (str): The text.
    """
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, TITLE))
    markdown.add(markdown.table(table_rows(result), HEADER))
    markdown.add(result["verdict"]["reason"])
    if result["untested"]:
        markdown.add(tell_untested(result["untested"]))
    markdown.add(markdown.list([f"{name}: {value}" for name, value in summary_rows(result)]))
    if "languages" in result:
        markdown.add(markdown.title(2, LANGUAGES))
        markdown.add(markdown.table(*tabulate_languages(result["languages"], SYSTEMS)))
    markdown.add(markdown.title(2, "Provenance"))
    markdown.add(markdown.list(list_facts(result)))
    markdown.add(markdown.title(2, "Limits"))
    markdown.add(markdown.list(result["limits"]))
    return markdown.text + "\n"


def list_facts(result: Dict[str, Any]) -> List[str]:
    """What the figures come from.

    result (Dict[str, Any]): Measurements by system, and provenance.
    RETURNS (List[str]): A fact each.
    """
    provenance = result["provenance"]
    facts = [
        f"Student: {provenance['student_kind']}, seed {provenance['seed']}, language {provenance['lang']}",
        *(
            f"{name}: TF-IDF with logistic regression on {learned}, {result[name]['texts']} texts, tuned on dev: "
            + ", ".join(describe_setting(*setting) for setting in result[name]["settings"].items())
            for name, learned in REFERENCES.items()
        ),
        *(
            f"{name}: features: {describe_features(result[name]['features'])}"
            for name in ("baseline", "student")
            if "features" in result[name]
        ),
        "The gap is that between the teacher and the better one of reference and baseline",
        "The verdict compares one training of each by a paired bootstrap over the test texts; other seeds may differ",
        f"Reviews: {', '.join(f'{n} {split}' for split, n in provenance['counts'].items())}",
        f"Transfer set: {provenance['transfer_set']['texts']} texts, {describe_selection(provenance['selection'])}",
        "Words are spaCy's tokens; speed is the median over rounds, each on so many test texts: "
        + ", ".join(f"{name} {result[name]['speed_texts']}" for name in SYSTEMS),
        f"Machine: {', '.join(f'{name} {value}' for name, value in provenance['machine'].items())}",
        f"Versions: {', '.join(f'{name} {value}' for name, value in provenance['versions'].items())}",
    ]
    # Reports are passed on, and where the texts stand is nobody's business: report.json has the paths.
    files = {split: (PurePath(file["path"]).name, file["sha256"]) for split, file in provenance["data"].items()}
    return facts + [f"{split}: {name}, sha256 {sha256}" for split, (name, sha256) in files.items()]


def describe_selection(selection: Dict[str, Any]) -> str:
    """selection (Dict[str, Any]): What `select` has found. RETURNS (str): Its result in words."""
    selected, texts = selection["selected"], selection["texts"]
    return f"with {selected} of {texts} unlabelled ones" + (
        f"; the other {texts - selected} are unlike the labelled ones" if selected < texts else ""
    )


def list_limits(result: Dict[str, Any]) -> List[str]:
    """What the figures do not tell.

    result (Dict[str, Any]): Measurements by system, and provenance.
    RETURNS (List[str]): A sentence or two each.
    """
    student = result["student"]
    low, high = student["accuracy_interval"]
    return [
        "The figures are of texts like those of test. On texts of another kind, or of another time, it is more often "
        "wrong, and no less sure of itself",
        f"An accuracy of {student['accuracy']:.3f} may as well be {low:.3f} or {high:.3f}: test is a sample",
        f"It knows the labels {', '.join(result['labels'])} and gives one of them to every text, whatever it says",
        "What its teacher and its texts have wrong, it has learned, too. Nobody has measured whether it treats "
        "groups of people alike",
    ]


def print_report(result: Dict[str, Any]) -> None:
    """Print the tables of the report.

    result (Dict[str, Any]): Measurements by system.
    """
    msg.divider(TITLE)
    msg.table(table_rows(result), header=HEADER, divider=True, aligns=("l", *"rrrrrr"))
    msg.table(summary_rows(result), max_col=60)
    if "languages" in result:
        rows, header = tabulate_languages(result["languages"], SYSTEMS)
        msg.table(rows, header=header, divider=True, aligns=("l", *"r" * (len(header) - 1)))
    msg.info(result["verdict"]["reason"])
    if result["untested"]:
        msg.warn(tell_untested(result["untested"]))


def tell_untested(labels: List[str]) -> str:
    """Say that labels have no test text.

    labels (List[str]): The labels, at least one.
    RETURNS (str): A sentence.
    """
    return (
        f"No test text has the label{'s' * (len(labels) > 1)} {', '.join(labels)}: nothing here tells how well that is "
        "found, and it counts as 0 in macro F1."
    )


def table_rows(result: Dict[str, Any]) -> List[Tuple[str, ...]]:
    """The table of the report, a row per system.

    result (Dict[str, Any]): Measurements by system.
    RETURNS (List[Tuple[str, ...]]): Cells under HEADER.
    """
    rows: List[Tuple[str, ...]] = []
    for name in SYSTEMS:
        m = result[name]
        low, high = m["accuracy_interval"]
        rows.append(
            (
                name,
                f"{m['accuracy']:.3f}",
                f"{low:.3f}-{high:.3f}",
                f"{m['macro_f1']:.3f}",
                f"{m['ece']:.3f}",
                f"{m['words_per_second']:,.0f}",
                f"{m['size_mb']:.1f}",
            )
        )
    return rows


def summary_rows(result: Dict[str, Any]) -> List[Tuple[str, str]]:
    """What the student is worth, as names and values.

    result (Dict[str, Any]): Measurements by system.
    RETURNS (List[Tuple[str, str]]): Names and formatted values.
    """
    student, teacher = result["student"], result["teacher"]
    return [
        ("Agreement with the teacher", f"{student['agreement']:.1%}"),
        ("KL(teacher || student)", f"{student['kl']:.3f} nats"),
        ("Accuracy retained", f"{student['retained']:.1%} of the teacher's"),
        ("Gap closed", describe_gap(student["gap_closed"])),
        *(
            (f"Student against {name}", str(Comparison(**found)))
            for name, found in result["verdict"]["against"].items()
        ),
        ("Speed", f"{student['words_per_second'] / teacher['words_per_second']:,.0f} times the teacher's"),
        ("Size", f"1/{teacher['size_mb'] / student['size_mb']:,.0f} of the teacher's"),
    ]


def describe_setting(name: str, value: Any) -> str:
    """A setting of a reference. RETURNS (str): Its name and value."""
    return f"{name} {value:.3f}" if name == "dev_accuracy" else f"{name} {value}"


def describe_features(features: Dict[str, Any]) -> str:
    """What the n-grams of a student are made of, and why.

    features (Dict[str, Any]): What `evaluate` found.
    RETURNS (str): A few words.
    """
    if "log_loss" not in features:
        return f"{features['reads']}, as its config says"
    tried = [f"{name} {loss:.3f} ({features['accuracy'][name]:.1%})" for name, loss in features["log_loss"].items()]
    return (
        f"{features['reads']}, chosen by {features['dev']} dev texts. Log loss (and accuracy) of a linear model that "
        f"learned from {features['texts']} texts: {', '.join(tried)}"
    )


def describe_gap(gap: Optional[float]) -> str:
    """How much of the gap is closed, and what it means below none and above all of it.

    gap (Optional[float]): Share of the gap, None where there is none.
    RETURNS (str): A few words.
    """
    if gap is None:
        return "the teacher does not beat gold labels alone"
    if gap < 0:
        return "none of it: the student has fewer right than gold labels alone give"
    return f"{gap:.0%}" + (": the student has more right than the teacher" if gap > 1 else "")


if __name__ == "__main__":
    run_command(show)
