"""The `languages` command: `all` for one language after the other, and one table of them.

Each language is a run with folders and lock entries of its own, as if it had been started alone: a finished one is
skipped, and one that fails stops none of the others. The command itself is of no run, and its name has none in it.
"""

from pathlib import Path
from typing import Dict

import srsly
import typer
from wasabi import msg

from scripts.files import UserError, run_command
from scripts.languages.order import Order, read_line, read_order
from scripts.languages.report import Row, summarize, write_table
from scripts.locks import locked
from scripts.run import StepFailed, run_workflow

WORKFLOW = "all"


def languages(
    langs: str = typer.Argument(..., help="Language codes, with spaces between them"),
    training: Path = typer.Argument(..., help="Folder of all runs' models, and of the table"),
) -> None:
    """Run `all` for each language and write one table of them; goes on after a language that fails."""
    order = read_order(langs, read_line(), known=srsly.read_yaml("project.yml")["vars"])
    # One at a time: two would take turns with the runs, and the table of each would lack the other's.
    with locked(training):
        failed = run_all(order)
        rows = [read_row(lang, training / run, failed.get(lang, "")) for lang, run in order.runs.items()]
        write_table(rows, training / order.table)
    if failed:
        names = ", ".join(f"{lang} ({step})" for lang, step in failed.items())
        raise UserError(
            f"{len(failed)} of {len(order.runs)} languages failed: {names}. Each has said above why. Mend it, then run "
            "the same command again: what is finished is skipped."
        )


def run_all(order: Order) -> Dict[str, str]:
    """Run the languages one after the other.

    order (Order): What is to be done.
    RETURNS (Dict[str, str]): By language that failed the step that did.
    """
    failed: Dict[str, str] = {}
    for number, (lang, run) in enumerate(order.runs.items(), start=1):
        msg.divider(f"{lang}: language {number} of {len(order.runs)}", char="#")
        variables = {**order.variables, "vars.lang": lang, "vars.run": run}
        try:
            run_workflow(Path.cwd(), WORKFLOW, variables, force=order.force)
        except StepFailed as ended:
            failed[lang] = ended.step
            msg.warn(f"{lang}: {ended.step} failed")
    return failed


def read_row(lang: str, run: Path, failed: str) -> Row:
    """Read what a run has measured.

    lang (str): Its language.
    run (Path): Folder of its models.
    failed (str): The step that failed, if one did: a report that is there is of another time then.
    RETURNS (Row): The row of the table.
    """
    if failed:
        return {"lang": lang, "run": run.name, "failed": failed}
    encoder = srsly.read_json(run / "encoder.json")["encoder"]
    return summarize(lang, run.name, srsly.read_json(run / "report" / "report.json"), encoder=encoder)


if __name__ == "__main__":
    run_command(languages)
