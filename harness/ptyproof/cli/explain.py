"""`ptyproof explain`: why a check of manifests exists, and how to fix what it found."""

from __future__ import annotations

import argparse
import sys

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof explain PM401
ptyproof explain PM401 PM703
ptyproof explain                  # all codes, one line each"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "explain why a check of manifests exists, and how to fix what it found"
    parser = add_command(commands, "explain", summary, _EXAMPLES)
    parser.add_argument("codes", nargs="*", metavar="CODE", help="codes (default: list all codes)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.checking.model.codes import codes
    from ptyproof.checking.output import explanation
    from ptyproof.errors import InputError

    for name in args.codes:
        if name.upper() not in codes():
            raise InputError(f"unknown code {name}; `ptyproof explain` lists all codes")
    if not args.codes:
        sys.stdout.writelines(f"{code.code} {code.severity:7} {code.title}\n" for code in codes().values())
        return 0
    sys.stdout.write("\n".join(explanation(codes()[name.upper()]) for name in args.codes))
    return 0
