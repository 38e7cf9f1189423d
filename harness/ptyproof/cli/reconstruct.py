"""`ptyproof reconstruct`: Phase F, the reconstructions of a study with every method."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ptyproof.cli.job_phases import add_cells, add_dry_run, cells, opened, run
from ptyproof.cli.options import Commands, add_command, add_hub, add_jobs, add_quiet, chosen

if TYPE_CHECKING:
    from ptyproof.reconstruction.method import Budget

_EXAMPLES = """\
ptyproof reconstruct --phase-c-root c --phase-d-root d --artifact-root a
ptyproof reconstruct --phase-c-root c --phase-d-root d --artifact-root a --dose 1000 --method lsqml rpie --budget 20
ptyproof reconstruct --phase-c-root c --phase-d-root d --artifact-root a --method epie --budget 9s --format ptychodus"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "reconstruct every cell of a study with every method, and record every skip (Phase F)"
    parser = add_command(commands, "reconstruct", summary, _EXAMPLES)
    add_cells(
        parser,
        "folder for archives and the manifest, with the bundles that train wrote",
        view="views (default: all of the study)",
        split="halves, train or test (default: all of the study)",
        method="methods (default: all of the study)",
    )
    parser.add_argument(
        "--budget",
        metavar="EPOCHS|SECONDSs",
        help="budget of each iterative method: 20 epochs, or 30s for 30 seconds (default: epochs from the study)",
    )
    parser.add_argument(
        "--format",
        default="npz",
        metavar="npz|ptychodus",
        help="ptychodus also writes a product file (HDF5) for each archive (default: only archives)",
    )
    add_dry_run(parser, "list the reconstructions to run and the skips")
    parser.add_argument("--redo", action="store_true", help="reconstruct jobs again that an earlier call reconstructed")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of each job (default: 1)")
    add_jobs(parser)
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import INFERENCE, require

    if args.format == "ptychodus":
        require("ptyproof reconstruct --format ptychodus", (*INFERENCE, "h5py"))
    require("ptyproof reconstruct", INFERENCE)
    from ptyproof.errors import InputError
    from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
    from ptyproof.phases.f_reconstruct.reconstruct import FORMATS, ReconstructionPhase
    from ptyproof.training.device import RunOptions

    if args.format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, got {args.format!r}")
    budget = None if args.budget is None else _budget(args.budget)
    options = RunOptions(accelerator="cpu", threads=args.threads)
    filters = ReconstructionFilters(cells(args), chosen(args.split), chosen(args.method))
    phase = opened(ReconstructionPhase, args, options, args.redo, budget=budget, form=args.format)
    return run(phase, filters, args)


def _budget(text: str) -> Budget:
    """Return a budget from its text: a whole number of epochs, or a number of seconds followed by s."""
    from ptyproof.errors import InputError
    from ptyproof.reconstruction.method import Budget

    try:
        return Budget(seconds=float(text[:-1])) if text.endswith("s") else Budget(epochs=int(text))
    except ValueError as error:
        raise InputError(
            f"--budget must be a whole number of epochs (20) or a time in seconds (30s), got {text!r}"
        ) from error
    except InputError as error:
        raise InputError(f"--budget {text}: {error}") from error
