"""What `languages` is to do, read where it was typed.

project.yml could only hand on values of variables that are those of one language already: `train` holds `lang`.
"""

from typing import Any, Dict, Iterable, List, NamedTuple

import psutil
from weasel.util import parse_config_overrides

from scripts.files import UserError
from scripts.variables import ANY, check_language, check_names, check_run, split_languages

COMMAND = "languages"
EXAMPLE = f'python -m spacy project run {COMMAND} . --vars.langs "de fr"'
FORCE = {"--force", "-F"}
# These values name no file.
OF_ONE, NO_FILE = ("lang", "train", "dev", "test", "unlabelled"), ("", "none")


class Order(NamedTuple):
    """What is to be done.

    runs (Dict[str, str]): By language the name of its run.
    table (str): Name of the table.
    variables (Dict[str, Any]): Values by "vars.NAME", the same for all runs.
    force (bool): Whether steps run for which nothing changed.
    """

    runs: Dict[str, str]
    table: str
    variables: Dict[str, Any]
    force: bool


def read_order(langs: str, line: List[str], *, known: Iterable[str]) -> Order:
    """Read what is to be done, and refuse what cannot be before hours of work.

    langs (str): Language codes, with spaces or commas between them.
    line (List[str]): The command line as it was typed; empty if it cannot be read.
    known (Iterable[str]): The variables of project.yml.
    RETURNS (Order): What is to be done.
    RAISES (UserError): There is no such language, or a variable that cannot be the same for several is given.
    """
    if not line:
        raise UserError(f"The variables cannot be read where they were typed. Run it as: {EXAMPLE}")
    variables = read_variables(line)
    check_names([name.removeprefix("vars.") for name in variables], known)
    for name in OF_ONE:
        if (value := variables.get(f"vars.{name}", "")) not in NO_FILE:
            raise UserError(
                f"--vars.{name} {value} is of one language, and `{COMMAND}` takes several. Put the files of each into "
                'a folder of its code, such as my-reviews/de; then: --vars.reviews my-reviews --vars.langs "de fr".'
            )
    codes = split_languages(langs) or [""]
    suffix = f"-{variables.pop('vars.run')}" if "vars.run" in variables else ""
    variables.pop("vars.langs", None)
    # A student of them all, beside those of each.
    if ANY in codes and (others := [lang for lang in codes if lang != ANY]):
        variables["vars.langs"] = " ".join(others)
    runs = {lang: f"{lang}{suffix}" for lang in codes}
    for lang, run in runs.items():
        check_language(lang)
        check_run(run)
    return Order(runs, f"{COMMAND}{suffix}", variables, not FORCE.isdisjoint(line))


def read_line() -> List[str]:
    """The command line that this command of project.yml was started by.

    RETURNS (List[str]): Arguments of the nearest process above this one that has its name among them; none if none
        has, or those that have do not tell, as another user's.
    """
    for process in psutil.Process().parents():
        try:
            line: List[str] = process.cmdline()
        except psutil.Error:
            continue
        if COMMAND in line:
            return line
    return []


def read_variables(line: Iterable[str]) -> Dict[str, Any]:
    """The variables of a command line with their values, read as Weasel does.

    line (Iterable[str]): The command line; what belongs to no variable is passed over.
    RETURNS (Dict[str, Any]): Values by "vars.NAME".
    """
    kept: List[str] = []
    awaits_value = False
    for argument in line:
        is_name = argument.startswith("--vars.")
        if is_name or (awaits_value and not argument.startswith("--")):
            kept.append(argument)
        awaits_value = is_name and "=" not in argument
    found: Dict[str, Any] = parse_config_overrides(kept)
    return found
