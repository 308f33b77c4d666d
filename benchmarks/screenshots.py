"""The picture of a run's report that README shows, taken in headless Chromium.

    python -m benchmarks.screenshots en

It wants a finished run.
"""

from pathlib import Path

import typer
from wasabi import msg

from benchmarks.chromium import start_chromium
from scripts.files import UserError, replaced, run_command

# As wide as a page of README is shown, twice over; as high as what is worth seeing at a glance.
WIDTH, HEIGHT = 1280, 980


def take_report(
    run: str = typer.Argument(..., help="Name of a run, e.g. en"),
    training: Path = typer.Option(Path("training"), help="Folder of all runs' models"),
    output: Path = typer.Option(Path("docs/report.png"), help="The .png file to write"),
) -> None:
    """Take the picture of a run's report."""
    page = training / run / "report" / "index.html"
    if not page.is_file():
        raise UserError(f"{page} does not exist. Run the project first: python -m spacy project run all")
    with start_chromium() as browser:
        shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        shown.goto(page.resolve().as_uri())
        shown.wait_for_selector("html[data-drawn]", state="attached")
        with replaced(output) as partial:
            partial.write_bytes(shown.screenshot())
        shown.close()
    msg.good(f"Written: {output}")


if __name__ == "__main__":
    run_command(take_report)
