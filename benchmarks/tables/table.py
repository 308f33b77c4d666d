"""A table of a benchmark: the same on the terminal and in README and docs."""

from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence

import srsly
from wasabi import msg

from scripts.files import replaced


class Table(NamedTuple):
    """What a record says, for people.

    header (Sequence[str]): Names of the columns.
    rows (Sequence[Sequence[str]]): The cells. In bold, as Markdown has it, is what the eye shall find.
    caption (str): What stands below: the texts, what was repeated, the machine.
    title (str): What stands above, if there are several.
    n_words (int): Columns that hold words, the first ones; those of numbers are aligned to the right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    title: str = ""
    n_words: int = 1

    def to_markdown(self) -> str:
        """The table as Markdown."""
        rule = [":---" if column < self.n_words else "---:" for column in range(len(self.header))]
        lines = [f"| {' | '.join(line)} |" for line in (self.header, rule, *self.rows)]
        title = [f"### {self.title}"] if self.title else []
        return "\n\n".join([*title, "\n".join(lines), *([self.caption] if self.caption else [])])

    def show(self) -> None:
        """Print the table."""
        rows = [[cell.replace("**", "") for cell in row] for row in self.rows]
        aligns = ["l" if column < self.n_words else "r" for column in range(len(self.header))]
        if self.title:
            msg.divider(self.title)
        msg.table(rows, header=self.header, divider=True, aligns=aligns)
        msg.text(self.caption)


def write_and_show(path: Path, record: Any, *tables: Table) -> None:
    """Write what a benchmark has measured, and show it.

    path (Path): The .json file.
    record (Any): What JSON can hold.
    tables (Table): What it says.
    """
    with replaced(path) as partial:
        srsly.write_json(partial, record)
    for table in tables:
        table.show()
    msg.good(f"Written: {path}. `python -m benchmarks.document` puts it into README and docs.")


def name_machine(machine: Dict[str, str]) -> str:
    """A machine as captions name it.

    machine (Dict[str, str]): What `describe_machine` gave.
    RETURNS (str): A sentence.
    """
    cores = f"{machine['cores']} cores of {machine['processor']} ({machine['instructions']})"
    return f"{cores}." if machine["gpu"] == "none" else f"{machine['gpu']}, {cores}."


def format_counts(counts: Iterable[int]) -> str:
    """The least and the largest of some counts, e.g. 995 to 1,000, or the one that all are."""
    found = sorted(set(counts))
    return " to ".join(f"{count:,}" for count in dict.fromkeys((found[0], found[-1])))


def format_range(values: Dict[str, float]) -> str:
    """A median with its range.

    values (Dict[str, float]): median, min and max.
    RETURNS (str): E.g. 1.02 (0.98-1.10).
    """
    return f"{values['median']:.2f} ({values['min']:.2f}-{values['max']:.2f})"


def format_cells(rows: Sequence[Dict[str, Any]], columns: Dict[str, str]) -> List[List[str]]:
    """Rows of a record as cells.

    rows (Sequence[Dict[str, Any]]): The rows.
    columns (Dict[str, str]): By the name of a value how it is written, as `format` takes it.
    RETURNS (List[List[str]]): The cells.
    """
    return [[format(row[name], how) for name, how in columns.items()] for row in rows]
