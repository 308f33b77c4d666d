"""The table of what unlabelled texts are worth, a function of the record that `benchmarks.selection` wrote."""

from statistics import mean
from typing import Any

from benchmarks.tables.table import Table, name_machine

SETS = ("near", "all", "by chance", "left out")


def selection(record: Any) -> Table:
    """Accuracy of TF-IDF with logistic regression, taught with each set; by chance: the mean over its draws."""
    rows = []
    for run in record["runs"]:
        for name in SETS:
            found = [row for row in run["rows"] if row["set"].split(",")[0] == name]
            accuracies = [f"{100 * mean(row[split] for row in found):.1f}" for split in ("dev", "test")]
            rows.append([run["run"], name, f"{found[0]['texts']:,}", *accuracies])
    aucs = ", ".join(f"{run['run']} {run['selection']['auc']:.2f}" for run in record["runs"])
    n_draws = len(record["runs"][0]["rows"]) - len(SETS) + 1
    caption = (
        "Percent. Near: what `select` takes; by chance: as many of all, mean of "
        f"{n_draws} draws. How often a labelled text is nearer than an unlabelled one (.5: they are alike): {aucs}. "
        f"{name_machine(record['machine'])}"
    )
    return Table(("run", "unlabelled texts", "number", "dev", "test"), rows, caption, n_words=2)
