"""Tables of the runs of several languages, each a function of the record that `benchmarks.keep languages` wrote."""

from typing import Any, Dict, List

from spacy.util import get_lang_class

from benchmarks.tables.table import Table, format_counts, name_machine
from scripts.languages import report

Record = Dict[str, Any]
# Those of README, in this order.
SHORT = ("en", "de", "fr", "es", "it", "nl")


def name_language(lang: str) -> str:
    """The English name of a language, as spaCy has it."""
    return str(get_lang_class(lang).__name__)


def languages(record: Record) -> Table:
    """All that was measured of all languages."""
    rows = [[f"{name_language(row['lang'])} ({row['lang']})", *cells[1:]] for row, cells in list_cells(record)]
    facts = report.group_facts(report.find_finished(record["languages"]))
    shown = {name: facts[name] for name in facts if name not in ("Machine", "Versions")}
    caption = [report.CAPTION, *(f"{name}: {report.tell(values)}." for name, values in shown.items())]
    return Table(report.HEADER, rows, " ".join([*caption, *name_machines(record["languages"])]))


def list_cells(record: Record) -> List[Any]:
    """Each row of a record with its cells."""
    return list(zip(record["languages"], report.table_rows(record["languages"])))


def languages_short(record: Record) -> Table:
    """What matters to people in a hurry, of the languages of SHORT that were measured."""
    found = {row["lang"]: row for row in report.find_finished(record["languages"])}
    measured = [found[lang] for lang in SHORT if lang in found]
    header = ("", "labels alone", "TF-IDF, taught", "**student**", "teacher", "kept", "faster", "smaller", "MB")
    n_test, n_train, n_unlabelled = (
        format_counts(row["counts"][split] for row in measured) for split in ("test", "train", "unlabelled")
    )
    caption = (
        f"Accuracy on {n_test} texts, after {n_train} labelled and {n_unlabelled} unlabelled ones. Labels alone: the "
        "better of TF-IDF with logistic regression and the student without a teacher. TF-IDF, taught: the same with "
        "the teacher's labels, too. Kept: of the teacher's accuracy. Faster, smaller: than the teacher, so many times. "
        "MB: the student's."
    )
    return Table(header, [shorten(row) for row in measured], " ".join([caption, *name_machines(measured)]))


def shorten(row: report.Row) -> List[str]:
    """The cells of a language in the table of README."""
    student, teacher = row["student"], row["teacher"]
    alone = max(row["reference"]["accuracy"], row["baseline"]["accuracy"])
    accuracies = (alone, *(row[name]["accuracy"] for name in ("reference_distilled", "student", "teacher")))
    return [
        name_language(row["lang"]),
        *(f"{100 * accuracy:.1f} %" for accuracy in accuracies),
        f"{100 * row['retained']:.0f} %",
        f"{student['words_per_second'] / teacher['words_per_second']:,.0f}",
        f"{teacher['size_mb'] / student['size_mb']:,.0f}",
        f"{student['size_mb']:.1f}",
    ]


def name_machines(rows: List[report.Row]) -> List[str]:
    """The machines of rows that have not failed, each with its languages if there are several."""
    machines: Dict[str, List[str]] = {}
    for row in report.find_finished(rows):
        machines.setdefault(name_machine(row["machine"]), []).append(row["lang"])
    if len(machines) == 1:
        return list(machines)
    return [f"{', '.join(langs)}: {machine}" for machine, langs in machines.items()]
