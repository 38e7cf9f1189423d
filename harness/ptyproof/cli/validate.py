"""`ptyproof validate`: check datasets against DATA-001."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command
from ptyproof.errors import DataError

_EXAMPLES = """\
ptyproof validate base.npz
ptyproof validate c/dose_1000/patched_*.npz"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "validate", "check datasets against the contract DATA-001", _EXAMPLES)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.npz", help="datasets to check")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.io.dataset import read_dataset

    status = 0
    for path in args.files:
        try:
            loaded = read_dataset(path, mmap=True)
        except DataError as error:
            sys.stderr.write(f"ptyproof: error: {error}\n")
            status = error.exit_status
            continue
        for change in loaded.changes:
            sys.stdout.write(f"{path}: changed on reading: {change}\n")
        dataset = loaded.dataset
        patterns = 0 if dataset.diffraction is None else len(dataset.diffraction)
        sys.stdout.write(
            f"{path}: sound, role {dataset.metadata['role']}, {patterns} patterns, "
            f"{len(dataset.positions_px)} scan positions\n"
        )
    return status
