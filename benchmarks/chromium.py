"""Headless Chromium, for pictures of pages and for tests of them."""

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from playwright.sync_api import Browser, Playwright, sync_playwright

from scripts.files import UserError

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Playwright keeps Chromium from most of what it looks up by itself; this is the rest.
QUIET = ["--disable-quic", "--disable-sync", "--disable-gpu", "--no-proxy-server"]


@contextmanager
def start_chromium() -> Iterator[Browser]:
    """Start the Chromium of this machine, and stop it in the end.

    While it runs, this thread belongs to an event loop of Playwright's: `asyncio.run` is refused in it.

    YIELDS (Browser): The browser.
    RAISES (UserError): There is none.
    """
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None:
            raise UserError(f"No Chromium: none of {', '.join(COMMANDS)} is installed. Install one of them.")
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def find_chromium(playwright: Playwright) -> Optional[Path]:
    """Find Chromium or Chrome.

    playwright (Playwright): What would start it; `playwright install chromium` may have brought it one of its own.
    RETURNS (Optional[Path]): Its program, None if there is none.
    """
    installed = [path for path in map(shutil.which, COMMANDS) if path]
    paths = [*map(Path, installed), Path(playwright.chromium.executable_path)]
    return next((path for path in paths if path.is_file()), None)
