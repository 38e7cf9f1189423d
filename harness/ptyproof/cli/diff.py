"""`ptyproof diff`: what differs between two hubs or two manifests, and whether anything got worse."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.options import Commands, add_command
from ptyproof.cli.output import add_output, write_record

_EXAMPLES = """\
ptyproof diff hubs/october hubs/november
ptyproof diff october.zip november.zip       # packed hubs
ptyproof diff hubs/main hubs/branch --output difference.md     # for a pull request
ptyproof diff old/training_manifest.json new/training_manifest.json --tolerance 0.05
ptyproof diff hubs/october hubs/november --format json         # the schema hub_difference 1

exit status: 0 nothing got worse; 1 something got worse beyond the tolerance; 2 wrong usage or unsound input"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "compare two hubs or two manifests: cells, metrics, hashes, environment, design, and what got worse"
    parser = add_command(commands, "diff", summary, _EXAMPLES)
    side = "sound artifact hub (a folder, or a zip file of one), or training, reconstruction or comparison manifest"
    parser.add_argument("old", type=Path, metavar="OLD", help=side)
    parser.add_argument("new", type=Path, metavar="NEW", help=f"{side}; of the kind of OLD")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="FRACTION",
        help="relative difference beyond which a metric is worse (default: that of the rule, 0.02)",
    )
    add_output(parser, "difference")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.differences.difference import TOLERANCE, difference_of
    from ptyproof.differences.sides import read_sides
    from ptyproof.differences.text import lines_of

    tolerance = TOLERANCE if args.tolerance is None else args.tolerance
    found = difference_of(*read_sides(args.old, args.new), tolerance)
    write_record(args, found, lambda form: lines_of(found, form))
    return int(found["is_worse"])
