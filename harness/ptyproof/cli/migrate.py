"""`ptyproof migrate`: bring a training manifest of an earlier generation into the current form."""

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
        commands, "migrate", "bring a training manifest of generation E4 to E7 into the current form", _EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the earlier manifest; it is left as it is")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="where the new one goes; beside the earlier one, so that its paths lead to the same files",
    )
    parser.set_defaults(run=_migrate)


def _migrate(args: argparse.Namespace) -> int:
    from ptyproof.checking.migrate import migrate

    migrated = migrate(args.file, args.out)["migrated"]
    sys.stdout.write(
        f"{args.out}: migrated from generation {migrated['generation']}; values that it does not say are null, "
        f"with {len(migrated['unknown'])} reasons; it is a record, and no evidence of a run\n"
    )
    return 0
