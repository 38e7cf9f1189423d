"""`ptyproof new-method`: write a package with a reconstruction method that works."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof new-method my-method
ptyproof new-method my-method --folder ~/code"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "new-method", "write a package with a reconstruction method that passes the suite", _EXAMPLES
    )
    parser.add_argument("name", metavar="NAME", help="name of the method and of its package")
    parser.add_argument("--folder", type=Path, metavar="DIR", default=Path(), help="where to write it (default: here)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.new_method import write_package

    folder = write_package(args.name, args.folder)
    sys.stdout.write(f"wrote {folder}; next: pip install -e {folder} && cd {folder} && pytest\n")
    return 0
