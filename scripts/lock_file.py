"""project.lock, where Weasel keeps what each step has followed from. It writes the file in place, after each step.

A kill or a full disk in that moment leaves the beginning of the file. Weasel stops with a traceback at that, for ever.
"""

import re
from pathlib import Path
from typing import Any, Dict

import srsly

from scripts.files import replaced

# What Weasel writes for a command.
KEYS = {"cmd", "script", "deps", "outs"}


def mend_lock_file(path: Path) -> bool:
    """Leave out of a project.lock that was cut off the entry that is not whole. Its step runs again.

    path (Path): The file; it may be missing.
    RETURNS (bool): Whether there was something to mend.
    """
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf8", errors="replace")
    kept: Dict[str, Any] = {}
    # Each entry begins at the left margin.
    for block in re.split(r"^(?=\S)", text, flags=re.M):
        try:
            entry = srsly.yaml_loads(block)
        except ValueError:
            continue
        kept.update({name: value for name, value in as_dict(entry).items() if set(as_dict(value)) >= KEYS})
    try:
        if srsly.yaml_loads(text) == kept:
            return False
    except ValueError:
        pass
    with replaced(path) as partial:
        srsly.write_yaml(partial, kept)
    return True


def as_dict(value: Any) -> Dict[str, Any]:
    """A value if it is a dictionary, else an empty one."""
    return value if isinstance(value, dict) else {}
