"""Files of texts, sent and read back."""

from pathlib import Path
from typing import Any, Dict, List

import pytest
from fastapi.testclient import TestClient

from scripts.apply.__main__ import apply
from scripts.data.tables.file_types import read_rows
from scripts.serving.models import Served
from tests.apply.test_apply import ADDED, OPTIONS, make_rows, write_rows
from tests.serving.conftest import MakeClient


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_comes_back_as_apply_writes_it(kind: str, client: TestClient, student: Path, tmp_path: Path) -> None:
    # More than one part.
    source = write_rows(tmp_path / f"in.{kind}", make_rows(300))
    apply(str(student), source, tmp_path / f"out.{kind}", **{**OPTIONS, "part_size": 128})
    answer = client.post("/v1/files", params={"type": kind}, content=source.read_bytes())
    assert answer.status_code == 200 and answer.headers["x-rows"] == "300"
    assert answer.headers["content-disposition"] == f'attachment; filename="predicted.{kind}"'
    (tmp_path / f"answer.{kind}").write_bytes(answer.content)
    for (_, found), (_, row) in zip(
        read_rows(tmp_path / f"answer.{kind}"), read_rows(tmp_path / f"out.{kind}"), strict=True
    ):
        probs = [[one.pop(column) or "nan" for column in ADDED[1:]] for one in (found, row)]
        assert found == row
        # What a model keeps of words changes the last digit.
        assert [float(prob) for prob in probs[0]] == pytest.approx(
            [float(prob) for prob in probs[1]], abs=2e-6, nan_ok=True
        )
    assert client.app.state.service.n_files == 0  # type: ignore[attr-defined]


FAULTS: Dict[str, Any] = {
    "no column": (
        {},
        b"Review\nlove it\n",
        "file.csv, line 2: no column 'text', found 'Review'. Name it with text_column.",
    ),
    "no rows": ({}, b"text\n", "file.csv holds no rows"),
    "nothing": ({}, b"", "file.csv: the file is empty, expected a header line"),
    "not UTF-8": ({}, b"text\n\xff\xff\n", "file.csv, line 2: byte 0xff is not UTF-8"),
    "a workbook": ({}, b"PK\x03\x04" + bytes(100), "not what its name says"),
    "half a line": ({"type": "jsonl"}, b'{"text": "lo', "file.jsonl, line 1: not valid JSON"),
    "too long": ({}, b"text\n" + b"x" * 200, "the text has 200 characters"),
    "done before": ({}, b"text,predicted\na,b\n", "has the column 'predicted' already"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_used_is_told_before_the_answer_begins(fault: str, make_client: MakeClient) -> None:
    query, content, message = FAULTS[fault]
    client = make_client(max_characters=100)
    answer = client.post("/v1/files", params={"type": "csv", **query}, content=content)
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "unusable_file"
    assert message in answer.json()["error"]["message"]
    assert "textdistill-" not in answer.text
    assert client.app.state.service.n_files == 0  # type: ignore[attr-defined]


def test_other_types_and_models_are_told(make_client: MakeClient) -> None:
    client = make_client(max_files=0)
    for query, status in (({"type": "xlsx"}, 422), ({}, 422), ({"type": "csv", "model": "other"}, 404)):
        assert client.post("/v1/files", params=query, content=b"text\na\n").status_code == status
    answer = client.post("/v1/files", params={"type": "csv"}, content=b"text\na\n")
    assert answer.status_code == 429 and answer.json()["error"]["code"] == "too_many_files"


def test_a_disk_that_takes_no_files_takes_no_room(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    assert client.post("/v1/files", params={"type": "csv"}, content=b"text\na\n").status_code == 500
    assert client.app.state.service.n_files == 0  # type: ignore[attr-defined]


def test_a_file_goes_away_with_its_request(
    make_client: MakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: List[str] = []
    classify = Served.classify

    def watch(self: Served, texts: Any) -> Any:
        seen.extend(path.name for path in tmp_path.glob("textdistill-*/*"))
        return classify(self, texts)

    monkeypatch.setattr(Served, "classify", watch)
    client = make_client()
    assert client.post("/v1/files", params={"type": "csv"}, content=b"text\nlove it\n").is_success
    assert "file.csv" in seen and not list(tmp_path.iterdir())
