"""`ptyproof compare`: Phase G, every method of a study against the truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.options import Commands, add_command, add_hub, add_quiet, console
from ptyproof.study.design import ALIGNMENTS

_EXAMPLES = """\
ptyproof compare --artifact-root a
ptyproof compare --artifact-root a --phase-c-root c --phase-d-root d --out comparison
ptyproof compare --artifact-root a --out wide --crop-fraction 0.01
ptyproof compare --artifact-root a --out unaligned --align phase"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "register every reconstruction to the truth and compare its metrics (Phase G)"
    parser = add_command(commands, "compare", summary, _EXAMPLES)
    parser.add_argument(
        "--artifact-root", type=Path, required=True, metavar="DIR", help="folder that reconstruct wrote"
    )
    for name, what in (("c", "generate"), ("d", "overlap")):
        parser.add_argument(
            f"--phase-{name}-root",
            type=Path,
            metavar="DIR",
            help=f"folder that {what} wrote (default: as recorded by reconstruct)",
        )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for manifest, tables and figures (default: the artifact root)"
    )
    parser.add_argument(
        "--crop-fraction",
        type=float,
        metavar="F",
        help="compare pixels whose illumination is at least this fraction of the maximum (default: 0.05)",
    )
    parser.add_argument(
        "--align",
        choices=ALIGNMENTS,
        help="remove shift, phase ramp, complex factor and phases before results are compared, or the phases alone "
        "(default: as the study has it: full)",
    )
    parser.add_argument("--no-figures", action="store_true", help="write only tables")
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import missing, needs
    from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
    from ptyproof.phases.g_compare.tables import describe_comparison

    said = console(args)
    phase = open_comparison(
        args.artifact_root,
        args.out,
        phase_c_root=args.phase_c_root,
        phase_d_root=args.phase_d_root,
        crop_fraction=args.crop_fraction,
        align=args.align,
        figures=not args.no_figures,
    )
    if not (phase.figures or args.no_figures):
        said.say(f"only tables: {needs('drawing figures', missing(('matplotlib',)))}")
    manifest = run_comparison(phase, said)
    said.say(describe_comparison(manifest))
    said.say(f"tables: {phase.out / manifest['files']['tables']['path']}")
    said.say(f"manifest: {phase.path}")
    account = manifest["account"]
    return 1 if account["n_failed"] or account["n_lost"] or not account["n_success"] else 0
