"""Pages in headless Chromium, watched: a fixture for tests with the mark `browser`."""

from typing import Any, Callable, Iterator, List
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from benchmarks.chromium import start_chromium
from scripts.files import UserError

# What is in the page itself, and so asks nobody for anything.
INLINE = ("data", "blob", "about")
OpenPage = Callable[..., Page]


# One for each file of tests: others may run an event loop of their own in this process.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium; tests that need one are skipped where there is none."""
    try:
        with start_chromium() as browser:
            yield browser
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """A function that opens the page at a URL, or at the path of a file, and returns it.

    Its keywords are those of `Browser.new_context`, such as viewport={"width": 390, "height": 844},
    color_scheme="dark", accept_downloads=True. When the test is over, it fails if a page has written a warning or an
    error to its console, has raised one, or has asked anything of another host than its own.
    """
    contexts, faults = [], []  # type: List[Any], List[str]

    def open_watched(address: Any, **options: Any) -> Page:
        url = address.resolve().as_uri() if hasattr(address, "resolve") else str(address)
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        watch_page(page, url, faults)
        page.goto(url)
        return page

    yield open_watched
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


def watch_page(page: Page, url: str, faults: List[str]) -> None:
    """Write down what a page must not do.

    page (Page): The page, still empty.
    url (str): What it will show: with http, it may ask its own host; a file may ask for nothing but itself.
    faults (List[str]): Where to write it.
    """
    own = urlsplit(url)

    def note_request(request: Any) -> None:
        asked = urlsplit(request.url)
        is_own = request.url.split("#")[0] == url.split("#")[0] if own.scheme == "file" else asked[:2] == own[:2]
        if asked.scheme not in INLINE and not is_own:
            faults.append(f"{url} asks for {request.url}")

    def note_message(message: Any) -> None:
        if message.type in ("error", "warning"):
            faults.append(f"{url} says on its console: {message.text}")

    page.on("request", note_request)
    page.on("console", note_message)
    page.on("pageerror", lambda error: faults.append(f"{url} raises {error}"))


def find_barriers(page: Page) -> List[str]:
    """What keeps people from using a page as it is shown at the moment, by the rules of axe-core.

    page (Page): An open page.
    RETURNS (List[str]): For each rule that is broken its name, what it asks for, and the elements.
    """
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {found['help']}: {'; '.join(node['html'][:200] for node in found['nodes'][:5])}"
        for found in violations
    ]
