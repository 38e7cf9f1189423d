"""`ptyproof executor check`: submit jobs to an executor, and say what works there."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from ptyproof.cli.options import Commands, add_command, add_executor, executor_choice

_EXAMPLES = """\
ptyproof executor check --executor slurm --executor-options cluster.toml --artifact-root a
ptyproof executor check --executor dask --scheduler tcp://login1:8786"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "executor", "check an executor: this machine, Dask, a batch system", _EXAMPLES)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="submit jobs, and print a line for each thing that works or not: worker, versions, files, lines, ends, "
        "processors; exit status 1 if something does not work",
    )
    add_executor(check)
    check.add_argument(
        "--artifact-root", type=Path, default=Path(), metavar="DIR", help="folder that jobs write into (default: .)"
    )
    check.add_argument(
        "--timeout", type=float, default=300.0, metavar="SECONDS", help="for the first job (default: %(default)g)"
    )
    check.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    from ptyproof.console import Console
    from ptyproof.io.atomic import writable_folder
    from ptyproof.jobs.executor_check import check_executor
    from ptyproof.jobs.executors import opener

    opened = opener(executor_choice(args))
    writable_folder(args.artifact_root, "--artifact-root")
    said, works = Console(), True
    with closing(opened()) as executor:
        for answer in check_executor(executor, args.artifact_root.resolve(), args.timeout):
            said.say(str(answer))
            works = works and answer.works
    return 0 if works else 1
