"""A picture of the page for README.

    python -m benchmarks.serving.screenshot packages/en-amazon/en_reviews-0.1.0 training/en-amazon/export_baseline \
        training/en-amazon/teacher/model-best
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from playwright.sync_api import Response
from wasabi import msg

from benchmarks.chromium import start_chromium
from benchmarks.document import RESULTS
from benchmarks.serving.process import serving
from scripts.files import replaced, run_command

WIDTH, HEIGHT = 1180, 950
# The example that is asked.
EXAMPLE = 1


def is_last(response: Response) -> bool:
    """Whether this is the last answer to a text: what its words are for the teacher."""
    return response.url.endswith("/v1/explain") and "teacher" in (response.request.post_data or "")


def take_picture(
    student: str = typer.Argument(..., help="Packaged student: name or folder"),
    baseline: str = typer.Argument(..., help="Its baseline"),
    teacher: str = typer.Argument(..., help="Its teacher"),
    output: Path = typer.Option(RESULTS / "page.png", help="The .png file to write"),
) -> None:
    """Serve three models, compare them on an example, and take a picture of what is seen."""
    options = ["--baseline", baseline, "--teacher", teacher, "--drain", 0]
    with (
        TemporaryDirectory() as folder,
        start_chromium() as browser,
        serving(Path(folder), student, *options) as running,
    ):
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(running.url)
        button = page.locator(f"#examples button:nth-child({EXAMPLE})")
        # Twice, so that times are those of models that have worked.
        for _ in range(2):
            with page.expect_response(is_last, timeout=60_000):
                button.click()
        page.wait_for_timeout(500)
        page.evaluate("window.scrollTo(0, 0)")
        with replaced(output) as partial:
            page.screenshot(path=partial, type="png")
        page.close()
    msg.good(f"Written: {output}")


if __name__ == "__main__":
    run_command(take_picture)
