"""Serves packaged students, with a page to try them on.

    python -m scripts.serving en_reviews
    python -m scripts.serving training/en/compressed --teacher training/en/teacher/model-best

Every option can be given as a variable of the environment, too: TEXTDISTILL_PORT, TEXTDISTILL_MAX_BODY and so on.
"""

from typing import List

import typer

from scripts.files import told
from scripts.serving.server import serve as serve_settings
from scripts.serving.settings import Settings

app = typer.Typer(add_completion=False)
DEFAULT = Settings([])
MODELS = "Packaged students by name or folder; NAME=MODEL names one yourself"


@app.command(context_settings={"auto_envvar_prefix": "TEXTDISTILL"})
def serve(
    models: List[str] = typer.Argument(..., help=MODELS, envvar="TEXTDISTILL_MODELS"),
    baseline: List[str] = typer.Option([], help="A student without a teacher beside them"),
    teacher: List[str] = typer.Option([], help="A teacher beside them"),
    host: str = typer.Option(DEFAULT.host, help="Address to listen on; 0.0.0.0 for all"),
    port: int = typer.Option(DEFAULT.port, help="Port; 0 for any that is free", min=0, max=65535),
    workers: int = typer.Option(DEFAULT.workers, help="Processes behind the port", min=1),
    threads: int = typer.Option(DEFAULT.threads, help="Threads of a teacher; 0 divides the cores by workers", min=0),
    token: str = typer.Option(DEFAULT.token, help="What clients must send as a bearer token. Give it as a variable"),
    max_wait: float = typer.Option(DEFAULT.max_wait, help="Milliseconds to wait for texts of others", min=0),
    max_batch: int = typer.Option(DEFAULT.max_batch, help="Texts that are classified together", min=1),
    max_queue: int = typer.Option(DEFAULT.max_queue, help="Texts that may wait for a model", min=1),
    max_body: int = typer.Option(DEFAULT.max_body, help="Bytes of a request", min=1),
    max_texts: int = typer.Option(DEFAULT.max_texts, help="Texts of a request", min=1),
    max_characters: int = typer.Option(DEFAULT.max_characters, help="Characters of a text", min=1, max=1_000_000),
    max_explained: int = typer.Option(DEFAULT.max_explained, help="Characters of a text with coloured words", min=1),
    max_file: int = typer.Option(DEFAULT.max_file, help="Bytes of a file of texts", min=1),
    max_files: int = typer.Option(DEFAULT.max_files, help="Files that are worked on at a time", min=0),
    read_timeout: float = typer.Option(DEFAULT.read_timeout, help="Seconds in which a request must have come", min=0.1),
    answer_timeout: float = typer.Option(DEFAULT.answer_timeout, help="Seconds in which an answer must begin", min=0.1),
    drain: float = typer.Option(DEFAULT.drain, help="Seconds to go on after SIGTERM, while others learn of it", min=0),
    end_timeout: int = typer.Option(DEFAULT.end_timeout, help="Seconds to wait then for answers on their way", min=1),
) -> None:
    """Serve packaged students, and baseline and teacher beside them, with a page to try them on."""
    with told():
        serve_settings(
            Settings(
                models=models,
                baselines=baseline,
                teachers=teacher,
                host=host,
                port=port,
                workers=workers,
                threads=threads,
                token=token,
                max_wait=max_wait,
                max_batch=max_batch,
                max_queue=max_queue,
                max_body=max_body,
                max_texts=max_texts,
                max_characters=max_characters,
                max_explained=max_explained,
                max_file=max_file,
                max_files=max_files,
                read_timeout=read_timeout,
                answer_timeout=answer_timeout,
                drain=drain,
                end_timeout=end_timeout,
            )
        )


if __name__ == "__main__":
    app()
