"""A record on standard output or in a file: as JSON, as text, or as Markdown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptyproof.tables.grid import Form

_FORMATS = {".md": "markdown", ".json": "json"}


def add_output(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--format` and `--output`."""
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "json"),
        help="default: as --output ends (.md, .json), otherwise text",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"write the {what} to a file")


def write_record(
    args: argparse.Namespace, record: Mapping[str, object], lines_of: Callable[[Form], Iterator[str]]
) -> None:
    """Write a record as `--format` and `--output` say; `lines_of` gives its lines for people."""
    from ptyproof.io.atomic import write_text
    from ptyproof.io.strict_json import format_json
    from ptyproof.records.manifest import write_manifest

    output: Path | None = args.output
    form = args.format or _FORMATS.get("" if output is None else output.suffix, "text")
    if form == "json" and output is not None:
        write_manifest(output, record)
        return
    text = (
        format_json(record)
        if form == "json"
        else "".join(f"{line}\n" for line in lines_of("markdown" if form == "markdown" else "text"))
    )
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
