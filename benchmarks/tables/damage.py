"""Tables of what survives: files that are damaged."""

from typing import Any

from benchmarks.tables.table import Table


def fuzz(record: Any) -> Table:
    """What reading damaged files gave, by type of file.

    record (Any): What benchmarks.fuzz wrote.
    RETURNS (Table): The table.
    """
    files = record["files"]
    outcomes = list(next(iter(files.values())))
    total = {outcome: sum(counts[outcome] for counts in files.values()) for outcome in outcomes}
    rows = [
        [name, *(f"{number:,}" for number in (sum(counts.values()), *counts.values()))]
        for name, counts in {**files, "all": total}.items()
    ]
    caption = f"{record['n_reviews']} reviews a file. Every error names the file."
    return Table(["", "damaged", *outcomes], rows, caption)
