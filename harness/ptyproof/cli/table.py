"""`ptyproof table`: one table of methods over the replicates in several hubs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.options import Commands, add_command
from ptyproof.cli.output import add_output, write_record

_EXAMPLES = """\
ptyproof table hubs/replicate1 hubs/replicate2 hubs/replicate3 --against map-tv
ptyproof table hub --metric complex_nrmse phase_frc_mean --dose 1000 10000 --view groups16
ptyproof table hubs/* --against map-tv --output table.md
ptyproof table hubs/* --against map-tv --output table.json    # the schema comparison_table 1

exit status: 0 the table was made; 2 wrong usage, a hub that is not sound, or hubs that cannot share a table"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "compare methods over the replicates in one hub or several: median, range, ahead, level or behind"
    parser = add_command(commands, "table", summary, _EXAMPLES)
    parser.add_argument(
        "hubs",
        nargs="+",
        type=Path,
        metavar="HUB",
        help="sound artifact hub, a folder or a zip file; each holds one replicate or more",
    )
    parser.add_argument(
        "--against",
        metavar="METHOD",
        help="say for each other method whether it is ahead of this one, level, or behind",
    )
    parser.add_argument(
        "--metric",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="metrics (default: complex_nrmse phase_ssim phase_mae amplitude_mae)",
    )
    parser.add_argument("--dose", nargs="+", type=float, action="extend", metavar="PHOTONS", help="only these doses")
    parser.add_argument("--view", nargs="+", action="extend", metavar="NAME", help="only these views")
    parser.add_argument("--method", nargs="+", action="extend", metavar="NAME", help="only these methods")
    add_output(parser, "table")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.tables.choice import USUAL_METRICS, Choice
    from ptyproof.tables.hubs import read_hubs
    from ptyproof.tables.table import table_of
    from ptyproof.tables.text import lines_of

    choice = Choice(tuple(args.metric or USUAL_METRICS), args.dose, args.view, args.method, args.against)
    table = table_of(read_hubs(args.hubs), choice)
    write_record(args, table, lambda form: lines_of(table, form))
    return 0
