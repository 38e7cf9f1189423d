"""`ptyproof study`: list the built-in studies, print one as TOML."""

from __future__ import annotations

import argparse
import sys

from ptyproof.cli.options import Commands, add_command

_EXAMPLES = """\
ptyproof study list
ptyproof study show fly64 > my-study.toml
ptyproof study show my-study.toml     # checks the file and prints it in full"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "study", "list the built-in studies, or print one as TOML", _EXAMPLES)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print a study as TOML")
    show.add_argument("study", metavar="NAME|FILE.toml", help="name of a built-in study, or a TOML file")
    show.set_defaults(run=_show)
    listing = actions.add_parser("list", help="list the built-in studies")
    listing.set_defaults(run=_list)


def _show(args: argparse.Namespace) -> int:
    from ptyproof.study.toml_form import load_study, study_to_toml

    sys.stdout.write(study_to_toml(load_study(args.study)))
    return 0


def _list(args: argparse.Namespace) -> int:
    from ptyproof.study.builtin import STUDY_NAMES, builtin_study

    for name in STUDY_NAMES:
        design = builtin_study(name)
        doses = ", ".join(f"{dose:g}" for dose in design.doses_photons_per_pattern)
        views = ", ".join(f"{view.name} (gridsize {view.gridsize})" for view in design.views)
        base = "built-in base" if design.base else "needs --base-npz FILE"
        sys.stdout.write(
            f"{name}: N = {design.pattern_size_px} px; doses {doses} photons per pattern; {views}; {base}\n"
        )
    return 0
