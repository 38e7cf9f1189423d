"""What `ptyproof train` and `ptyproof reconstruct` share: the cells that are wanted, and the run of a phase of jobs."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ptyproof.cli.options import add_doses, chosen, console, executor, processes

if TYPE_CHECKING:
    from ptyproof.jobs.phase import JobPhase
    from ptyproof.records.cell_ledger import Filters
    from ptyproof.study.jobs import JobFilters
    from ptyproof.training.device import RunOptions

PhaseT = TypeVar("PhaseT", bound="JobPhase[Any]")


def add_cells(parser: argparse.ArgumentParser, artifacts: str, **names: str) -> None:
    """Add the folders of a phase and the options that choose cells.

    `artifacts` says what the artifact root is for, `names` what each option is about that chooses cells by a name.
    """
    for name, what in (("c", "folder that generate wrote"), ("d", "folder that overlap wrote")):
        parser.add_argument(f"--phase-{name}-root", type=Path, required=True, metavar="DIR", help=what)
    parser.add_argument("--artifact-root", type=Path, required=True, metavar="DIR", help=artifacts)
    parser.add_argument("--study", metavar="NAME|FILE.toml", help="study (default: the study that generate used)")
    add_doses(parser)
    for option, what in names.items():
        parser.add_argument(f"--{option}", nargs="+", action="extend", metavar="NAME", help=f"only these {what}")
    parser.add_argument(
        "--gridsize", type=int, nargs="+", action="extend", metavar="G", help="only these gridsizes (default: all)"
    )


def add_dry_run(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--allow-missing-phase-d`, and `--dry-run`, whose help is `what`."""
    parser.add_argument(
        "--allow-missing-phase-d",
        action="store_true",
        help="skip a view if its data are missing and Phase D did not record why, instead of stopping",
    )
    parser.add_argument("--dry-run", action="store_true", help=f"{what}; write nothing")


def cells(args: argparse.Namespace) -> JobFilters:
    """Return the doses, replicates, views and gridsizes that are wanted."""
    from ptyproof.study.jobs import JobFilters

    return JobFilters(chosen(args.dose), chosen(args.view), chosen(args.gridsize), chosen(args.replicate))


def opened(kind: type[PhaseT], args: argparse.Namespace, options: RunOptions, redo: bool, **how: Any) -> PhaseT:
    """Return the phase that the options ask for."""
    from ptyproof.jobs.ends import checked_retry
    from ptyproof.study.toml_form import load_study

    return kind.opened(
        args.phase_c_root,
        args.phase_d_root,
        args.artifact_root,
        options,
        None if args.study is None else load_study(args.study),
        processes=processes(args),
        retry=checked_retry(args.retry),
        redo=redo,
        **how,
    )


def run(phase: JobPhase[Any], filters: Filters, args: argparse.Namespace) -> int:
    """Run a phase, or say what a run would do; return the exit status."""
    said, words = console(args), phase.WORDS
    found = phase.enumerate(filters, args.allow_missing_phase_d)
    for line in found.lines(words.verb):
        said.say(line)
    if args.dry_run:
        for job in found.jobs:
            state = phase.state(job)
            said.say(f"would {words.verb} {job.key}" + ("" if state is None else f" ({state})"))
        said.say(f"dry run: nothing was {words.done} and nothing was written; this is not evidence")
        return 0
    with closing(executor(args)) as jobs:
        ended = phase.run(found, filters, args.allow_missing_phase_d, said, jobs)
    failed = [done for done in ended if done.status != "success"]
    said.say(
        f"{len(ended) - len(failed)} of {len(ended)} jobs {words.done}, {len(failed)} failed, {len(found.skipped)} "
        f"skipped: {phase.ledger.path}"
    )
    return 1 if failed else 0
