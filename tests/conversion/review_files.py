"""Rows and files for the tests of this room."""

from pathlib import Path
from typing import Any, Dict, List

from scripts.conversion.labels import Labelling
from scripts.conversion.splits import SPLITS, Splits, read_splits
from tests.data.table_files import write_jsonl

LABELLING = Labelling("label", "stars")


def make_rows(split: str, n: int = 20) -> List[Dict[str, Any]]:
    """Numbered reviews, of which none is like one of another split."""
    offset = SPLITS.index(split)
    return [
        {"text": f"review {offset} {i} {'yes' if i % 2 else 'no'}", "label": ["NEGATIVE", "POSITIVE"][i % 2]}
        for i in range(n)
    ]


def make_splits(folder: Path, **splits: Any) -> Dict[str, Path]:
    """Write splits of numbered reviews; those given replace the numbered ones, None leaves the file out."""
    rows = {split: splits.get(split, make_rows(split)) for split in SPLITS}
    return {split: write_jsonl(folder / f"{split}.jsonl", rows[split]) for split in SPLITS if rows[split] is not None}


def read_all(paths: Dict[str, Path], seed: int = 0, **options: Any) -> Splits:
    return read_splits({None: paths}, text_column="text", labelling=LABELLING, seed=seed, **options)


def row(text: str, label: Any = "POSITIVE") -> Dict[str, Any]:
    return {"text": text, "label": label}
