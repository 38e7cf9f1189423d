"""`ptyproof base`: write the built-in base dataset of a study."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof base --out base.npz
ptyproof base --out base.npz --study my-study.toml
ptyproof base --out base.npz --study my-study.toml --probe-from measured.npz"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "write the built-in object, probe and scan of a study as a DATA-001 file"
    parser = add_command(commands, "base", summary, _EXAMPLES)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="file to write")
    parser.add_argument("--study", default="fly64", metavar="NAME|FILE.toml", help="study (default: %(default)s)")
    parser.add_argument(
        "--probe-from",
        type=Path,
        metavar="FILE.npz",
        help="DATA-001 file whose probe replaces the built-in one",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.phases.base import write_base
    from ptyproof.study.toml_form import load_study

    changes: list[str] = []
    dataset = write_base(load_study(args.study), args.out, args.probe_from, changes)
    for change in changes:
        sys.stdout.write(f"{args.probe_from}: changed on reading: {change}\n")
    assert dataset.obj is not None
    rows, cols = dataset.obj.shape
    sys.stdout.write(
        f"{args.out}: object {rows} x {cols} px, probe {dataset.probe.shape[0]} x {dataset.probe.shape[1]} px, "
        f"{len(dataset.positions_px)} scan positions\n"
    )
    return 0
