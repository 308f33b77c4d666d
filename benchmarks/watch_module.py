"""Runs a module as `python -m` does, and writes down the peak memory and the processor time of its process."""

import atexit
import json
import runpy
import sys
import time
from pathlib import Path

from benchmarks.memory_use import peak_rss_mb


def note_use(path: Path) -> None:
    """path (Path): The .json file to write."""
    path.write_text(json.dumps({"peak_rss_mb": peak_rss_mb(), "cpu_seconds": time.process_time()}), encoding="utf8")


if __name__ == "__main__":
    # At exit, as a command line program never returns.
    atexit.register(note_use, Path(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
