"""`ptyproof conformance`: which methods in hubs keep what a method has to keep, as a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
pytest --pyargs pytest_ptyproof.conformance --ptyproof-method=all --artifact-hub=hub
ptyproof conformance hub
ptyproof conformance hub --format markdown

exit status: 0 every method passed, with the exceptions that it declares; 1 a method failed or is incomplete;
2 wrong usage, or no record"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "conformance", "show the records of the conformance suite as a table", _EXAMPLES)
    parser.add_argument("hubs", nargs="+", type=Path, metavar="HUB", help="artifact hub with records of methods")
    parser.add_argument("--format", choices=("text", "markdown"), default="text", help="default: text")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.tables.conformance import lines_of, read_records

    records = read_records(args.hubs)
    sys.stdout.write("".join(f"{line}\n" for line in lines_of(records, args.format)))
    return 0 if all(record["status"] in ("passed", "exceptions") for record in records) else 1
