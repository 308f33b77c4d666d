"""A clock that was set: no result depends on the times of files."""

import os
from pathlib import Path

import pytest

from scripts.engines.shards import PackedFolder
from tests.conftest import run_here
from tests.faults.test_disk import list_options, write_reviews

# 1970, before the first year that a zip file knows, and 2100, after that of the wheel.
TIMES = (0, 4_102_444_800)


@pytest.mark.parametrize("time", TIMES)
def test_a_model_travels_whatever_the_times_of_its_files(time: int, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    weights = tmp_path / "model" / "weights"
    weights.write_bytes(b"1234")
    os.utime(weights, (time, time))
    PackedFolder.pack(tmp_path / "model").unpack(tmp_path / "copy")
    assert (tmp_path / "copy" / "weights").read_bytes() == b"1234"


def test_a_step_looks_at_contents_and_not_at_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reviews = write_reviews(tmp_path)
    for time in TIMES:
        os.utime(reviews, (time, time))
        assert run_here("scripts.conversion", tmp_path / "corpus", *list_options(reviews)) == 0
    assert "is up to date" in " ".join(capsys.readouterr().out.split())
