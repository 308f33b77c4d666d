"""Reports of runs that were never made."""

from typing import Any, Dict

MACHINE = {"system": "x", "processor": "abacus", "instructions": "beads", "cores": "2", "gpu": "none"}
ACCURACY = {"reference": 0.8, "reference_distilled": 0.85, "baseline": 0.81, "student": 0.88, "teacher": 0.89}


def make_report(*, seed: int = 0, cores: str = "2", gap_closed: Any = 0.875, reads: str = "") -> Dict[str, Any]:
    """What `evaluate` would write of a run, as far as the table of languages reads it."""
    report: Dict[str, Any] = {
        name: {
            "accuracy": accuracy,
            "accuracy_interval": [accuracy - 0.02, accuracy + 0.02],
            "ece": 0.012,
            "words_per_second": 4000.0 if name == "teacher" else 400_000.0,
            "size_mb": 90.0 if name == "teacher" else 6.0,
        }
        for name, accuracy in ACCURACY.items()
    }
    report["student"].update(retained=0.8888 / 0.8988, gap_closed=gap_closed, agreement=0.9)
    if reads:
        report["student"]["features"] = {"reads": reads}
    report["verdict"] = {"ship": "student"}
    report["provenance"] = {
        "student_kind": "bow",
        "seed": seed,
        "counts": {"train": 1000, "dev": 500, "test": 600, "unlabelled": 8000},
        "machine": {**MACHINE, "cores": cores},
        "versions": {"python": "3.11.7", "spacy": "3.8.18"},
    }
    return report
