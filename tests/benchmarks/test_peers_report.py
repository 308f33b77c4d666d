"""What the benchmark against peers says of its figures."""

from typing import Any, Dict, List

import numpy

from benchmarks.peers.__main__ import compare_pairs
from benchmarks.peers.catalogue import GOLD, PEERS
from benchmarks.peers.plot import plot_peers
from benchmarks.tables.peers import describe_front, find_better, find_front, peer_settings
from benchmarks.tables.peers import peers as make_table

MACHINE = {"processor": "abacus", "instructions": "beads", "cores": "2", "gpu": "none"}


def make_row(name: str, accuracy: float, rate: float, *, is_ours: bool = False, size_mb: float = 1.0) -> Dict[str, Any]:
    numbers = dict.fromkeys(("p50_ms", "p95_ms", "load_seconds", "peak_rss_mb"), 1.0)
    row = {"name": name, "is_ours": is_ours, "is_taught": "+" in name, "learns_from": GOLD, "settings": {}}
    row = {**row, **numbers, "accuracy": accuracy, "spread": None, "size_mb": size_mb}
    return {**row, "words_per_second": rate, "rates": [rate, rate * 2]}


def make_record(rows: List[Dict[str, Any]], *pairs: Dict[str, Any]) -> Dict[str, Any]:
    counts = dict.fromkeys(("train", "dev", "test", "unlabelled"), 10)
    record = {"peers": rows, "pairs": list(pairs), "front": find_front(rows), "n_seeds": 1, "n_rounds": 2}
    return {**record, "counts": counts, "run": "x", "machine": MACHINE, "versions": {}}


def make_pair(rival: str, difference: float, p_value: float) -> Dict[str, Any]:
    pair = {"ours": "ensemble", "rival": rival, "difference": difference, "p_value": p_value}
    return {**pair, "low": difference - 0.02, "high": difference + 0.02}


def test_the_pareto_front_by_hand() -> None:
    rows = [make_row("slow", 0.9, 10), make_row("fast", 0.7, 100), make_row("ensemble", 0.8, 50, is_ours=True)]
    assert find_front(rows) == ["slow", "fast", "ensemble"]
    rows += [make_row("worse", 0.7, 60), make_row("same", 0.8, 50)]
    # Of two that are equal none beats the other.
    assert find_front(rows) == ["slow", "fast", "ensemble", "same"]
    assert find_better(rows[3], rows) == ["fast"] and not find_better(rows[2], rows)
    assert make_table(make_record(rows)).rows[1][4] == "2.00 (2.00-2.00)"


def test_sentences_say_where_we_are_not_on_the_front() -> None:
    rows = [make_row("rival", 0.9, 100), make_row("ensemble", 0.8, 50, is_ours=True)]
    text = "\n".join(describe_front(make_record(rows, make_pair("rival", -0.1, 0.001))))
    assert "words/s: rival." in text and "not on it: ensemble, beaten in both by rival." in text
    assert "rival is ahead of ensemble, as far as 10 texts can tell (ensemble has -10.0 points, 95 % interval" in text


def test_sentences_say_where_a_simpler_one_matches_ours() -> None:
    rows = [
        make_row("ensemble", 0.8, 50, is_ours=True),
        make_row("worse", 0.6, 100),
        make_row("rival+teacher", 0.79, 100, size_mb=0.5),
        make_row("heavy", 0.79, 40, size_mb=2.0),
    ]
    heavy = make_pair("heavy", 0.01, 0.5)
    told = make_record(rows, make_pair("worse", 0.2, 0.001), make_pair("rival+teacher", 0.01, 0.4), heavy)
    assert describe_front(told)[1:] == [
        "rival+teacher does as well as ensemble, as far as 10 texts can tell (ensemble has +1.0 points, 95 % interval "
        "-1.0 to +3.0, p .400), at 2 times its speed and 0.5 times its size."
    ]
    # What is slower and larger is no reason to take it, however close.
    told = make_record(rows, make_pair("worse", 0.2, 0.001), make_pair("rival+teacher", 0.01, 0.04), heavy)
    assert describe_front(told)[1:] == ["ensemble is ahead of all that is faster or smaller."]


def test_settings_are_those_of_peers_that_have_some() -> None:
    rows = [make_row("ensemble", 0.8, 50, is_ours=True), make_row("rival", 0.7, 1), make_row("bare", 0.7, 1)]
    for row in rows[:2]:
        row["settings"] = {"C": 4.0, "words": {"min": 2}, "dev_accuracy": 2 / 3}
    assert peer_settings(make_record(rows)).rows == [["rival", "C 4.0, min 2, dev_accuracy 0.667"]]


def test_ours_are_compared_with_all_others_text_by_text() -> None:
    peers = [peer for peer in PEERS if peer.name in ("tfidf", "bow", "cnn")]
    rights = {"tfidf": numpy.array([0, 1, 0, 0]), "bow": numpy.array([0, 1, 1, 0.5]), "cnn": numpy.array([1, 1, 1, 1])}
    pairs = compare_pairs(peers, rights)
    found = {(pair["ours"], pair["rival"]): pair["difference"] for pair in pairs}
    assert found == {
        ("bow", "tfidf"): 0.375,
        ("bow", "cnn"): -0.375,
        ("cnn", "tfidf"): 0.75,
        ("cnn", "bow"): 0.375,
    }


def test_names_in_the_picture_cover_no_other_name() -> None:
    rows = [make_row("ensemble", 0.8, 50, is_ours=True), make_row("teacher", 0.9, 1)]
    rows += [make_row(f"rival-{number}{self}", 0.79, 52) for number in range(2) for self in ("", "+teacher")]
    figure = plot_peers(make_record(rows))
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    assert sorted(text.get_text() for text in texts) == sorted(row["name"] for row in rows)
    boxes = [text.get_window_extent() for text in texts]
    assert not any(box.overlaps(other) for number, box in enumerate(boxes) for other in boxes[:number])
    assert figure.axes[0].get_legend_handles_labels()[1].count("gold labels") == 1
