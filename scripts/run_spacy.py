"""Runs a command of spaCy as `python -m spacy` does, as a step of a run: alone on it, its --output whole or absent.

`spacy train` writes its best model over and over, so a killed training would leave something that looks finished.
"""

import sys
from pathlib import Path
from typing import List

from spacy.cli import setup_cli

from scripts.files import UserError, replaced, told
from scripts.locks import hold_run

OUTPUT = "--output"


def run_spacy(arguments: List[str]) -> None:
    """Run a command of spaCy.

    arguments (List[str]): The command and its arguments; one of them is --output, with a folder.
    RAISES (UserError): There is no --output.
    RAISES (SystemExit): The command failed. What it has written is left beside the output until the next try.
    """
    place = arguments.index(OUTPUT) + 1 if OUTPUT in arguments else len(arguments)
    if place == len(arguments):
        raise UserError(f"python -m scripts.run_spacy needs {OUTPUT} and a folder.")
    with hold_run(arguments[place:]), replaced(Path(arguments[place])) as partial:
        sys.argv[1:] = [*arguments[:place], str(partial), *arguments[place + 1 :]]
        try:
            setup_cli()
        except SystemExit as ended:
            if ended.code:
                raise


if __name__ == "__main__":
    with told():
        run_spacy(sys.argv[1:])
