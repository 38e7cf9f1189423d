"""`ptyproof train`: Phase E, the trainings of a study."""

from __future__ import annotations

import argparse
from pathlib import Path

from ptyproof.cli.options import Commands, add_command, add_doses, add_hub, add_jobs, add_quiet, console, processes

_EXAMPLES = """\
ptyproof train --phase-c-root c --phase-d-root d --artifact-root a
ptyproof train --phase-c-root c --phase-d-root d --artifact-root a --dose 1000 --view baseline --accelerator cpu
ptyproof train --phase-c-root c --phase-d-root d --artifact-root a --max-epochs 2 --dry-run"""


def add_parser(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "train every job of a study, and record every skip (Phase E)"
    parser = add_command(commands, "train", summary, _EXAMPLES)
    for name, what in (("c", "folder that generate wrote"), ("d", "folder that overlap wrote")):
        parser.add_argument(f"--phase-{name}-root", type=Path, required=True, metavar="DIR", help=what)
    parser.add_argument(
        "--artifact-root", type=Path, required=True, metavar="DIR", help="folder for bundles, logs and the manifest"
    )
    parser.add_argument("--study", metavar="NAME|FILE.toml", help="study (default: the study that generate used)")
    add_doses(parser)
    parser.add_argument("--view", nargs="+", action="extend", metavar="NAME", help="only these views (default: all)")
    parser.add_argument(
        "--gridsize", type=int, nargs="+", action="extend", metavar="G", help="only these gridsizes (default: all)"
    )
    parser.add_argument(
        "--allow-missing-phase-d",
        action="store_true",
        help="skip a view if its data are missing and Phase D did not record why, instead of stopping",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the jobs to train and the skips; write nothing")
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
    group.add_argument("--threads", type=int, metavar="N", help="CPU threads of torch (default: chosen by torch)")
    group.add_argument(
        "--logger", default="csv", metavar="csv|none", help="write the losses of each epoch as metrics.csv (default)"
    )
    group.add_argument("--max-epochs", type=int, metavar="N", help="epochs of each training (default: from the study)")


def _run(args: argparse.Namespace) -> int:
    from ptyproof.extras import TRAINING, require

    require("ptyproof train", TRAINING)
    from ptyproof.jobs.ends import checked_retry
    from ptyproof.phases.e_train.train import describe_enumeration, open_phase, run_training
    from ptyproof.study import checks
    from ptyproof.study.jobs import JobFilters
    from ptyproof.study.toml_form import load_study
    from ptyproof.training.device import RunOptions

    said = console(args)
    if args.max_epochs is not None:
        checks.integer("--max-epochs", args.max_epochs, 1, 10**6)
    options = RunOptions(args.accelerator, args.deterministic, args.num_workers, args.logger, args.threads)
    filters = JobFilters(*(None if value is None else tuple(value) for value in (args.dose, args.view, args.gridsize)))
    design = None if args.study is None else load_study(args.study)
    phase = open_phase(
        args.phase_c_root,
        args.phase_d_root,
        args.artifact_root,
        options,
        design,
        max_epochs=args.max_epochs,
        retrain=args.retrain,
        processes=processes(args),
        retry=checked_retry(args.retry),
    )
    found = phase.enumerate(filters, args.allow_missing_phase_d)
    for line in describe_enumeration(found):
        said.say(line)
    if args.dry_run:
        for job in found.jobs:
            state = phase.state(job)
            said.say(f"would train {job.key}" + ("" if state is None else f" ({state})"))
        said.say("dry run: nothing was trained and nothing was written; this is not evidence")
        return 0
    ended = run_training(phase, found, filters, args.allow_missing_phase_d, said)
    failed = [done for done in ended if done.status != "success"]
    said.say(
        f"{len(ended) - len(failed)} of {len(ended)} jobs trained, {len(failed)} failed, {len(found.skipped)} skipped: "
        f"{phase.ledger.path}"
    )
    said.say(f"skips: {phase.ledger.skip_summary_path}")
    return 1 if failed else 0
