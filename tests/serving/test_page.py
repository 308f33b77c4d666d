"""The page, in headless Chromium."""

from pathlib import Path
from typing import Any, Dict

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.serving.process import Running
from tests.browser import OpenPage, find_barriers
from tests.serving.conftest import StartServer

pytestmark = pytest.mark.browser
# A busy machine takes its time.
expect.set_options(timeout=30_000)
TOKEN = "secret"
PHONE: Dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
CSV = 'text,id\n"love it, ""works"" well",1\nawful,2\n,3\n'


@pytest.fixture(scope="module")
def server(start: StartServer, student: Path) -> Running:
    """A server of three models that are one."""
    options = ["--baseline", f"baseline={student}", "--teacher", f"teacher={student}", "--max-file", "5000"]
    return start(f"student={student}", *options)


@pytest.fixture(scope="module")
def closed_server(start: StartServer, student: Path) -> Running:
    """A server that wants a token."""
    return start(f"student={student}", TEXTDISTILL_TOKEN=TOKEN)


def compare(page: Page, text: str) -> None:
    """Type a text and compare the models with the keyboard alone."""
    page.get_by_label("Your text").fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".words:not(.wait)")).to_have_count(3)


@pytest.mark.parametrize("options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE])
def test_models_stand_side_by_side_with_all_that_is_promised(
    options: Dict[str, Any], server: Running, open_page: OpenPage
) -> None:
    page = open_page(server.url, **options)
    expect(page.locator("#examples button")).to_have_count(4)
    compare(page, "😀 I love it & <b>works</b> well")
    expect(page.get_by_role("status").first).to_contain_text("Student and teacher say")
    cards = page.locator(".card")
    expect(cards).to_have_count(3)
    for card, role in zip(cards.all(), ("Student", "Baseline: no teacher", "Teacher")):
        said = card.inner_text()
        assert role.upper() in said.upper() and "Time" in said and "MB" in said
        assert ("Cosine to the teacher\n1.000" in said) == (role != "Teacher")
        assert ("KL from the teacher\n0.000 nats" in said) == (role != "Teacher")
        widths = [bar.evaluate("bar => parseFloat(bar.style.width)") for bar in card.locator(".fill").all()]
        assert sum(widths) == pytest.approx(100, abs=0.1)
        # As it was typed: nothing of it became a part of the page.
        assert card.locator(".words").inner_text().startswith("😀 I love it & <b>works</b> well")
        assert card.locator(".piece.for").count() and "Words for" in card.locator(".words").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert find_barriers(page) == []


def test_an_example_is_one_click_and_an_empty_text_none(server: Running, open_page: OpenPage) -> None:
    page = open_page(server.url)
    page.locator("#examples button").nth(1).click()
    expect(page.locator(".card")).to_have_count(3)
    assert page.get_by_label("Your text").input_value().startswith("Quiet, quick")
    expect(page.locator("#count")).to_contain_text("of 20,000 characters")


# Chromium notes a refusal on the console, so these pages are not watched.
def test_what_the_server_refuses_is_said(server: Running, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(server.url)
    page.get_by_label("Your text").fill("\u200b")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("status").first).to_contain_text("the text is empty")
    expect(page.get_by_role("button", name="Compare")).to_be_enabled()


def test_a_file_is_sent_classified_and_read_back(server: Running, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(server.url, accept_downloads=True)
    (tmp_path / "reviews.csv").write_text(CSV, encoding="utf8")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "reviews.csv")
    page.get_by_role("button", name="Classify the file").click()
    expect(page.locator("#file-status")).to_contain_text("3 rows in")
    assert page.locator("#progress").evaluate("bar => bar.value") == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the result").click()
    assert download.value.suggested_filename == "reviews.predicted.csv"
    lines = Path(download.value.path()).read_text(encoding="utf8").splitlines()
    assert lines[0] == "text,id,predicted,predicted_NEGATIVE,predicted_POSITIVE"
    assert len(lines) == 4 and lines[-1] == ",3,,,"
    assert find_barriers(page) == []


def test_a_file_that_cannot_be_used_is_said(server: Running, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(server.url)
    (tmp_path / "long.csv").write_text("text\n" + "love it\n" * 1000, encoding="utf8")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "long.csv")
    page.get_by_role("button", name="Classify the file").click()
    expect(page.locator("#file-status")).to_contain_text("at most 5,000 are taken")
    expect(page.get_by_role("link", name="Download the result")).to_be_hidden()


def test_the_page_asks_for_the_token(closed_server: Running, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(closed_server.url)
    page.get_by_label("This server wants a token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#examples button")).to_have_count(4)
    expect(page.get_by_label("This server wants a token")).to_be_hidden()
