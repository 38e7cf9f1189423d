"""`ptyproof generate`: Phase C, the simulated datasets of a study."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.options import Commands, add_command, add_doses, add_hub, add_quiet, chosen, console

_EXAMPLES = """\
ptyproof generate --base-npz builtin --output-root c
ptyproof generate --base-npz builtin --output-root c --study fly64-smoke --dose 1000 10000
ptyproof generate --base-npz base.npz --output-root c --study fly001"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "simulate the datasets of a study for each dose, split into train and test (Phase C)"
    parser = add_command(commands, "generate", summary, _EXAMPLES)
    parser.add_argument(
        "--base-npz",
        required=True,
        metavar="FILE|builtin",
        help="object, probe and positions for the simulation: a DATA-001 file, or the built-in base of the study",
    )
    parser.add_argument("--output-root", type=Path, required=True, metavar="DIR", help="folder for the datasets")
    parser.add_argument("--study", default="fly64", metavar="NAME|FILE.toml", help="study (default: %(default)s)")
    add_doses(parser)
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.phases.base import load_base
    from ptyproof.phases.c_simulate.generate import generate
    from ptyproof.study.layout import RUN_MANIFEST
    from ptyproof.study.toml_form import load_study

    said = console(args)
    design = load_study(args.study)
    base = load_base(design, args.base_npz)
    for change in base.changes:
        said.say(f"{base.name}: changed on reading: {change}")
    generate(design, base, args.output_root, chosen(args.dose), said, chosen(args.replicate))
    said.say(f"manifest: {args.output_root / RUN_MANIFEST}")
    return 0
