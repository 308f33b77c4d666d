"""The benchmark of memory by size, at a size that takes seconds."""

from pathlib import Path

from benchmarks.memory import measure_step, measure_training
from benchmarks.synthetic import N_STOPS, SHARD_SIZE, draw_texts, make_word, write_gold, write_transfer_set
from scripts.data.docbins import list_shards
from tests.conftest import ROOT


def test_words_are_different_and_texts_follow_from_the_seed() -> None:
    words = [make_word(rank) for rank in range(20_000)]
    assert len(set(words)) == 20_000 - N_STOPS + 1 and set(words[:N_STOPS]) == {"."}
    texts = list(draw_texts(300, seed=1))
    assert texts == list(draw_texts(300, seed=1)) != list(draw_texts(300, seed=2))
    n_words = sum(map(len, texts))
    assert abs(n_words / 300 - 80) < 3
    # By Zipf's law most of the words of a text are among few.
    assert len({word for text in texts for word in text}) < n_words / 4


def test_larger_sets_begin_with_the_smaller_ones(tmp_path: Path) -> None:
    one, two = (write_transfer_set(size, tmp_path, n_jobs=1) for size in (SHARD_SIZE, 2 * SHARD_SIZE))
    assert list_shards(one)[0].read_bytes() == list_shards(two)[0].read_bytes()
    assert len(list_shards(one)) == 1 and len(list_shards(two)) == 2


def test_peak_memory_is_that_of_the_process_alone(tmp_path: Path) -> None:
    ballast = bytearray(300_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    measured = measure_step("this", [], tmp_path, 0, "nothing")
    assert 5 < measured["peak_rss_mb"] < 100 and len(ballast)
    assert 0 < measured["cpu_seconds"] < 60 and measured["size"] == 0


def test_a_training_is_watched(tmp_path: Path) -> None:
    write_gold(tmp_path)
    rows = measure_training(tmp_path, SHARD_SIZE, ROOT / "configs" / "student_bow.cfg", n_steps=2, n_jobs=1)
    assert [row["size"] for row in rows] == [SHARD_SIZE, SHARD_SIZE]
    assert rows[0]["cpu_seconds"] > 0 and rows[1]["n_docs"] == SHARD_SIZE
    assert 100 < rows[0]["peak_rss_mb"] <= rows[1]["peak_rss_mb"] < 2000
