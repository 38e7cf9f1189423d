"""The option of the commands that draw."""

from __future__ import annotations

import argparse
from pathlib import Path


def picture_path(description: str | None) -> Path:
    """Return where the command line wants the picture."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, required=True, metavar="FILE.png", help="where the picture goes")
    path: Path = parser.parse_args().picture
    return path
