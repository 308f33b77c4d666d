"""The table of a student of several languages, a function of the record that `benchmarks.multilingual` wrote."""

from typing import Any, Dict

from benchmarks.tables.languages import name_language
from benchmarks.tables.table import Table, name_machine
from scripts.data.significance import Comparison

HEADER = ("", "reference", "student", "teacher", "reference, together", "**student, together**", "teacher, together")


def multilingual(record: Dict[str, Any]) -> Table:
    """Accuracy by language: of the systems of its own run, and of those of the run of all languages together."""
    rows = [
        [
            name_language(row["lang"]),
            *(f"{row[run][name]:.3f}" for run in ("single", "several") for name in ("reference", "student", "teacher")),
            str(Comparison(**row["against"])),
        ]
        for row in record["rows"]
    ]
    sizes = sum(row["size_mb"] for row in record["rows"])
    n_texts = ", ".join(f"{row['texts']:,}" for row in record["rows"])
    counts, langs = record["counts"], record["languages"]
    caption = (
        f"Together: one run of {', '.join(map(name_language, langs))}, trained on {counts['train']:,} labelled and "
        f"{counts['unlabelled']:,} unlabelled texts of all. Its student (`{record['student_kind']}`) has "
        f"{record['size_mb']:.1f} MB; those of {', '.join(name_language(row['lang']) for row in record['rows'])} have "
        f"{sizes:.1f} MB. Difference: the student of all against that of the language, on "
        f"{n_texts} test texts. {name_machine(record['machine'])}"
    )
    return Table([*HEADER, "difference"], rows, caption)
