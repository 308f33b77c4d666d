"""Runs spaCy where wheels are installed and the project is not: `python -I elsewhere.py FOLDERS ARGUMENTS`.

Arguments are those of spaCy's command line, or `-c` and code.
"""

import os
import sys
from importlib import metadata
from importlib.util import find_spec

if __name__ == "__main__":
    folders, *arguments = sys.argv[1:]
    sys.path[:0] = folders.split(os.pathsep)
    if find_spec("scripts"):
        raise SystemExit("The project's own code is on the path, so this would prove nothing.")
    # The students need neither PyTorch nor components that are made with it, and to import them takes seconds.
    sys.modules["torch"] = None  # type: ignore[assignment]
    import catalogue
    import spacy

    points = [point for one in metadata.distributions() for point in one.entry_points]
    catalogue.AVAILABLE_ENTRY_POINTS = metadata.EntryPoints(
        point for point in points if not point.value.startswith("spacy_transformers")
    )
    if arguments[0] == "-c":
        exec(arguments[1], {"spacy": spacy})
    else:
        from spacy.cli import setup_cli

        sys.argv = ["spacy", *arguments]
        setup_cli()
