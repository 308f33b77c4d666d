"""What a pipeline scores on gold texts, in spaCy's numbers: those that `spacy evaluate` gives for it."""

from pathlib import Path
from typing import Any, Dict, Iterable, Tuple

from spacy import Language
from spacy.training import Example
from spacy.vocab import Vocab
from tqdm import tqdm

from scripts.data.docbins import read_docs
from scripts.files import hash_path


def score_texts(nlp: Language, path: Path) -> Dict[str, Any]:
    """Score a pipeline on gold texts.

    nlp (Language): The pipeline; its vocabulary learns the words of the texts.
    path (Path): A .spacy file with gold texts.
    RETURNS (Dict[str, Any]): `cats_score`, `cats_macro_f` and so on; without what cannot be said of these texts.
    """
    gold = read_docs(path, Vocab())
    docs = nlp.pipe(doc.text for doc in gold)
    bar = tqdm(docs, total=len(gold), desc=f"Scoring {path.stem}", unit="text", disable=None)
    textcat: Any = nlp.get_pipe("textcat")
    scores = textcat.score([Example(doc, reference) for doc, reference in zip(bar, gold)])
    return {key: value for key, value in scores.items() if value is not None}


def state_performance(nlp: Language, paths: Iterable[Path]) -> Tuple[Dict[str, Any], str]:
    """What a package says of its scores, so that each can be checked.

    nlp (Language): The packaged pipeline; its vocabulary learns the words of the texts.
    paths (Iterable[Path]): The .spacy files with gold texts, e.g. dev.spacy and test.spacy.
    RETURNS (Tuple[Dict[str, Any], str]): Scores for the meta.json, e.g. `dev_cats_score` for those of dev.spacy, with
        what identifies the files under `data`; and the latter in words, for the end of the README.
    """
    performance: Dict[str, Any] = {"data": {}}
    lines = ["The scores are those of this package itself, and what `python -m spacy evaluate` gives for it:", ""]
    for path in paths:
        performance.update({f"{path.stem}_{key}": value for key, value in score_texts(nlp, path).items()})
        n_texts, sha256 = len(read_docs(path, Vocab())), hash_path(path)
        performance["data"][path.stem] = {"n_texts": n_texts, "sha256": sha256}
        lines.append(f"- `{path.stem.upper()}_…`: on {path.name}, {n_texts:,} texts, SHA-256 {sha256}")
    return performance, "\n".join(lines)
