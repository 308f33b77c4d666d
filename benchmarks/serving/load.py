"""Load on a server, by wrk: it is written in C and leaves the processor to the server."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Sequence

import psutil

from benchmarks.serving.process import Running, serving
from scripts.files import UserError

SCRIPT = Path(__file__).with_name("post.lua")
# Seconds before a measurement, so that caches are what they are in a server that has run for a while.
WARM_UP = 2


def write_bodies(path: Path, texts: Sequence[str], model: str) -> Path:
    """Write requests, a line each.

    path (Path): The file.
    texts (Sequence[str]): The text of each request.
    model (str): Name of the model.
    RETURNS (Path): The file.
    """
    lines = [json.dumps({"texts": text, "model": model}) for text in texts]
    path.write_text("\n".join(lines), encoding="ascii")
    return path


def run_wrk(running: Running, bodies: Path, *, n_connections: int, seconds: int) -> Dict[str, Any]:
    """Put a server under load.

    running (Running): The server.
    bodies (Path): What is posted.
    n_connections (int): Connections, each of which sends its next request when it has got an answer.
    seconds (int): For how long.
    RETURNS (Dict[str, Any]): Requests, seconds, milliseconds of percentiles, and what was refused or lost.
    RAISES (UserError): There is no wrk.
    """
    if shutil.which("wrk") is None:
        raise UserError("There is no wrk. Install it, e.g. with: apt-get install wrk")
    command = ["wrk", "-t1", f"-c{n_connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT)]
    done = subprocess.run(
        [*command, f"{running.url}/v1/classify", "--", str(bodies)], capture_output=True, text=True, check=True
    )
    result: Dict[str, Any] = json.loads(done.stdout.partition("RESULT ")[2])
    return result


def measure_load(
    folder: Path,
    models: Dict[str, str],
    texts: Sequence[str],
    *,
    workers: Sequence[int],
    connections: Sequence[int],
    seconds: int,
) -> List[Dict[str, Any]]:
    """Measure requests per second and how long they take.

    folder (Path): For files of the benchmark.
    models (Dict[str, str]): Pipelines by name.
    texts (Sequence[str]): One for each request.
    workers (Sequence[int]): Numbers of processes.
    connections (Sequence[int]): Numbers of connections.
    seconds (int): How long each is measured.
    RETURNS (List[Dict[str, Any]]): A row for each model, number of workers and number of connections.
    """
    rows = []
    for n_workers in workers:
        for name, model in models.items():
            bodies = write_bodies(folder / "bodies", texts, name)
            with serving(folder, f"{name}={model}", "--workers", n_workers, "--drain", 0) as running:
                for n_connections in connections:
                    run_wrk(running, bodies, n_connections=n_connections, seconds=WARM_UP)
                    measured = run_wrk(running, bodies, n_connections=n_connections, seconds=seconds)
                    rows.append({"model": name, "workers": n_workers, "connections": n_connections, **measured})
    return rows


def measure_memory(
    folder: Path, model: str, texts: Sequence[str], *, n_requests: int, n_connections: int
) -> Dict[str, Any]:
    """Measure the memory of a server while it answers requests whose texts all hold a new word.

    folder (Path): For files of the benchmark.
    model (str): The pipeline.
    texts (Sequence[str]): One for each request.
    n_requests (int): At least so many.
    n_connections (int): Connections.
    RETURNS (Dict[str, Any]): Requests, and megabytes in use after each tenth of them or so.
    """
    bodies = write_bodies(folder / "bodies", [f"{text} word@@" for text in texts], "student")
    readings: List[Dict[str, float]] = []
    done = refused = lost = 0
    seconds = 5
    with serving(folder, f"student={model}", "--drain", 0) as running:
        while done < n_requests:
            measured = run_wrk(running, bodies, n_connections=n_connections, seconds=seconds)
            done, refused = done + measured["requests"], refused + measured["refused"]
            lost += measured["lost"]
            # Ten readings, more or less.
            seconds = max(1, round(n_requests / 10 * measured["seconds"] / max(1, measured["requests"])))
            readings.append({"requests": done, "mb": resident_mb(running)})
    return {"requests": done, "refused": refused, "lost": lost, "readings": readings}


def resident_mb(running: Running) -> float:
    """Memory of a server with one worker, in megabytes of 10^6 bytes."""
    return psutil.Process(running.process.pid).memory_info().rss / 1e6
