"""Pages that show what records say, and the records of a run."""

from ast import literal_eval
from pathlib import Path
from typing import Any, Dict

import pytest
import spacy
import srsly

from benchmarks.document import MISSING, document, fill
from benchmarks.keep import EXAMPLE, keep
from benchmarks.schedules import repeat
from benchmarks.tables import languages, runs, speed
from benchmarks.tables.catalogue import COMMANDS
from benchmarks.tables.table import Table, name_machine, write_and_show
from scripts.files import UserError
from scripts.languages.report import summarize
from scripts.machine import describe_machine, name_instructions
from tests.conftest import BOW, LABELS, train
from tests.languages import reports as languages_reports

MACHINE = {"system": "x", "processor": "abacus", "instructions": "beads", "cores": "2", "gpu": "none"}
SYSTEMS = ("reference", "reference_distilled", "baseline", "student", "teacher")


def make_report() -> Dict[str, Any]:
    measured = {"accuracy_interval": [0.7, 0.9], "macro_f1": 0.123, "ece": 0.02}
    record: Dict[str, Any] = {
        name: {**measured, "accuracy": 0.8 + number / 100, "words_per_second": 1000.0, "size_mb": 2.0}
        for number, name in enumerate(SYSTEMS)
    }
    record["student"]["retained"] = 0.988
    record["teacher"].update(words_per_second=8.0, size_mb=90.0)
    record["verdict"] = {"ship": "reference", "reason": "Ship the simpler one, reference."}
    record["provenance"] = {
        "student_kind": "bow",
        "counts": {"train": 1000, "unlabelled": 8000, "test": 500},
        "machine": MACHINE,
        "data": {"train": {"path": "/home/me/secret/train.csv"}, "dev": {"path": "../me/dev.csv"}},
        "transfer_set": {"teacher": "training/en/teacher"},
    }
    return record


def make_cell(name: str) -> Dict[str, Any]:
    numbers = ("dev_mean", "dev_spread", "dev_agreement", "test_mean", "test_spread", "difference", "p_value")
    return {"name": name, **dict.fromkeys((*numbers, "agreement", "ece", "model_mb"), 0.25)}


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A finished run named x."""
    folder = tmp_path / "training" / "x"
    (folder / "report").mkdir(parents=True)
    srsly.write_json(folder / "report" / "report.json", make_report())
    srsly.write_json(folder / "wheel.json", {"wheel": "packages/x/en_new-0.1.0/dist/en_new-0.1.0-py3-none-any.whl"})
    train(BOW).to_disk(folder / "compressed")
    return tmp_path / "training"


def test_a_table_has_its_numbers_on_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(("", "kind", "n"), [["**a**", "b", "1"], ["cc", "d", "22"]], "Below.", "Above", n_words=2)
    lines = ["### Above", "", "|  | kind | n |", "| :--- | :--- | ---: |", "| **a** | b | 1 |", "| cc | d | 22 |"]
    assert table.to_markdown().splitlines() == [*lines, "", "Below."]
    table.show()
    shown = capsys.readouterr().out
    assert "Below." in shown and "**" not in shown and "\na    b       1\n" in shown


def test_a_benchmark_shows_what_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"rows": [{"stage": "score", "size": 20000, "peak_rss_mb": 802.7, "seconds": 31.3, "cpu_seconds": 30.2}]}
    record = {**record, "machine": MACHINE}  # type: ignore[dict-item]
    write_and_show(tmp_path / "new" / "memory.json", record, speed.memory(record))
    assert srsly.read_json(tmp_path / "new" / "memory.json") == record
    shown = capsys.readouterr().out
    assert "20,000" in shown and "803" in shown and "2 cores of abacus (beads)." in shown


def test_pages_are_filled_and_filled_anew(tmp_path: Path) -> None:
    page, results = tmp_path / "README.md", tmp_path / "results"
    results.mkdir()
    srsly.write_json(results / "report_en-amazon.json", make_report())
    text = (
        "It says: <!-- figure: amazon.verdict --><!-- /figure -->\n\n"
        "<!-- table: report-amazon -->stale<!-- /table -->\n\n<!-- command: report-amazon -->\n<!-- /command -->\n"
    )
    page.write_text(text, encoding="utf8")
    document(tmp_path, results)
    filled = page.read_text(encoding="utf8")
    verdict = make_report()["verdict"]["reason"]
    assert f"It says: <!-- figure: amazon.verdict -->{verdict}<!-- /figure -->\n" in filled and "stale" not in filled
    assert "| **student** | 0.830 | 0.700-0.900 | 0.020 | 1,000 | 2.0 |\n" in filled
    assert "1,000 labelled and 8,000 unlabelled texts" in filled and "2 cores of abacus (beads).\n" in filled
    assert f"```bash\n{COMMANDS['report_en-amazon']}\n```" in filled
    assert fill(filled, page, results) == filled
    written = page.stat().st_mtime_ns
    document(tmp_path, results)
    assert page.stat().st_mtime_ns == written


def test_a_table_without_its_record_says_so_and_a_figure_is_an_error_that_changes_no_page(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    srsly.write_json(tmp_path / "report_en-amazon.json", make_report())
    first, second = tmp_path / "README.md", tmp_path / "docs" / "results.md"
    first.write_text("<!-- table: report-amazon --><!-- /table -->", encoding="utf8")
    assert MISSING in fill("<!-- table: peers --><!-- /table -->", second, tmp_path)
    second.write_text("It takes <!-- figure: demo.minutes --><!-- /figure -->.", encoding="utf8")
    with pytest.raises(
        UserError, match=r"results.md shows .*times_en.json, which does not exist. Make it with:\nmake run"
    ):
        document(tmp_path, tmp_path)
    assert first.read_text(encoding="utf8") == "<!-- table: report-amazon --><!-- /table -->"
    for text in ("<!-- table: nonsense --><!-- /table -->", "<!-- figure: demo.none --><!-- /figure -->"):
        with pytest.raises(UserError, match=r"README.md: a marker names '[a-z.]+'; benchmarks/tables"):
            fill(text, first, tmp_path)


def test_figures_of_a_run() -> None:
    record = make_report()
    assert runs.verdict(record) == "Ship the simpler one, reference."
    times = {"machine": MACHINE, "steps": {"score": {"wall": 100.4, "cpu": 30}, "export": {"wall": 20, "cpu": 3.6}}}
    assert runs.minutes(times) == "2 minutes on 2 cores"
    assert list(runs.steps(times).rows)[1:] == [["export", "20", "4"], ["**together**", "**120**", "**34**"]]


def test_an_ablation_has_a_table_for_each_group() -> None:
    groups = [{"name": "One", "cells": [make_cell("a"), make_cell("b")]}, {"name": "Two", "cells": [make_cell("c")]}]
    record = {"groups": groups, "seeds": [0, 1], "n_test": 9, "baseline": "a", "teacher": {"dev": 0.5, "test": 0.125}}
    about, one, two = runs.ablation(record)
    assert about.rows == [["50.0", "12.5"]] and "over 2 seeds" in about.caption
    assert (one.title, two.title) == ("One", "Two")
    assert one.rows[1][:3] == ("b", "25.0 ± 25.0", "25.0%")


def test_a_run_is_kept_without_folders_of_its_machine(training: Path, tmp_path: Path) -> None:
    keep("x", training, tmp_path / "results")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"report_x.json", "example_x.json"}
    report = srsly.read_json(tmp_path / "results" / "report_x.json")
    assert report["provenance"]["data"] == {"train": {"path": "train.csv"}, "dev": {"path": "dev.csv"}}
    assert report["provenance"]["transfer_set"] == {"teacher": "training/en/teacher"}
    srsly.write_json(training / "x" / "times.json", {"score": {"wall": 2.0, "cpu": 1.0}})
    srsly.write_json(training / "x" / "ablation.json", {"groups": []})
    srsly.write_json(training / "x" / "cascade.json", {"threshold": 0.9})
    keep("x", training, tmp_path / "results")
    times = srsly.read_json(tmp_path / "results" / "times_x.json")
    assert times == {"machine": MACHINE, "steps": {"score": {"wall": 2.0, "cpu": 1.0}}}
    assert srsly.read_json(tmp_path / "results" / "ablation_x.json") == {"groups": []}
    assert srsly.read_json(tmp_path / "results" / "cascade_x.json") == {"threshold": 0.9}
    with pytest.raises(UserError, match=r"report.json does not exist. Run the project first"):
        keep("y", training, tmp_path / "results")


def test_a_table_of_languages_is_kept_with_its_picture(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    record = {"languages": [{"lang": "de", "run": "de", "failed": "score"}]}
    srsly.write_json(tmp_path / "training" / "languages.json", record)
    (tmp_path / "training" / "languages.png").write_bytes(b"picture")
    keep("languages", tmp_path / "training", tmp_path / "results")
    assert srsly.read_json(tmp_path / "results" / "languages.json") == record
    assert (tmp_path / "results" / "languages.png").read_bytes() == b"picture"


def test_the_tables_of_languages() -> None:
    rows = [
        summarize(lang, lang, languages_reports.make_report(cores=cores), encoder="E5")
        for lang, cores in (("pl", "2"), ("nl", "4"), ("en", "2"))
    ]
    record = {"languages": [*rows, {"lang": "ja", "run": "ja", "failed": "convert"}]}
    short, full = languages.languages_short(record), languages.languages(record)
    # Those of README in its order, and none that failed or is not one of them.
    assert [row[0] for row in short.rows] == ["English", "Dutch"]
    assert list(short.rows[0])[1:] == ["81.0 %", "85.0 %", "88.0 %", "89.0 %", "99 %", "100", "15", "6.0"]
    assert "on 600 texts, after 1,000 labelled and 8,000 unlabelled" in short.caption
    assert short.caption.endswith("en: 2 cores of abacus (beads). nl: 4 cores of abacus (beads).")
    assert [row[0] for row in full.rows] == ["Polish (pl)", "Dutch (nl)", "English (en)", "Japanese (ja)"]
    assert full.rows[3][1] == "failed: convert" and full.rows[0][4] == "0.880"
    assert "Seed: 0." in full.caption and "pl, en: 2 cores of abacus (beads)." in full.caption


def test_the_example_is_what_the_student_says(training: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    keep("x", training, tmp_path)
    record = srsly.read_json(tmp_path / "example_x.json")
    assert record["package"] == "en_new" and set(record["cats"]) == set(LABELS)
    lines = runs.example({**record, "cats": {"NEGATIVE": 0.98765, "POSITIVE": 0.01235}}).splitlines()
    assert lines[1].endswith("pip install packages/x/en_new-0.1.0/dist/en_new-0.1.0-py3-none-any.whl")
    assert lines[-2] == "# {'NEGATIVE': 0.987..., 'POSITIVE': 0.012...}"
    # It runs, but for the package, which is not installed.
    capsys.readouterr()
    code = "\n".join(lines[1:-1]).replace('"en_new"', repr(str(training / "x" / "compressed")))
    exec(compile(code, "example", "exec"), {})
    assert EXAMPLE in code and literal_eval(capsys.readouterr().out) == pytest.approx(record["cats"])


def test_a_machine_is_told_by_its_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    machine = describe_machine(-1)
    assert set(machine) == set(MACHINE) and machine["gpu"] == "none"
    assert name_machine(machine) == f"{machine['cores']} cores of {machine['processor']} (AVX2)."
    assert name_machine({**MACHINE, "gpu": "H100"}) == "H100, 2 cores of abacus (beads)."
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr("torch.cpu._is_vnni_supported", lambda: True)
    assert name_instructions() == "AVX512, VNNI"


def test_a_set_of_any_size_is_made_of_few_texts() -> None:
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(f"text {name} has these ten words and no more now") for name in "ab"]
    for doc in docs:
        doc.cats = {"x": 1.0}
    repeated = list(repeat(docs, 60))
    assert len(repeated) == 60 and all(doc.cats == {"x": 1.0} and len(doc) <= 11 for doc in repeated)
    assert len({doc.text for doc in repeated}) > 20
