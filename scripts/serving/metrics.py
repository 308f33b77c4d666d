"""What Prometheus is told. Workers behind one port count into files that all of them read."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from scripts.serving.settings import METRICS_FOLDER

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics(NamedTuple):
    """The metrics of a server."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    in_flight: Gauge
    texts: Counter
    batch_texts: Histogram
    batch_seconds: Histogram
    waiting: Gauge

    def observe_batch(self, model: str, n_texts: int, seconds: float) -> None:
        """Note what a model has done.

        model (str): Its name.
        n_texts (int): Texts that were classified together.
        seconds (float): What that took.
        """
        self.texts.labels(model).inc(n_texts)
        self.batch_texts.labels(model).observe(n_texts)
        self.batch_seconds.labels(model).observe(seconds)


def make_metrics() -> Metrics:
    """Make the metrics of a process.

    RETURNS (Metrics): With a registry of their own, so that a process can hold several servers.
    """
    registry = CollectorRegistry()

    def make(kind: Any, name: str, text: str, *labels: str, **options: Any) -> Any:
        return kind(f"textdistill_{name}", text, labels, registry=registry, **options)

    return Metrics(
        registry,
        make(Counter, "requests", "Requests that were answered", "method", "route", "status"),
        make(Histogram, "request_seconds", "Time to the end of the answer", "route", buckets=SECONDS),
        make(Gauge, "requests_in_flight", "Requests that are being answered", multiprocess_mode="livesum"),
        make(Counter, "texts", "Texts that were classified", "model"),
        make(Histogram, "batch_texts", "Texts that were classified together", "model", buckets=TEXTS),
        make(Histogram, "batch_seconds", "Time that a model took for a batch", "model", buckets=SECONDS),
        make(Gauge, "texts_waiting", "Texts that wait for a model", "model", multiprocess_mode="livesum"),
    )


def report(metrics: Metrics) -> bytes:
    """All metrics, of all workers.

    metrics (Metrics): Those of this process.
    RETURNS (bytes): As Prometheus reads them.
    """
    folder = os.environ.get(METRICS_FOLDER)
    if not folder:
        return generate_latest(metrics.registry)
    # A worker that died holds nothing any more.
    for path in Path(folder).glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not psutil.pid_exists(pid):
            mark_process_dead(pid, folder)
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)
    return generate_latest(together)
