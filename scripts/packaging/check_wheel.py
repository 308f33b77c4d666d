"""Loads installed pipelines and compares their cats. Runs alone, in a process that cannot see the project."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path


def check(site: str, cases: Path, tolerance: float) -> None:
    """Load all pipelines, then compare all predictions.

    site (str): Folder that the wheels were installed into.
    cases (Path): A .json file: rows with text and cats for each package name.
    tolerance (float): Largest allowed difference of a probability.
    RAISES (SystemExit): The project is in sight, or a prediction differs.
    """
    sys.path.insert(0, site)
    if find_spec("scripts"):
        raise SystemExit("The project's own code is on the path, so the check would prove nothing.")
    import spacy

    # What other packages offer plays no part, and to import spacy-transformers, where it is, takes seconds.
    spacy.registry._entry_point_factories.entry_points = False
    expected = json.loads(cases.read_text(encoding="utf8"))
    pipelines = {name: spacy.load(name) for name in expected}
    for name, rows in expected.items():
        for row in rows:
            cats = pipelines[name](row["text"]).cats
            if cats.keys() != row["cats"].keys() or any(abs(cats[c] - p) > tolerance for c, p in row["cats"].items()):
                raise SystemExit(f"{name}: {cats} for {row['text'][:60]!r}, expected {row['cats']}")


if __name__ == "__main__":
    check(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
