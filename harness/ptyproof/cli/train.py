"""`ptyproof train`: Phase E, the trainings of a study."""

from __future__ import annotations

import argparse

from ptyproof.cli.job_phases import add_cells, add_dry_run, cells, opened, run
from ptyproof.cli.options import Commands, add_command, add_hub, add_jobs, add_quiet, console

_EXAMPLES = """\
ptyproof train --phase-c-root c --phase-d-root d --artifact-root a
ptyproof train --phase-c-root c --phase-d-root d --artifact-root a --dose 1000 --view baseline --accelerator cpu
ptyproof train --phase-c-root c --phase-d-root d --artifact-root a --max-epochs 2 --dry-run"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "train every job of a study, and record every skip (Phase E)"
    parser = add_command(commands, "train", summary, _EXAMPLES)
    add_cells(parser, "folder for bundles, logs and the manifest", view="views (default: all)")
    add_dry_run(parser, "list the jobs to train and the skips")
    parser.add_argument("--retrain", action="store_true", help="train jobs again that an earlier call trained")
    _add_run_options(parser)
    add_jobs(parser)
    add_hub(parser)
    add_quiet(parser)
    parser.set_defaults(run=_run, trains=True)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("trainings")
    group.add_argument(
        "--accelerator", default="auto", metavar="cpu|gpu|auto", help="auto uses a GPU if there is one (default)"
    )
    group.add_argument(
        "--deterministic",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="use only deterministic algorithms, so the same command gives the same bundles (default: yes)",
    )
    group.add_argument(
        "--num-workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that load data (default: 0, in the job's process)",
    )
    group.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of each job (default: 1)")
    group.add_argument(
        "--logger", default="csv", metavar="csv|none", help="write the losses of each epoch as metrics.csv (default)"
    )
    group.add_argument("--max-epochs", type=int, metavar="N", help="epochs of each training (default: from the study)")


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import TRAINING, require

    require("ptyproof train", TRAINING)
    from ptyproof.phases.e_train.train import TrainingPhase
    from ptyproof.study import checks
    from ptyproof.training.device import RunOptions

    if args.max_epochs is not None:
        checks.integer("--max-epochs", args.max_epochs, 1, 10**6)
    here = args.executor == "local"
    options = RunOptions(args.accelerator, args.deterministic, args.num_workers, args.logger, args.threads, here)
    phase = opened(TrainingPhase, args, options, args.retrain, max_epochs=args.max_epochs)
    status = run(phase, cells(args), args)
    if not args.dry_run:
        console(args).say(f"skips: {phase.ledger.skip_summary_path}")
    return status
