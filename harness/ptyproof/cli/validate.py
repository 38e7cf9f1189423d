"""`ptyproof validate`: check datasets against DATA-001."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from ptyproof.cli.options import Commands, add_command, add_reading, reading
from ptyproof.errors import DataError

_EXAMPLES = """\
ptyproof validate base.npz
ptyproof validate legacy.npz --values intensity
ptyproof validate c/dose_1000/patched_*.npz"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "validate", "check datasets against the contract DATA-001", _EXAMPLES)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.npz", help="datasets to check")
    add_reading(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.io.dataset import read_dataset
    from ptyproof.io.validation import scan_extent

    how = reading(args).as_keywords()
    status = 0
    for path in args.files:
        changes: list[str] = []
        try:
            loaded = read_dataset(path, mmap=True, changes=changes, **how)
        except DataError as error:
            _say(path, "changed on reading", changes)
            sys.stderr.write(f"ptyproof: error: {error}\n")
            status = error.exit_status
            continue
        _say(path, "changed on reading", changes)
        _say(path, "note", loaded.remarks)
        dataset = loaded.dataset
        sys.stdout.write(f"{path}: {scan_extent(dataset).described()}\n")
        patterns = 0 if dataset.diffraction is None else len(dataset.diffraction)
        sys.stdout.write(
            f"{path}: sound, role {dataset.metadata['role']}, {patterns} patterns, "
            f"{len(dataset.positions_px)} scan positions\n"
        )
    return status


def _say(path: Path, what: str, sentences: Iterable[str]) -> None:
    for sentence in sentences:
        sys.stdout.write(f"{path}: {what}: {sentence}\n")
