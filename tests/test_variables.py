"""Variables of project.yml: a slip ends the first step."""

import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
import srsly
from weasel.util import parse_config_overrides

from scripts.files import UserError
from scripts.run import run_workflow
from scripts.variables import check_language, check_names, check_run, check_tagger, read_names
from tests.conftest import ROOT

VARIABLES = srsly.read_yaml(ROOT / "project.yml")["vars"]


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
        with pytest.raises(UserError, match=r"no language .*--vars\.lang one, .* of .*, en, .*, zh"):
            check_language(lang)


def test_a_tagger_is_looked_for_before_hours_of_work(tmp_path: Path) -> None:
    for tagger in ("", str(tmp_path), "spacy"):
        check_tagger(tagger)
    for tagger in ("en_core_web_none", "en-core-web-sm", str(tmp_path / "none")):
        with pytest.raises(UserError, match=r"neither an installed pipeline nor a folder"):
            check_tagger(tagger)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["all", "--vars.studnet", "bow"], r"no variable for --vars\.studnet\. Did you mean --vars\.student\?"),
        (["all", ".", "--vars.text-column", "Review"], r"Did you mean --vars\.text_column\?"),
        (["all", ".", "--vars.qqqqqq=1"], r"no variable for --vars\.qqqqqq\.$"),
    ],
)
def test_a_slip_in_the_name_of_a_variable_is_named(arguments: List[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_names(read_names(arguments), VARIABLES)


def test_names_are_read_as_weasel_reads_them() -> None:
    arguments = ["--vars.text-column=a=b", "--vars.run", "--vars.student", "bow", "--vars.train=--vars.x", "--force"]
    assert read_names(arguments) == ["text_column", "run", "student", "train"]
    assert [f"vars.{name}" for name in read_names(arguments)] == list(parse_config_overrides(arguments[:-1]))
    check_names(read_names(arguments), VARIABLES)


def test_both_ways_to_run_a_workflow_refuse_slips(tmp_path: Path) -> None:
    for name in ("project.yml", "scripts", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    for module in (["spacy", "project", "run"], ["scripts.run"]):
        command = [sys.executable, "-m", *module, "convert", "--vars.studnet", "bow"]
        command[-2:-2] = ["."] if module[0] == "spacy" else []
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        said = " ".join(f"{done.stdout} {done.stderr}".split())
        assert done.returncode == 1 and "Did you mean --vars.student?" in said
        assert "Traceback" not in done.stderr and not list((tmp_path / "training").glob("*"))


def test_a_run_that_weasel_would_stumble_over_is_refused_before() -> None:
    for name in ('a"b', 1.1):
        with pytest.raises(UserError, match="cannot name a run's folders"):
            run_workflow(ROOT, "convert", {"vars.run": name})
