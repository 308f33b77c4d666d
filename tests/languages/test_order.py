"""What `languages` is to do: read from the command line, or refused."""

from typing import Dict, List

import pytest
import srsly
from weasel.util import parse_config_overrides

from scripts.files import UserError
from scripts.languages.order import read_order, read_variables
from tests.conftest import ROOT

KNOWN = srsly.read_yaml(ROOT / "project.yml")["vars"]


@pytest.mark.parametrize(
    ("langs", "line", "runs", "table"),
    [
        ("de fr", [], {"de": "de", "fr": "fr"}, "languages"),
        (" de,fr,  de\tnl ", [], {"de": "de", "fr": "fr", "nl": "nl"}, "languages"),
        ("en de", ["--vars.run", "amazon"], {"en": "en-amazon", "de": "de-amazon"}, "languages-amazon"),
        ("xx", ["--vars.run=2019"], {"xx": "xx-2019"}, "languages-2019"),
    ],
)
def test_a_run_has_the_name_of_its_language(langs: str, line: List[str], runs: Dict[str, str], table: str) -> None:
    order = read_order(langs, ["run", "languages", ".", *line], known=KNOWN)
    assert (order.runs, order.table, order.variables, order.force) == (runs, table, {}, False)


def test_other_variables_go_to_every_run_as_they_were_typed() -> None:
    line = ["project", "run", "languages", ".", "--vars.langs", "de fr", "--vars.reviews", "my reviews", "-F"]
    line += ["--vars.student=bow", "--vars.seed", "3", "--vars.unlabelled", "none", "--vars.run", "mine"]
    order = read_order("de fr", line, known=KNOWN)
    assert order.variables == {
        "vars.reviews": "my reviews",
        "vars.student": "bow",
        "vars.seed": 3,
        "vars.unlabelled": "none",
    }
    assert order.force


def test_variables_are_read_as_weasel_reads_them() -> None:
    typed = ["--vars.text-column=a=b", "--vars.train=--vars.x", "--vars.student", "bow", "--vars.skip_stars", "3"]
    assert read_variables(["python", "-m", "spacy", "--force", ".", *typed[:2], ".", *typed[2:], "."]) == dict(
        parse_config_overrides(list(typed))
    )


@pytest.mark.parametrize(
    ("langs", "line", "message"),
    [
        (" ", [], r"spaCy has no language ''.* or --vars\.langs some, of"),
        ("de english", [], r"spaCy has no language 'english'"),
        ("de", ["--vars.lang", "de"], r"--vars\.lang de is of one language, .* --vars\.langs"),
        ("de", ["--vars.train", "my/de.csv"], r"--vars\.train my/de\.csv is of one language, .* --vars\.reviews"),
        ("de", ["--vars.test", "my/de.csv"], r"--vars\.test my/de\.csv is of one language"),
        ("de", ["--vars.studnet", "bow"], r"Did you mean --vars\.student\?"),
        ("de", ["--vars.run", "a/b"], r"'de-a/b' cannot name a run's folders"),
    ],
)
def test_what_cannot_be_is_refused(langs: str, line: List[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_order(langs, ["languages", *line], known=KNOWN)


def test_a_line_that_cannot_be_read_is_an_error_and_no_variable_is_lost() -> None:
    with pytest.raises(UserError, match=r"cannot be read where they were typed\. Run it as: python -m spacy"):
        read_order("de", [], known=KNOWN)


def test_a_student_of_several_languages_learns_from_the_others_of_the_line() -> None:
    order = read_order("nl xx,de", ["languages", "--vars.langs", "nl xx,de"], known=KNOWN)
    assert list(order.runs) == ["nl", "xx", "de"] and order.variables == {"vars.langs": "nl de"}
    # Alone it learns from those of project.yml.
    assert read_order("xx", ["languages", "--vars.langs", "xx"], known=KNOWN).variables == {}
