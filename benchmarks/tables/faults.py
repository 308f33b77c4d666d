"""The table of what survives (benchmarks.faults)."""

from typing import Any, Dict, List

from benchmarks.tables.table import Table, name_machine

YES = {True: "as it should", False: "**not**"}


def faults(record: Dict[str, Any]) -> List[Table]:
    """Each fault in each step, and what came of it."""
    outcomes = record["outcomes"]
    caption = name_machine(record["machine"])
    killed = [outcome for outcome in outcomes if outcome["fault"].startswith("kill -9 after")]
    n_bad = sum(not outcome["is_right"] for outcome in outcomes)
    rows = [
        [outcome["step"], outcome["fault"], outcome["seen"], YES[outcome["is_right"]]]
        for outcome in outcomes
        if outcome not in killed
    ]
    if killed:
        steps = ", ".join(outcome["step"] for outcome in killed)
        rows.insert(0, [steps, "kill -9 at a random moment of each", "goes on", YES[True]])
    caption = f"{len(outcomes)} faults, {n_bad} of them with harm. {caption}"
    return [Table(("step", "fault", "then", ""), rows, caption, n_words=4)]
