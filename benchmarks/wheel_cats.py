"""Says what an installed pipeline predicts, and what it runs on: `python -I wheel_cats.py NAME TEXTS OUTPUT [SITE]`.

It runs under every Python and spaCy that wheels are tried under, so it needs only these. SITE is a folder that the
wheel was installed into, if that is not the environment itself.
"""

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

if __name__ == "__main__":
    name, texts, output, *sites = sys.argv[1:]
    sys.path[:0] = sites
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import spacy

        nlp = spacy.load(name)
        cats = [doc.cats for doc in nlp.pipe(json.loads(Path(texts).read_text(encoding="utf8")))]
    found = {
        "python": platform.python_version(),
        **{package: version(package) for package in ("spacy", "thinc", "numpy")},
        # spaCy's own, such as W095: a pipeline of another version.
        "warnings": [str(warning.message) for warning in caught if "[W" in str(warning.message)],
        "cats": cats,
    }
    Path(output).write_text(json.dumps(found), encoding="utf8")
