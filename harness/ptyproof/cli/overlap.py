"""`ptyproof overlap`: Phase D, the overlap views of a study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command, add_doses, add_hub, add_quiet, chosen, console
from ptyproof.errors import InputError

if TYPE_CHECKING:
    from ptyproof.study.views import View

_EXAMPLES = """\
ptyproof overlap --phase-c-root c --output-root d
ptyproof overlap --phase-c-root c --output-root d --dose 1000 --view dense
ptyproof overlap --phase-c-root c --output-root d --s-img 0.8 --n-groups 512 --gridsize 2"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "derive the overlap views of simulated datasets, and record views that the scan cannot provide (Phase D)"
    parser = add_command(commands, "overlap", summary, _EXAMPLES)
    parser.add_argument("--phase-c-root", type=Path, required=True, metavar="DIR", help="folder that generate wrote")
    parser.add_argument("--output-root", type=Path, required=True, metavar="DIR", help="folder for the views")
    parser.add_argument(
        "--artifact-root", type=Path, metavar="DIR", help="folder for the metrics (default: with the views)"
    )
    parser.add_argument(
        "--study", metavar="NAME|FILE.toml", help="study with the views (default: the study that generate used)"
    )
    add_doses(parser)
    parser.add_argument("--view", nargs="+", action="extend", metavar="NAME", help="only these views (default: all)")
    parser.add_argument(
        "--probe-diameter-px", type=float, metavar="PX", help="disc diameter (default: measured from the probe)"
    )
    sampling = parser.add_argument_group("sampling", "one view of random positions instead of the views of the study")
    sampling.add_argument(
        "--s-img", type=float, metavar="FRACTION", help="fraction of the positions to draw (default: 1)"
    )
    sampling.add_argument("--n-groups", type=int, metavar="N", help="number of position groups")
    sampling.add_argument("--gridsize", type=int, metavar="G", help="groups of G x G patterns (default: 2)")
    sampling.add_argument(
        "--neighbor-count",
        type=int,
        metavar="K",
        help="draw group members from the K nearest positions (default: from the study)",
    )
    sampling.add_argument(
        "--rng-seed-subsample", type=int, metavar="SEED", help="seed of the draw (default: from the study)"
    )
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.phases.d_overlap.overlap import OverlapOptions, overlap
    from ptyproof.study import checks
    from ptyproof.study.toml_form import load_study

    design = None if args.study is None else load_study(args.study)
    if args.probe_diameter_px is not None:
        checks.positive("--probe-diameter-px", args.probe_diameter_px, 1e4)
    if args.rng_seed_subsample is not None:
        checks.integer("--rng-seed-subsample", args.rng_seed_subsample, 0)
    options = OverlapOptions(
        doses=chosen(args.dose),
        views=chosen(args.view),
        replicates=chosen(args.replicate),
        sampling_view=_sampling_view(args),
        probe_diameter_px=args.probe_diameter_px,
        subsampling_seed=args.rng_seed_subsample,
    )
    overlap(args.phase_c_root, args.output_root, args.artifact_root, options, design, console(args))
    return 0


def _sampling_view(args: argparse.Namespace) -> View | None:
    from ptyproof.phases.d_overlap.overlap import sampling_view

    given = [name for name in ("s_img", "gridsize", "neighbor_count") if getattr(args, name) is not None]
    if args.n_groups is None:
        if given:
            option = "--" + given[0].replace("_", "-")
            raise InputError(f"{option} describes a sampling view and needs --n-groups N")
        return None
    if args.view is not None:
        raise InputError(f"--view selects views of the study and excludes --n-groups, got {args.view[0]!r}")
    s_img = 1.0 if args.s_img is None else args.s_img
    gridsize = 2 if args.gridsize is None else args.gridsize
    return sampling_view(gridsize, args.neighbor_count, s_img, args.n_groups)
