"""Entry points: by them spaCy finds a package's functions in whatever pipeline names them, without importing it first.

What is made of a student (its textcat in another pipeline, or beside components that are trained) names functions of
ours. They are found wherever a package is installed that ships them. Two packages may offer the same name: the first
that is found is taken, and it does not matter which, as a registered name keeps its meaning for ever.
"""

from collections import defaultdict
from inspect import getsourcefile
from pathlib import Path
from typing import Dict, List

import catalogue

from scripts.files import UserError

# In the setup.py that spaCy writes, which has no place for others.
SPACY_ENTRY_POINTS = "entry_points={'spacy_models': ['{m} = {m}'.format(m=model_name)]}"
# The oldest Python that wheels are tried under.
PYTHON = ">=3.9"


def add_entry_points(setup: Path, package: str, modules: List[Path]) -> None:
    """Let a setup.py that `spacy package` wrote register what its modules do.

    setup (Path): The file, which is changed.
    package (str): The package, e.g. "en_reviews".
    modules (List[Path]): Modules that it ships.
    RAISES (UserError): It is not the setup.py of the spaCy that is required.
    """
    text = setup.read_text(encoding="utf8")
    if text.count(SPACY_ENTRY_POINTS) != 1:
        raise UserError("This spaCy writes another setup.py than expected: pip install -r requirements.txt")
    points = {"spacy_models": [f"{package} = {package}"], **list_entry_points(package, modules)}
    setup.write_text(
        text.replace(SPACY_ENTRY_POINTS, f"python_requires={PYTHON!r},\n        entry_points={points!r}"),
        encoding="utf8",
    )


def list_entry_points(package: str, modules: List[Path]) -> Dict[str, List[str]]:
    """The entry points of all functions that modules register.

    package (str): The package that ships them, e.g. "en_reviews".
    modules (List[Path]): The modules.
    RETURNS (Dict[str, List[str]]): For each group, e.g. "spacy_architectures", lines such as
        "textdistill.Softmax.v1 = en_reviews.softmax:build_softmax", in alphabetical order.
    """
    points: Dict[str, List[str]] = defaultdict(list)
    for (*registry, name), function in catalogue.REGISTRY.items():
        if name.startswith("textdistill.") and (source := Path(str(getsourcefile(function)))) in modules:
            points["_".join(registry)].append(f"{name} = {package}.{source.stem}:{function.__qualname__}")
    return {group: sorted(points[group]) for group in sorted(points)}
