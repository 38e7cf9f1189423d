"""`ptyproof table`: one table of methods over the replicates in several hubs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_table import ComparisonTable

_EXAMPLES = """\
ptyproof table hubs/replicate1 hubs/replicate2 hubs/replicate3 --against map-tv
ptyproof table hub --metric complex_nrmse phase_frc_mean --dose 1000 10000 --view groups16
ptyproof table hubs/* --against map-tv --output table.md
ptyproof table hubs/* --against map-tv --output table.json    # the schema comparison_table 1

exit status: 0 the table was made; 2 wrong usage, a hub that is not sound, or hubs that cannot share a table"""
_FORMATS = {".md": "markdown", ".json": "json"}


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "compare methods over the replicates in one hub or several: median, range, ahead, level or behind"
    parser = add_command(commands, "table", summary, _EXAMPLES)
    parser.add_argument(
        "hubs", nargs="+", type=Path, metavar="HUB", help="sound artifact hub; each hub holds one replicate or more"
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
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "json"),
        help="default: as --output ends (.md, .json), otherwise text",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table to a file")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.tables.choice import USUAL_METRICS, Choice
    from ptyproof.tables.hubs import read_hubs
    from ptyproof.tables.table import table_of

    choice = Choice(tuple(args.metric or USUAL_METRICS), args.dose, args.view, args.method, args.against)
    table = table_of(read_hubs(args.hubs), choice)
    form = args.format or _FORMATS.get("" if args.output is None else args.output.suffix, "text")
    _write(table, form, args.output)
    return 0


def _write(table: ComparisonTable, form: str, output: Path | None) -> None:
    from ptyproof.io.atomic import write_text
    from ptyproof.io.strict_json import format_json
    from ptyproof.records.manifest import write_manifest
    from ptyproof.tables.text import lines_of

    if form == "json" and output is not None:
        write_manifest(output, table)
        return
    text = (
        format_json(table)
        if form == "json"
        else "".join(f"{line}\n" for line in lines_of(table, "markdown" if form == "markdown" else "text"))
    )
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
