"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ptyproof.console import Console
from ptyproof.io.reading import CHOICES, Reading

if TYPE_CHECKING:
    from ptyproof.jobs.executor import Executor
    from ptyproof.jobs.executors import ExecutorChoice
    from ptyproof.jobs.process import JobProcesses

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any

T = TypeVar("T")


def add_command(commands: Commands, name: str, summary: str, examples: str) -> argparse.ArgumentParser:
    """Add a command with its one-line summary and its examples."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + "".join(f"  {line}\n" for line in examples.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument("--quiet", action="store_true", help="plain lines only, no progress bars")


def add_hub(parser: argparse.ArgumentParser) -> None:
    """Add `--artifact-hub`, which records the command as a run into a hub."""
    parser.add_argument(
        "--artifact-hub",
        type=Path,
        metavar="DIR",
        help="record this run in the artifact hub DIR: command line, log, environment, and the reason if it stops",
    )
    add_anonymous(parser)


def add_anonymous(parser: argparse.ArgumentParser) -> None:
    """Add `--anonymous`, of the commands that write evidence."""
    parser.add_argument(
        "--anonymous",
        action="store_true",
        help="replace the names of host, processor and GPU by marks that only this machine recognizes",
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add the options of jobs that run in separate processes."""
    group = parser.add_argument_group("jobs")
    group.add_argument(
        "--jobs",
        metavar="N|auto",
        help="jobs that run at once (default: auto, as many as the cores have threads for and as fit into memory)",
    )
    add_executor(group)
    group.add_argument(
        "--retry",
        action="append",
        default=[],
        metavar="failed",
        help="run failed jobs of earlier calls again; lost jobs, whose process died, always run again",
    )
    group.add_argument(
        "--job-timeout",
        type=float,
        metavar="SECONDS",
        help="end a job that runs longer, and record it as failed (default: no limit)",
    )
    group.add_argument(
        "--job-memory",
        metavar="BYTES",
        help="memory that a job may allocate on the CPU in addition to its libraries: 4G, 500M (default: no limit)",
    )
    group.add_argument(
        "--in-process",
        action="store_true",
        help="run jobs in this process, for a debugger (default: one process per job)",
    )


def add_executor(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the options that say where jobs run; `executor_choice` returns them."""
    parser.add_argument(
        "--executor",
        default="local",
        metavar="KIND",
        help="where jobs run: local (default, this machine), dask (the workers of a scheduler), slurm, pbs, lsf, sge, "
        "htcondor (allocations of a batch system), or an executor that another package registers",
    )
    parser.add_argument(
        "--executor-options",
        type=Path,
        metavar="FILE.toml",
        help="size, queue, limits and number of the allocations: see the documentation of jobs",
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="scheduler of --executor dask, such as tcp://login1:8786"
    )


def executor_choice(args: argparse.Namespace) -> ExecutorChoice:
    """Return the executor that the options of `add_executor` ask for, and `--jobs` where the command has it."""
    from ptyproof.jobs.executors import ExecutorChoice

    return ExecutorChoice(args.executor, args.executor_options, args.scheduler, getattr(args, "jobs", None))


def processes(args: argparse.Namespace) -> JobProcesses | None:
    """Return the limits of the jobs' processes; None if jobs run in this process, or for a dry run.

    Raises
    ------
    InputError
        If options of separate processes are combined with `--in-process`, or a number of bytes cannot be read.
    """
    from ptyproof.errors import InputError
    from ptyproof.jobs.process import JobProcesses, n_bytes

    limits = JobProcesses(args.job_timeout, None if args.job_memory is None else n_bytes(args.job_memory))
    if args.in_process:
        if limits != JobProcesses() or args.jobs is not None or args.executor != "local":
            raise InputError(
                "--jobs, --executor, --job-timeout and --job-memory need a process for each job; leave out --in-process"
            )
        return None
    return None if args.dry_run else limits


def executor(args: argparse.Namespace) -> Executor:
    """Open what runs the jobs.

    Raises
    ------
    InputError
        If it cannot be had, or one of its options is impossible.
    """
    from ptyproof.jobs.executors import opener

    limits = processes(args)
    return opener(executor_choice(args), None if limits is None else limits.memory_bytes, args.threads)()


def add_reading(parser: argparse.ArgumentParser, scan_order: str | None = None) -> None:
    """Add the options that resolve what a file of patterns leaves ambiguous; `reading` returns them."""
    group = parser.add_argument_group("options for ambiguous files")
    group.add_argument(
        "--values",
        choices=CHOICES["values"],
        help="meaning of the patterns' values; counts are intensity (default: whole numbers in diff3d or data are "
        "counts, fractions are amplitude, and other whole numbers are refused)",
    )
    group.add_argument(
        "--axis-order",
        choices=CHOICES["axis_order"],
        help="patterns are (n, H, W) or (H, W, n) (default: from positions and probe; refused if both fit)",
    )
    group.add_argument(
        "--zero-frequency",
        type=lambda text: "center" if text == "centre" else text,
        choices=CHOICES["zero_frequency"],
        default="auto",
        help="index of the patterns' zero frequency: center (H // 2, W // 2), corner (0, 0), top (0, W // 2), left "
        "(H // 2, 0); auto (default): the center for DATA-001, found from the patterns for other layouts, refused "
        "if the patterns show another place or no place",
    )
    group.add_argument(
        "--saturated",
        choices=CHOICES["saturated"],
        default="refuse",
        help="pixels at the largest value of their type, which detectors write for invalid pixels: refuse (default) or "
        "keep them as counts",
    )
    group.add_argument(
        "--scan-order",
        choices=CHOICES["scan_order"],
        default=scan_order,
        help="order of positions (n,) for patterns (ny, nx, H, W): row by row, nx fast, or column by column, ny fast "
        + ("(default: %(default)s)" if scan_order else "(default: such a file is refused)"),
    )


def reading(args: argparse.Namespace) -> Reading:
    """Return the values of the options of `add_reading`."""
    return Reading(args.axis_order, args.values, args.zero_frequency, args.saturated, args.scan_order)


def add_doses(parser: argparse.ArgumentParser) -> None:
    """Add `--dose` and `--replicate`, which can be given several times or with several values."""
    parser.add_argument(
        "--dose",
        type=dose,
        nargs="+",
        action="extend",
        metavar="PHOTONS",
        help="only these doses, photons per pattern (default: all doses of the study)",
    )
    parser.add_argument(
        "--replicate",
        type=int,
        nargs="+",
        action="extend",
        metavar="K",
        help="only these replicates of each dose, from 1 (default: all replicates of the study)",
    )


def dose(text: str) -> float:
    """Return a dose from its text; it must be a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"must be a number of photons per pattern > 0, got {text!r}")
    return value


def chosen(values: list[T] | None) -> tuple[T, ...] | None:
    """Return what an option chooses, None where it was not given."""
    return None if values is None else tuple(values)


def console(args: argparse.Namespace) -> Console:
    """Return the console for the options."""
    return Console.for_terminal(quiet=args.quiet)
