"""Tables of the server, each a function of the record of benchmarks.serving."""

from typing import Any, Dict

from benchmarks.tables.table import Table, name_machine

Record = Dict[str, Any]


def load(record: Record) -> Table:
    """Requests per second and how long they take."""
    rows = [
        [
            row["model"],
            str(row["workers"]),
            str(row["connections"]),
            f"{row['requests'] / row['seconds']:,.0f}",
            *(f"{row[name]:,.1f}" for name in ("p50", "p95", "p99")),
        ]
        for row in record["load"]
    ]
    caption = (
        f"One text a request, {record['texts']:,} texts of {record['words'] / record['texts']:.0f} words in turn, "
        f"{record['seconds']:g} seconds each, sent by wrk on the same machine. {name_machine(record['machine'])}"
    )
    return Table(("", "workers", "connections", "requests/s", "p50 ms", "p95 ms", "p99 ms"), rows, caption)


def memory(record: Record) -> Table:
    """Memory while requests come."""
    measured = record["memory"]
    rows = [[f"{reading['requests']:,}", f"{reading['mb']:,.0f}"] for reading in measured["readings"]]
    caption = f"Each text holds a word that never comes again. {name_machine(record['machine'])}"
    return Table(("requests", "MB"), rows, caption, n_words=0)


def attacks(record: Record) -> Table:
    """How malformed requests were answered."""
    rows = []
    for row in sorted(record["malformed"], key=lambda row: str(row["kind"])):
        said = [
            f"{'closed' if status == '0' else status}: {number:,}"
            for status, number in sorted(row["answers"].items(), key=lambda item: -item[1])
        ]
        rows.append([row["kind"], ", ".join(said), f"{sum(row['answers'].values()):,}"])
    total = sum(sum(row["answers"].values()) for row in record["malformed"])
    made = record.get("generated", {}).get("requests", 0)
    more = f" schemathesis made {made:,} more out of OpenAPI, and found nothing." if made else ""
    caption = f"{total:,} requests.{more} Faults in the log: {len(record['faults'])}. The server lived on."
    return Table(("", "answers", "requests"), rows, caption, n_words=2)


def endings(record: Record) -> Table:
    """Servers that were told to end under load."""
    rows = [
        [
            str(row["workers"]),
            str(row["clients"]),
            f"{row['answered']:,}",
            str(len(row["lost"])),
            f"{row['seconds']:.1f}",
        ]
        for row in record["endings"]
    ]
    caption = f"SIGTERM after 3 seconds; lost: taken and not answered. {name_machine(record['machine'])}"
    return Table(("workers", "clients", "answered", "lost", "seconds to the end"), rows, caption, n_words=0)
