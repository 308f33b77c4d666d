"""Variables of project.yml: a slip ends the first step."""

from pathlib import Path
from typing import Any, Dict

import pytest
from weasel.util import load_project_config

from scripts.files import UserError
from scripts.variables import check_language, check_run, check_tagger, check_variables
from tests.conftest import ROOT


@pytest.mark.parametrize("name", ["en", "my run", "o'brien", "é 日本 हिन्दी", "[1] #2; v1.2 (a) 50%", "-x", "7", "null"])
def test_a_run_is_named_like_any_folder(name: str) -> None:
    check_run(name)


@pytest.mark.parametrize(
    "name", ["", " ", "..", ".git", "a.", " a", "a ", "a/b", "a\\b", "C:", 'a"b', "a$b", "a\nb", "*"]
)
def test_a_run_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"cannot name a run's folders.*--vars\.run"):
        check_run(name)


@pytest.mark.parametrize("name", ["1.1", "1e5", "NaN", "x" * 201, "日" * 67])
def test_a_run_whose_name_would_be_another_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="cannot name a run's folders"):
        check_run(name)


def test_languages_are_those_of_spacy() -> None:
    for lang in ("en", "ja", "xx", "grc"):
        check_language(lang)
    for lang in ("english", "EN", "", "../en", "eng"):
        with pytest.raises(UserError, match=r"no language .*--vars\.lang one of .*, en, .*, zh"):
            check_language(lang)


def test_a_tagger_is_looked_for_before_hours_of_work(tmp_path: Path) -> None:
    for tagger in ("", str(tmp_path), "spacy"):
        check_tagger(tagger)
    for tagger in ("en_core_web_none", "en-core-web-sm", str(tmp_path / "none")):
        with pytest.raises(UserError, match=r"neither an installed pipeline nor a folder"):
            check_tagger(tagger)


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"vars.studnet": "bow"}, r"no variable for --vars\.studnet\. Did you mean --vars\.student\?"),
        ({"vars.text-column": "Review"}, r"Did you mean --vars\.text_column\?"),
        ({"vars.qqqqqq": 1}, r"no variable for --vars\.qqqqqq\.$"),
        ({"vars.run": 1.1}, "'1.1' cannot name a run's folders"),
        ({"vars.run": 'a"b'}, "cannot name a run's folders"),
    ],
)
def test_a_slip_in_a_variable_is_named(overrides: Dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_variables(overrides, load_project_config(ROOT, interpolate=False))


def test_all_variables_of_the_project_are_known() -> None:
    config = load_project_config(ROOT, interpolate=False)
    check_variables({f"vars.{name}": value for name, value in config["vars"].items()} | {"vars.run": 2024}, config)
