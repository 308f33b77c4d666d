from pathlib import Path

import pytest

from scripts.files import UserError
from scripts.packaging.card import NOT_STATED, make_card
from tests.evaluation.toy_run import write_run


def test_a_card_tells_what_a_wheel_was_made_from(tmp_path: Path) -> None:
    run = write_run(tmp_path / "en")
    fields, text = make_card(run, data_licence="CC BY 4.0")
    assert fields["sources"] == [
        {"name": "train: train.csv", "url": "", "author": "", "license": "CC BY 4.0"},
        {"name": "teacher: all-MiniLM-L6-v2", "url": "", "author": "", "license": ""},
    ]
    stated = fields["textdistill"]
    assert stated["data"] == {"train": {"file": "train.csv", "sha256": "abc"}}
    assert stated["texts"]["train"] == 100 and stated["texts"]["dev"] == 300
    assert stated["data_licence"] == "CC BY 4.0" and stated["teacher"]["sha256"] == "def"
    assert stated["verdict"]["reason"] in text and all(limit in text for limit in stated["limits"])
    assert "trained on: CC BY 4.0. Teacher: all-MiniLM-L6-v2." in text
    # It stands below headings of spaCy's, and tells nobody where files stood.
    assert "#### Limits" in text and "\n# " not in text and "somebody" not in text and "train.csv, sha256 abc" in text


def test_no_folder_is_told(tmp_path: Path) -> None:
    data = {
        "train (de)": {"path": "de/train.csv", "sha256": "abc"},
        "train (fr)": {"path": "secret/de/train.csv", "sha256": "def"},
    }
    run = write_run(tmp_path, data=data)
    fields, text = make_card(run, data_licence="")
    assert "train (fr): train.csv, sha256 def" in text and "secret" not in text + str(fields)


def test_a_card_says_where_nobody_has_stated_a_licence(tmp_path: Path) -> None:
    fields, text = make_card(write_run(tmp_path), data_licence="")
    assert fields["textdistill"]["data_licence"] == NOT_STATED and f"trained on: {NOT_STATED}." in text


@pytest.mark.parametrize(
    "encoder, name",
    [("intfloat/multilingual-e5-small", "intfloat/multilingual-e5-small"), ("/home/somebody/my-bert", "my-bert")],
)
def test_a_card_names_a_teacher_and_not_its_folder(tmp_path: Path, encoder: str, name: str) -> None:
    run = write_run(tmp_path)
    (run / "encoder.json").write_text(f'{{"encoder": "{encoder}"}}', encoding="utf8")
    assert make_card(run, data_licence="")[0]["textdistill"]["teacher"]["name"] == name


def test_a_wheel_without_a_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"report.json does not exist. Run the `evaluate` step first."):
        make_card(tmp_path, data_licence="")
