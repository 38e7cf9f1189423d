"""`ptyproof report`: write the summary of an artifact hub again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = "ptyproof report --hub hub"


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "write docs/summary.md and docs/skipped_views.jsonl of an artifact hub again, from its manifests"
    parser = add_command(commands, "report", summary, _EXAMPLES)
    parser.add_argument("--hub", type=Path, required=True, metavar="DIR", help="artifact hub, a folder with hub.json")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.evidence.hub import Hub
    from ptyproof.evidence.summary import write_summary
    from ptyproof.evidence.verify import refuse_changed

    refuse_changed(args.hub)
    written: list[Path] = []
    Hub(args.hub).write(lambda: written.extend(write_summary(args.hub)))
    for path in written:
        sys.stdout.write(f"{path}\n")
    return 0
