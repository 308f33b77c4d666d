"""The table of cascades, a function of the record that `benchmarks.cascades` wrote."""

from typing import Any

from benchmarks.tables.table import Table, format_counts
from scripts.cascade.report import SYSTEMS


def cascades(record: Any) -> Table:
    """What student, cascade and teacher do on test, and what the cascade asks for."""
    rows = []
    for run in record["runs"]:
        accuracies = [f"{run[name]['accuracy']:.3f}" for name in SYSTEMS]
        points = 100 * (run["cascade"]["accuracy"] - run["teacher"]["accuracy"])
        asked = [f"{run['cascade'][name]:.0%}" for name in ("escalated", "words")]
        rows.append([run["run"], *accuracies, f"{points:+.1f}", *asked])
    n_test, n_dev = (format_counts(run[name] for run in record["runs"]) for name in ("n_test", "n_dev"))
    caption = (
        f"Accuracy on {n_test} test texts. Thresholds were chosen on {n_dev} dev texts, for at most "
        f"{record['max_loss']:g} points below the teacher. Asked: what the teacher reads."
    )
    return Table(("run", *SYSTEMS, "points to teacher", "texts asked", "words asked"), rows, caption)
