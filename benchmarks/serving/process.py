"""A server in a process of its own, for benchmarks and tests."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import httpx2
import psutil

ROOT = Path(__file__).parents[2]
# Seconds in which its models must be loaded, also where others keep the machine busy.
PATIENCE = 180


class Running(NamedTuple):
    """A server.

    process (Popen): Its first process.
    url (str): Where it listens.
    log (Path): What it has logged.
    """

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        RAISES (RuntimeError): It ended, or takes too long.
        """
        begin = time.monotonic()
        while self.process.poll() is None and time.monotonic() - begin < PATIENCE:
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=PATIENCE).is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise RuntimeError(self.log.read_text(encoding="utf8"))

    def end(self) -> int:
        """Tell it to end, and wait until it has. RETURNS (int): Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)

    def list_workers(self) -> List[psutil.Process]:
        """The processes that answer."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def read_log(self) -> List[Dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf8").splitlines()]


def start_server(folder: Path, *arguments: Any, **environment: str) -> Running:
    """Start a server as the command line does, and wait until it is ready.

    folder (Path): Where its log shall stand.
    arguments (Any): Of the command line. The port is any that is free.
    environment (str): Variables.
    RETURNS (Running): The server.
    RAISES (RuntimeError): It does not get ready.
    """
    log = folder / "log"
    command = [sys.executable, "-m", "scripts.serving", *map(str, arguments), "--port", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stderr=file, env={**os.environ, **environment})
    begin = time.monotonic()
    url = ""
    while not url and process.poll() is None and time.monotonic() - begin < PATIENCE:
        time.sleep(0.05)
        url = log.read_text(encoding="utf8").partition('"url":"')[2].partition('"')[0]
    running = Running(process, url, log)
    running.wait_until_ready()
    return running


@contextmanager
def serving(folder: Path, *arguments: Any) -> Iterator[Running]:
    """Have a server as long as it is needed. Its arguments are those of `start_server`."""
    running = start_server(folder, *arguments)
    try:
        yield running
    finally:
        running.end()
