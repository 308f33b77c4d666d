"""The pictures of pages that README shows, taken in headless Chromium.

    python -m benchmarks.screenshots en

It wants a finished run.
"""

from pathlib import Path

import typer
from playwright.sync_api import Browser
from wasabi import msg

from benchmarks.chromium import start_chromium
from scripts.files import UserError, replaced, run_command

# As wide as a page of README is shown, twice over; as high as what is worth seeing at a glance.
WIDTH, HEIGHT = 1280, 980


def take_pictures(
    run: str = typer.Argument(..., help="Name of a run, e.g. en"),
    training: Path = typer.Option(Path("training"), help="Folder of all runs' models"),
    docs: Path = typer.Option(Path("docs"), help="Folder of the pictures"),
) -> None:
    """Take the pictures of a run's pages."""
    page = training / run / "report" / "index.html"
    if not page.is_file():
        raise UserError(f"{page} does not exist. Run the project first: python -m spacy project run all")
    with start_chromium() as browser:
        take_picture(browser, page.resolve().as_uri(), docs / "report.png", ready="html[data-drawn]")


def take_picture(browser: Browser, url: str, path: Path, *, ready: str) -> None:
    """Take the picture of a page.

    browser (Browser): Chromium.
    url (str): The page.
    path (Path): The .png file.
    ready (str): A selector of what is there once the page shows all.
    """
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(ready, state="attached")
    with replaced(path) as partial:
        partial.write_bytes(page.screenshot())
    context.close()
    msg.good(f"Written: {path}")


if __name__ == "__main__":
    run_command(take_pictures)
