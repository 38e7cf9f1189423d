"""`ptyproof hub`: verify an artifact hub."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof hub verify hub
ptyproof check hub                    # the same verdict, by file, with advice, and with --format json
pytest hub                            # the same, with a test item for each file
ptyproof explain PM901                # why a check exists, and how to fix what it found"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "hub", "verify an artifact hub: files, index, manifests, bundles, skips", _EXAMPLES)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify",
        help="print a line for each finding, `FILE: error PM303 at PLACE: what is wrong`; exit status 0 if no error",
    )
    verify.add_argument("hub", type=Path, metavar="DIR", help="artifact hub, a folder with hub.json")
    verify.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    from ptyproof.checking.hub import judge_hub
    from ptyproof.errors import RunError

    judged = judge_hub(args.hub)
    sys.stdout.writelines(f"{finding}\n" for finding in judged.findings)
    counts = Counter(finding.severity for finding in judged.findings)
    beside = "".join(
        f", {name} {counts[severity]}"
        for severity, name in (("warning", "warnings"), ("info", "remarks"))
        if counts[severity]
    )
    if judged.errors:
        sys.stdout.flush()
        files = len({finding.file for finding in judged.errors})
        raise RunError(f"{args.hub} is not sound: errors {len(judged.errors)}{beside}, files with errors {files}")
    sys.stdout.write(f"{args.hub}: sound{beside}; files, manifests and runs match their records\n")
    return 0
