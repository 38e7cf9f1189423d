"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.console import Console

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any


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
        help="record this run in the artifact hub DIR: command line, log, environment, and, if it cannot go on, why",
    )
    add_anonymous(parser)


def add_anonymous(parser: argparse.ArgumentParser) -> None:
    """Add `--anonymous`, of the commands that write evidence."""
    parser.add_argument(
        "--anonymous",
        action="store_true",
        help="write marks in place of the names of host, processor and GPU, which only this machine can tell apart",
    )


def add_doses(parser: argparse.ArgumentParser) -> None:
    """Add `--dose`, which can be given several times or with several values."""
    parser.add_argument(
        "--dose",
        type=dose,
        nargs="+",
        action="extend",
        metavar="PHOTONS",
        help="only these doses, photons per pattern (default: all of the study)",
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


def console(args: argparse.Namespace) -> Console:
    """Return the console that the options ask for."""
    return Console.for_terminal(quiet=args.quiet)
