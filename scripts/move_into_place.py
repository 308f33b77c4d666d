"""Gives the folder of a finished training its final name, so that a killed one never replaces it."""

from pathlib import Path

import typer

from scripts.files import move_into_place, run_command


def move(
    partial: Path = typer.Argument(..., help="The finished folder", exists=True),
    path: Path = typer.Argument(..., help="Its final name"),
) -> None:
    """Give a finished folder its final name, replacing what had it."""
    move_into_place(partial, path)


if __name__ == "__main__":
    run_command(move)
