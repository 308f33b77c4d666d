"""What dev chooses, by run."""

from pathlib import Path
from typing import List

import pytest
import spacy
import srsly
from spacy.tokens import Doc

from benchmarks.features import measure
from benchmarks.tables import runs
from scripts.data.docbins import write_docs
from scripts.data.task import Task
from tests.conftest import LABELS, ROOT

TASK = Task(LABELS)


def make_docs(start: int, *, taught: bool = False) -> List[Doc]:
    """Texts of one word, which ends in what it says."""
    nlp, docs = spacy.blank("de"), []
    for number in range(start, start + 40):
        doc = nlp.make_doc(
            "".join("bdgkmnprst"[int(digit)] + "o" for digit in str(number)) + ("kita", "zuvo")[number % 2]
        )
        doc.cats = {} if taught else TASK.make_cats(LABELS[number % 2])
        if taught:
            doc._.teacher_logits, doc._.source = ([3.0, -3.0], [-3.0, 3.0])[number % 2], "unlabelled"
        docs.append(doc)
    return docs


@pytest.mark.parametrize("is_scored", [True, False])
def test_the_choice_of_a_run_is_that_of_its_trainings(tmp_path: Path, is_scored: bool) -> None:
    run, output = tmp_path / "corpus" / "de", tmp_path / "features.json"
    TASK.write(run / "gold")
    srsly.write_json(run / "data.json", {"lang": "de"})
    write_docs(make_docs(1000), run / "gold" / "train.spacy")
    write_docs(make_docs(2000), run / "gold" / "dev.spacy")
    write_docs(make_docs(3000, taught=True), run / "transfer" / "00000.spacy")
    if is_scored:
        srsly.write_json(run / "transfer" / "scores.json", {})
    measure([run], config=ROOT / "configs" / "student_bow.cfg", output=output)
    rows = srsly.read_json(output)["rows"]
    assert [row["learns_from"] for row in rows] == ["gold", "gold, teacher"][: 1 + is_scored]
    for row in rows:
        assert row["name"] == "de" and "characters" in row["reads"] and row["texts"] == row["dev"] == 40
    assert rows[0]["swapped"] == rows[0]["reads"]
    (cells, *_) = runs.features(srsly.read_json(output)).rows
    assert cells[:4] == ["de", "gold", rows[0]["reads"], "40"] and cells[-1] == "< .001"
    assert sum(cell.startswith("**100.0 (") for cell in cells) == 1
