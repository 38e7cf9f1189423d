"""What the commands that draw share: their option, and how a picture is written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.io.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_path(description: str | None) -> Path:
    """Return where the command line wants the picture."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, required=True, metavar="FILE.png", help="where the picture goes")
    path: Path = parser.parse_args().picture
    return path


def write(figure: Figure, path: Path) -> None:
    """Write a picture whose bytes say neither when nor by which version it was made."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})


def table_row(label: str, values: list[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {label} | " + " | ".join(values) + " |"
