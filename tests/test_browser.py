"""The watch over pages notices what it is there for: tests of pages rest on it."""

from pathlib import Path
from typing import List

import pytest
from playwright.sync_api import Browser

from tests.browser import OpenPage, find_barriers, watch_page

pytestmark = pytest.mark.browser
HEAD = '<!doctype html><html lang="en"><head><title>A page</title></head>'


def write_page(folder: Path, content: str) -> Path:
    path = folder / "page.html"
    path.write_text(f"{HEAD}<body><main><h1>A page</h1>{content}</main></body></html>", encoding="utf8")
    return path


@pytest.mark.parametrize(
    "content, fault",
    [
        ("<script>console.error('wrong')</script>", "says on its console: wrong"),
        ("<script>throw new Error('broken')</script>", "raises broken"),
        ("<img alt='' src='http://127.0.0.1:9/a.png'>", "asks for http://127.0.0.1:9/a.png"),
        ("<img alt='' src='other.png'>", "other.png"),
        ("<img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", ""),
    ],
)
def test_a_page_is_watched(chromium: Browser, tmp_path: Path, content: str, fault: str) -> None:
    url = write_page(tmp_path, content).as_uri()
    context, faults = chromium.new_context(), []  # type: ignore[var-annotated]
    page = context.new_page()
    watch_page(page, url, faults)
    page.goto(url)
    context.close()
    assert any(fault in found for found in faults) if fault else not faults


def test_barriers_are_found(open_page: OpenPage, tmp_path: Path) -> None:
    assert find_barriers(open_page(write_page(tmp_path, "<p>text</p>"))) == []
    barriers: List[str] = find_barriers(open_page(write_page(tmp_path, "<button></button>")))
    assert len(barriers) == 1 and barriers[0].startswith("button-name")
