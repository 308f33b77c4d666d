"""A server that is told to end under load: what it has taken, it answers."""

import threading
import time
from pathlib import Path
from typing import Any, Dict, List

import httpx2

from benchmarks.serving.process import serving

TEXT = {"texts": "I love it"}


class Client(threading.Thread):
    """Sends requests one after the other until no connection is taken any more."""

    def __init__(self, url: str) -> None:
        """url (str): Of the server."""
        super().__init__()
        self.url = url
        self.n_answered = 0
        self.lost: List[str] = []

    def run(self) -> None:
        """Send requests, and note one that was taken and not answered."""
        with httpx2.Client(timeout=60) as client:
            while True:
                try:
                    client.post(f"{self.url}/v1/classify", json=TEXT).raise_for_status()
                    self.n_answered += 1
                except httpx2.ConnectError:
                    return
                except httpx2.HTTPError as error:
                    self.lost.append(repr(error))
                    return


def end_under_load(folder: Path, model: str, *, n_workers: int, n_clients: int, seconds: float) -> Dict[str, Any]:
    """Tell a server to end while clients send requests.

    folder (Path): For files of the benchmark.
    model (str): The pipeline.
    n_workers (int): Processes of the server.
    n_clients (int): Clients.
    seconds (float): How long they send before that.
    RETURNS (Dict[str, Any]): Requests that clients got answers to, those that the server says it has answered, those
        that were taken and not answered, and how long the server took to end.
    """
    with serving(folder, f"student={model}", "--workers", n_workers) as running:
        clients = [Client(running.url) for _ in range(n_clients)]
        for client in clients:
            client.start()
        time.sleep(seconds)
        begin = time.monotonic()
        running.end()
        taken = time.monotonic() - begin
        for client in clients:
            client.join()
    lines = [line for line in running.read_log() if line.get("route") == "/v1/classify"]
    return {
        "workers": n_workers,
        "clients": n_clients,
        "answered": sum(client.n_answered for client in clients),
        "logged": len(lines),
        "lost": [lost for client in clients for lost in client.lost],
        "seconds": round(taken, 2),
    }
