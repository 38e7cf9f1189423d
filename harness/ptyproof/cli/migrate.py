"""`ptyproof migrate`: convert a training manifest of an earlier generation to the current form."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof migrate old/training_manifest.json --out old/training_manifest_v1.json"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "migrate", "convert a training manifest of generation E4 to E7 to the current form", _EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the earlier manifest; it stays unchanged")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="file to write; put it next to the earlier one, so that its paths stay valid",
    )
    parser.set_defaults(run=_migrate)


def _migrate(args: argparse.Namespace) -> int:
    from ptyproof.checking.migrate import migrate

    migrated = migrate(args.file, args.out)["migrated"]
    sys.stdout.write(
        f"{args.out}: migrated from generation {migrated['generation']}; unknown values are null, with "
        f"{len(migrated['unknown'])} reasons; the file is a record, not evidence of a run\n"
    )
    return 0
