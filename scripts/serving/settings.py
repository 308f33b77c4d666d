"""What a server takes and how it works: every limit and its default, said once. The command line names the same."""

from typing import NamedTuple, Sequence

# Variable that names the folder which workers count into. It must be set before anything imports prometheus_client.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Settings(NamedTuple):
    """Settings of a server. All of it can be sent to another process.

    models (Sequence[str]): Students and other pipelines, as `NAME=MODEL` or a model alone.
    baselines (Sequence[str]): Students without a teacher, to compare with.
    teachers (Sequence[str]): Teachers, to compare with.
    host (str): Address to listen on.
    port (int): Port; 0 takes any that is free.
    workers (int): Processes behind the port; each has all models in memory.
    threads (int): Threads of a teacher in each worker; 0 divides the cores by the workers.
    token (str): What clients must send as a bearer token; empty lets everybody in.
    max_wait (float): Milliseconds that a text waits for others to come, so that they are classified together.
    max_batch (int): Texts that are classified together.
    max_queue (int): Texts that may wait for a model in each worker; more are answered by 429.
    max_body (int): Bytes of a request; more are answered by 413.
    max_texts (int): Texts of a request; more are answered by 422.
    max_characters (int): Characters of a text; more are answered by 422.
    max_explained (int): Characters of a text whose words are weighed: a teacher reads it once for each word.
    max_file (int): Bytes of a file of texts; more are answered by 413.
    max_files (int): Files that are worked on at a time in each worker; more are answered by 429.
    read_timeout (float): Seconds in which a request must have come as a whole.
    answer_timeout (float): Seconds in which it is answered; later it is answered by 503.
    drain (float): Seconds for which a server that is asked to end goes on, so that others stop sending to it.
    end_timeout (int): Seconds that it then waits for answers that are on their way.
    """

    models: Sequence[str]
    baselines: Sequence[str] = ()
    teachers: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 0
    token: str = ""
    max_wait: float = 1.0
    max_batch: int = 64
    max_queue: int = 1024
    max_body: int = 2_000_000
    max_texts: int = 256
    max_characters: int = 20_000
    max_explained: int = 2_000
    max_file: int = 20_000_000
    max_files: int = 4
    read_timeout: float = 30.0
    answer_timeout: float = 30.0
    drain: float = 2.0
    end_timeout: int = 60
