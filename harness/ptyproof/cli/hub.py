"""`ptyproof hub`: verify an artifact hub."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof hub verify hub
pytest hub                            # the same, with an item for each file"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "hub", "verify an artifact hub: files, index, manifests, bundles, skips", _EXAMPLES)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify", help="a line for each problem, `FILE: PLACE: what is wrong`; 0 if there is none"
    )
    verify.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json")
    verify.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    from ptyproof.errors import RunError
    from ptyproof.evidence.verify import verify_hub

    problems = verify_hub(args.hub)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    if problems:
        sys.stdout.flush()
        files = len({problem.file for problem in problems})
        raise RunError(f"{args.hub} is not sound: problems {len(problems)}, files {files}")
    sys.stdout.write(f"{args.hub}: sound\n")
    return 0
