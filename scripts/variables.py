"""Checks of the variables of project.yml, so that a slip ends the first step and not the last.

Weasel reads a value as JSON where it can, so that 1.10 becomes 1.1 before any step sees it, and it passes over a
variable that project.yml does not have. So the names are read where they were typed.
"""

import difflib
import json
import re
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterable, List

from scripts.files import UserError

# Not allowed in names of files on Windows; the quotes, the backslash and the $ also have a meaning in project.yml.
FORBIDDEN = '/\\:*?"<>|$'
# File systems take 255 bytes.
MAX_BYTES = 200
# spaCy's code for any language: its tokenizer is for texts of several.
ANY = "xx"
# Values of `--vars.select`: unlabelled texts that are like the labelled ones, or all.
NEAR, ALL = "near", "all"


def check_run(name: str) -> None:
    """Refuse a run's name that cannot be that of a folder everywhere.

    name (str): Value of `--vars.run`. Spaces and letters of any script are fine.
    RAISES (UserError): It is no name of one folder, or a number that others are read as, too.
    """
    wrong = sorted({char for char in name if char in FORBIDDEN or not char.isprintable()})
    reason = ""
    if wrong:
        reason = f"it holds {' '.join(map(repr, wrong))}"
    elif not name.strip(" .") or name != name.strip(" ") or name[0] == "." or name[-1] == ".":
        reason = "it is empty, or begins or ends with a space or a dot"
    elif len(name.encode("utf8")) > MAX_BYTES:
        reason = f"it has over {MAX_BYTES} bytes"
    elif is_fraction(name):
        reason = "it is read as a number, and 1.1 and 1.10 would be one run"
    if reason:
        raise UserError(f"{name!r} cannot name a run's folders: {reason}. Give another, e.g. --vars.run my-run")


def is_fraction(text: str) -> bool:
    """Whether a text is a number with a point or an exponent, of which several spellings are one number."""
    try:
        return isinstance(json.loads(text), float)
    except ValueError:
        return False


def check_language(lang: str) -> None:
    """Refuse a language that spaCy does not have. spaCy is not imported for it: that takes seconds.

    lang (str): Value of `--vars.lang`, or one of those of `--vars.langs`.
    RAISES (UserError): There is no such language.
    """
    known = {path.parent.name for path in Path(str(find_package("spacy"))).glob("lang/*/__init__.py")}
    known |= {entry.name for entry in entry_points(group="spacy_languages")}
    if lang not in known:
        raise UserError(
            f"spaCy has no language {lang!r}.{suggest(lang, known)} Give --vars.lang one, or --vars.langs some, of "
            f"{', '.join(sorted(known))}"
        )


def split_languages(langs: str) -> List[str]:
    """The languages of a list as it is typed.

    langs (str): Value of `--vars.langs`: codes with spaces or commas between them.
    RETURNS (List[str]): Each once, in order.
    """
    return list(dict.fromkeys(code for code in re.split(r"[\s,]+", langs) if code))


def check_tagger(tagger: str) -> None:
    """Refuse a tagger that is not there.

    tagger (str): Value of `--vars.tagger`: an installed pipeline, a folder, or nothing.
    RAISES (UserError): It is neither.
    """
    if tagger and not Path(tagger).is_dir() and not (tagger.isidentifier() and find_package(tagger)):
        raise UserError(
            f"The tagger {tagger!r} is neither an installed pipeline nor a folder. Install it, or leave --vars.tagger "
            "empty."
        )


def check_selection(select: str) -> None:
    """Refuse a selection that there is not.

    select (str): Value of `--vars.select`.
    RAISES (UserError): There is no such selection.
    """
    if select not in (NEAR, ALL):
        raise UserError(f"--vars.select {select!r} is not known. Take {NEAR} or {ALL}.")


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse variables that project.yml does not have.

    names (Iterable[str]): What stands behind `--vars.`.
    known (Iterable[str]): The variables of project.yml.
    RAISES (UserError): One of them is unknown.
    """
    for name in names:
        if name not in known:
            raise UserError(f"project.yml has no variable for --vars.{name}.{suggest(name, known, prefix='--vars.')}")


def read_names(arguments: Iterable[str]) -> List[str]:
    """The variables of a command line of `project run`, read as Weasel does.

    arguments (Iterable[str]): For example --vars.student, bow, --vars.run=mine.
    RETURNS (List[str]): For example student, run.
    """
    options = (argument.removeprefix("--vars.") for argument in arguments if argument.startswith("--vars."))
    return [option.partition("=")[0].replace("-", "_") if "=" in option else option for option in options]


def find_package(name: str) -> Any:
    """The folder of an installed package, without importing it; None if there is none."""
    spec = find_spec(name)
    return spec and spec.submodule_search_locations and spec.submodule_search_locations[0]


def suggest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """What may have been meant, for messages."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {prefix}{near[0]}?" if near else ""
