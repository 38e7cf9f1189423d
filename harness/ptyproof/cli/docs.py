"""`ptyproof docs`: update documents from the tests and a hub."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_SYNC = "update the marked blocks of the project's documents from its tests and a hub"
_EXAMPLES = """\
ptyproof docs sync                      # testing guide and test index
ptyproof docs sync --hub hub            # also checklists and ledger
ptyproof docs sync --hub hub --init     # first use: creates the missing documents
ptyproof docs sync --hub hub --check    # writes nothing; exit status 1 if a block is stale"""
_MORE = """
pyproject.toml names the documents, in [tool.ptyproof.docs]: testing_guide, test_index, checklists, ledger.
The command rewrites only the text between <!-- ptyproof:begin NAME --> and <!-- ptyproof:end NAME -->.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "docs", _SYNC, _EXAMPLES)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    sync = add_command(actions, "sync", _SYNC, _EXAMPLES)
    sync.epilog = f"{sync.epilog}{_MORE}"
    sync.add_argument(
        "--hub",
        type=Path,
        metavar="DIR",
        help="hub whose runs update checklists and ledger (default: leave both unchanged)",
    )
    how = sync.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="write nothing; list stale blocks")
    how.add_argument("--init", action="store_true", help="first create missing documents and a missing pyproject.toml")
    sync.set_defaults(run=_sync)


def _sync(args: argparse.Namespace) -> int:
    from ptyproof.docs_sync.begin import begin
    from ptyproof.docs_sync.runs import read_runs
    from ptyproof.docs_sync.settings import find_project
    from ptyproof.docs_sync.sync import plan

    if args.init:
        root, made = begin(Path(), [] if args.hub is None else read_runs(args.hub))
        for path in made:
            sys.stdout.write(f"{path.relative_to(root)}: made\n")
    planned = plan(find_project(Path()), args.hub)
    stale = planned.stale()
    if not args.check:
        planned.write()
    for path, block, line in stale:
        sys.stdout.write(f"{path}: line {line}: block {block} {'is stale' if args.check else 'rewritten'}\n")
    for run in planned.under_way:
        sys.stdout.write(f"{run} is still running and not in the ledger yet\n")
    if not stale:
        sys.stdout.write("every block is up to date\n")
    return 1 if stale and args.check else 0
