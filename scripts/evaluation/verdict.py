"""Whether the student is worth shipping, or something simpler does as well. A function over what was measured."""

from typing import Any, Dict, List, NamedTuple

import numpy

from scripts.data.significance import ALPHA, Comparison, compare_paired

# What else could be shipped, and what that takes.
REFERENCE, REFERENCE_DISTILLED, BASELINE = "reference", "reference_distilled", "baseline"
TAKES = {
    REFERENCE: "It needs no teacher, but has no wheel: it takes scikit-learn beside spaCy, and code that sets `cats`.",
    REFERENCE_DISTILLED: "It has no wheel: it takes scikit-learn beside spaCy, and code that sets `cats`.",
    BASELINE: "It needs no teacher, and is packaged as the student is.",
}


class System(NamedTuple):
    """What was measured of a system.

    right (ndarray): Of each test text whether the system decides as gold does. Shape: (n_docs,).
    words_per_second, size_mb (float): Its speed and size.
    """

    right: numpy.ndarray
    words_per_second: float
    size_mb: float


def judge(student: System, rivals: Dict[str, System]) -> Dict[str, Any]:
    """Tell which system to ship.

    The student must be shown to be ahead of each simpler rival: where the test texts cannot tell the two apart, or the
    rival is ahead, the simpler one is shipped. Simpler is what learns without the teacher, and of what learns from it
    what is faster or smaller than the student. All of them must be beaten, so no p-value is to be corrected.

    student (System): The student.
    rivals (Dict[str, System]): Those of TAKES, on the same texts.
    RETURNS (Dict[str, Any]): `ship`, "student" or the name of a rival; `reason`, in words; `against`, by rival: the
        difference, its 95 % interval (low, high) and the p-value.
    """
    against = {name: compare_paired(student.right, rival.right) for name, rival in rivals.items()}
    behind = [name for name, found in against.items() if found.difference > 0 and found.p_value < ALPHA]
    simpler = [name for name in rivals if name not in behind and is_simpler(name, rivals[name], student)]
    if simpler:
        # Of several, one that needs no teacher; of those, the most accurate.
        ship = min(simpler, key=lambda name: (name == REFERENCE_DISTILLED, -rivals[name].right.mean()))
        reason = explain_simpler(ship, against[ship], rivals[ship], student)
    else:
        ship, reason = "student", explain_student(against, behind, student)
    return {"ship": ship, "reason": reason, "against": {name: found._asdict() for name, found in against.items()}}


def is_simpler(name: str, rival: System, student: System) -> bool:
    """Whether a rival takes less than the student.

    name (str): One of TAKES.
    rival, student (System): What was measured of them.
    RETURNS (bool): True without a teacher, or where the rival is faster or smaller.
    """
    is_lighter = rival.words_per_second > student.words_per_second or rival.size_mb < student.size_mb
    return name != REFERENCE_DISTILLED or is_lighter


def explain_simpler(name: str, found: Comparison, rival: System, student: System) -> str:
    """Why a rival is shipped.

    name (str): One of TAKES.
    found (Comparison): The student against it.
    rival, student (System): What was measured of them.
    RETURNS (str): Sentences.
    """
    is_ahead = found.difference < 0 and found.p_value < ALPHA
    told = "show it ahead of the student" if is_ahead else "cannot tell the student from it"
    speed, size = rival.words_per_second / student.words_per_second, rival.size_mb / student.size_mb
    return (
        f"Ship the simpler one, {name}: {len(student.right)} test texts {told} (the student has {found}). "
        f"It runs at {speed:.2g} times the student's speed and has {size:.2g} times its size. {TAKES[name]}"
    )


def explain_student(against: Dict[str, Comparison], behind: List[str], student: System) -> str:
    """Why the student is shipped.

    against (Dict[str, Comparison]): The student against each rival.
    behind (List[str]): Those that it is ahead of.
    student (System): What was measured of it.
    RETURNS (str): Sentences.
    """
    reason = f"Ship the student. {len(student.right)} test texts"
    if behind:
        closest = min(behind, key=lambda name: against[name].difference)
        reason += f" show it ahead of {', '.join(behind)}; its smallest lead, over {closest}, is {against[closest]}."
    for name in against.keys() - set(behind):
        reason += f"{' They' if behind else ''} cannot tell it from {name}, which is neither faster nor smaller."
    return reason
