"""`ptyproof report`: write the summary and the report page of an artifact hub again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = "ptyproof report --hub hub"


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "write summary, list of skips and report page of an artifact hub (docs/) again from its manifests"
    parser = add_command(commands, "report", summary, _EXAMPLES)
    parser.add_argument("--hub", type=Path, required=True, metavar="DIR", help="artifact hub, a folder with hub.json")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.checking.hub import refuse_changed
    from ptyproof.hub.index import Hub
    from ptyproof.report.page import write_report
    from ptyproof.report.summary import write_summary
    from ptyproof.signing.stale import stale_statements

    refuse_changed(args.hub)
    written: list[Path] = []

    def write() -> None:
        written.append(write_report(args.hub)[0])
        written.extend(write_summary(args.hub))

    Hub(args.hub).write(write)
    for path in written:
        sys.stdout.write(f"{path}\n")
    for name, said in stale_statements(args.hub):
        sys.stderr.write(f"ptyproof: warning: {args.hub / name} {said}: sign the hub again\n")
    return 0
