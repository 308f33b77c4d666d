"""Loads installed pipelines and compares their cats. Runs alone, in a process that cannot see the project."""

import json
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path


def check(site: str, cases: Path, tolerance: float) -> None:
    """Load all pipelines, by their data alone and by name, then compare all predictions.

    site (str): Folder that the wheels were installed into.
    cases (Path): A .json file: rows with text and cats for each package name.
    tolerance (float): Largest allowed difference of a probability.
    RAISES (SystemExit): The project is in sight, or a prediction differs.
    """
    sys.path.insert(0, site)
    if find_spec("scripts"):
        raise SystemExit("The project's own code is on the path, so the check would prove nothing.")
    import spacy

    # Components that other packages offer play no part, and to import spacy-transformers, where it is, takes seconds.
    spacy.registry._entry_point_factories.entry_points = False
    expected = json.loads(cases.read_text(encoding="utf8"))
    # What names the functions of a package that nobody has imported is found by its entry points, or not at all.
    by_data = {name: spacy.load(next(Path(site, name).glob(f"{name}-*"))) for name in expected}
    by_name = {name: spacy.load(name) for name in expected}
    for name, rows in expected.items():
        for row, nlp in product(rows, (by_data[name], by_name[name])):
            cats = nlp(row["text"]).cats
            if cats.keys() != row["cats"].keys() or any(abs(cats[c] - p) > tolerance for c, p in row["cats"].items()):
                raise SystemExit(f"{name}: {cats} for {row['text'][:60]!r}, expected {row['cats']}")


if __name__ == "__main__":
    check(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
