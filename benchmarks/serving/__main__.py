"""The server under load, over a long time, under attack, and at its end.

python -m benchmarks.serving STUDENT TEACHER reviews/en/test.jsonl.gz
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Optional

import typer
from wasabi import msg

from benchmarks.document import RESULTS
from benchmarks.serving.ending import end_under_load
from benchmarks.serving.load import measure_load, measure_memory
from benchmarks.serving.malformed import attack
from benchmarks.serving.process import Running, serving
from benchmarks.tables.serving import attacks, endings, load, memory
from benchmarks.tables.table import write_and_show
from scripts.data.tables.file_types import read_rows
from scripts.files import UserError, run_command
from scripts.machine import describe_machine

WORKERS, CONNECTIONS = (1, 2), (1, 16, 64)
# Seconds that the server under attack waits for the rest of a request: slow ones are many.
READ_TIMEOUT = 2
# How much more memory is in use at the end than half way.
MAX_GROWTH = 1.05


def measure(
    student: str = typer.Argument(..., help="Packaged student: name or folder"),
    teacher: str = typer.Argument(..., help="Its teacher"),
    texts: Path = typer.Argument(..., help="Reviews to send"),
    n_texts: int = typer.Option(1000, help="How many of them, in turn"),
    seconds: int = typer.Option(10, help="How long each load is measured"),
    n_requests: int = typer.Option(200_000, help="Requests after which memory must be what it was"),
    n_malformed: int = typer.Option(10_000, help="Malformed requests"),
    generator: Optional[Path] = typer.Option(None, help="Python that has schemathesis, which makes more of them"),
    rounds: int = typer.Option(3, help="Ends under load, with each number of workers"),
    output: Path = typer.Option(RESULTS / "serving.json", help="The .json file to write"),
) -> None:
    """Measure a server on this machine."""
    sent = [row["text"] for _, row in read_rows(texts)][:n_texts]
    record: Dict[str, Any] = {
        "machine": describe_machine(-1),
        "texts": len(sent),
        "words": sum(len(text.split()) for text in sent),
        "seconds": seconds,
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        msg.info("Load")
        models = {"student": student, "teacher": teacher}
        record["load"] = measure_load(folder, models, sent, workers=WORKERS, connections=CONNECTIONS, seconds=seconds)
        msg.info("Memory")
        record["memory"] = measure_memory(folder, student, sent, n_requests=n_requests, n_connections=CONNECTIONS[1])
        msg.info("Malformed requests")
        with serving(folder, f"student={student}", "--read-timeout", READ_TIMEOUT) as running:
            worker = running.process.pid
            record["malformed"] = attack(running, n_requests=n_malformed)
            if generator is not None:
                record["generated"] = generate(running, generator)
            record["outlived"] = running.process.poll() is None and running.process.pid == worker
            record["faults"] = [line for line in running.read_log() if line["level"] == "error"]
        msg.info("Ends under load")
        record["endings"] = [
            end_under_load(folder, student, n_workers=n_workers, n_clients=CONNECTIONS[1], seconds=3)
            for n_workers in WORKERS
            for _ in range(rounds)
        ]
    write_and_show(output, record, load(record), memory(record), attacks(record), endings(record))
    check(record)


def generate(running: Running, python: Path) -> Dict[str, Any]:
    """Have schemathesis make requests out of the server's OpenAPI, right ones and wrong ones.

    running (Running): The server.
    python (Path): The Python that has it.
    RETURNS (Dict[str, Any]): How many requests the server got, and what schemathesis says of its answers.
    """
    before = len(running.read_log())
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [str(python), "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json", "--checks", checks]
    done = subprocess.run([*command, "--max-examples", "200", "--seed", "0"], capture_output=True, text=True)
    print(done.stdout[-4000:], file=sys.stderr)
    return {"requests": len(running.read_log()) - before, "exit_code": done.returncode}


def check(record: Dict[str, Any]) -> None:
    """Fail if the server did what it must not.

    record (Dict[str, Any]): What was measured.
    RAISES (UserError): It answered 5xx, died, logged a fault, lost a request, or grew.
    """
    faults: List[str] = []
    failed = [row["kind"] for row in record["malformed"] if any(status[0] == "5" for status in row["answers"])]
    if failed or record["faults"] or not record["outlived"]:
        faults.append(f"faults under attack: {failed or record['faults'][:3] or 'it died'}")
    if record.get("generated", {}).get("exit_code"):
        faults.append("schemathesis found a fault")
    lost = [ending for ending in record["endings"] if ending["lost"] or ending["answered"] != ending["logged"]]
    if lost:
        faults.append(f"requests were lost at the end: {lost}")
    if any(row["refused"] or row["lost"] for row in [*record["load"], record["memory"]]):
        faults.append("requests were refused or lost under load")
    # The caches fill at first.
    readings = [reading["mb"] for reading in record["memory"]["readings"]]
    if readings[-1] > MAX_GROWTH * readings[len(readings) // 2]:
        faults.append(f"memory grew: {readings}")
    if faults:
        raise UserError("; ".join(faults))


if __name__ == "__main__":
    run_command(measure)
