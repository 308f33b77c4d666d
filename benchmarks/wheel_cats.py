"""Says what installed pipelines predict, and what they run on: `python -I wheel_cats.py NAMES TEXTS OUTPUT [SITE]`.

It runs under every Python and spaCy that wheels are tried under, so it needs only these. NAMES are one argument, with
spaces between them. SITE is a folder that the wheels were installed into, if that is not the environment itself.
"""

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

if __name__ == "__main__":
    names, path, output, *sites = sys.argv[1:]
    texts = json.loads(Path(path).read_text(encoding="utf8"))
    sys.path[:0] = sites
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import spacy

        # All are loaded before the first is used.
        pipelines = [spacy.load(name) for name in names.split()]
        cats = [nlp(text).cats for text in texts for nlp in pipelines]
    found = {
        "python": platform.python_version(),
        **{package: version(package) for package in ("spacy", "thinc", "numpy")},
        # spaCy's own, such as W095: a pipeline of another version.
        "warnings": [str(warning.message) for warning in caught if "[W" in str(warning.message)],
        "cats": cats,
    }
    Path(output).write_text(json.dumps(found), encoding="utf8")
