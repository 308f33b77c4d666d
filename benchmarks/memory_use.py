"""Peak memory of the process that asks. Standard library alone: what measures shall not weigh."""

from pathlib import Path


def peak_rss_mb() -> float:
    """The most memory that this process has held.

    RETURNS (float): Megabytes of 10^6 bytes.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        # ru_maxrss counts what the parent held before the child's own program started; VmHWM does not.
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    import resource

    # Bytes on macOS, the one system left here.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
