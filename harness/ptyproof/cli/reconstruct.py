"""`ptyproof reconstruct`: Phase F, the reconstructions of a study with every method."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.cli.options import Commands, add_command, add_doses, add_hub, add_jobs, add_quiet, console, processes

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
    for name, what in (("c", "folder that generate wrote"), ("d", "folder that overlap wrote")):
        parser.add_argument(f"--phase-{name}-root", type=Path, required=True, metavar="DIR", help=what)
    parser.add_argument(
        "--artifact-root",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for archives and the manifest, with the bundles that train wrote",
    )
    parser.add_argument("--study", metavar="NAME|FILE.toml", help="study (default: the study that generate used)")
    add_doses(parser)
    for option, what in (("view", "views"), ("split", "halves, train or test"), ("method", "methods")):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            action="extend",
            metavar="NAME",
            help=f"only these {what} (default: all of the study)",
        )
    parser.add_argument(
        "--gridsize", type=int, nargs="+", action="extend", metavar="G", help="only these gridsizes (default: all)"
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
    parser.add_argument(
        "--allow-missing-phase-d",
        action="store_true",
        help="skip a view if its data are missing and Phase D did not record why, instead of stopping",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list the reconstructions to run and the skips; write nothing"
    )
    parser.add_argument("--redo", action="store_true", help="reconstruct jobs again that an earlier call reconstructed")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of torch (default: chosen by torch)")
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
    from ptyproof.jobs.ends import checked_retry
    from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
    from ptyproof.phases.f_reconstruct.reconstruct import FORMATS
    from ptyproof.phases.f_reconstruct.study_run import describe_enumeration, open_phase, run_reconstructions
    from ptyproof.study.jobs import JobFilters
    from ptyproof.study.toml_form import load_study
    from ptyproof.training.device import RunOptions

    said = console(args)
    if args.format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, got {args.format!r}")
    budget = None if args.budget is None else _budget(args.budget)
    cells = JobFilters(*(None if value is None else tuple(value) for value in (args.dose, args.view, args.gridsize)))
    filters = ReconstructionFilters(
        cells, *(None if value is None else tuple(value) for value in (args.split, args.method))
    )
    phase = open_phase(
        args.phase_c_root,
        args.phase_d_root,
        args.artifact_root,
        RunOptions(accelerator="cpu", threads=args.threads),
        None if args.study is None else load_study(args.study),
        budget=budget,
        form=args.format,
        redo=args.redo,
        processes=processes(args),
        retry=checked_retry(args.retry),
    )
    found = phase.enumerate(filters, args.allow_missing_phase_d)
    for line in describe_enumeration(found):
        said.say(line)
    if args.dry_run:
        for job in found.jobs:
            state = phase.state(job)
            said.say(f"would reconstruct {job.key}" + ("" if state is None else f" ({state})"))
        said.say("dry run: nothing was reconstructed and nothing was written; this is not evidence")
        return 0
    ended = run_reconstructions(phase, found, filters, args.allow_missing_phase_d, said)
    failed = [done for done in ended if done.status != "success"]
    said.say(
        f"{len(ended) - len(failed)} of {len(ended)} jobs reconstructed, {len(failed)} failed, {len(found.skipped)} "
        f"skipped: {phase.ledger.path}"
    )
    return 1 if failed else 0


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
