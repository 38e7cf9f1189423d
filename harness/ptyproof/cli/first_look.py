"""`ptyproof import --sheet` and `--try-orientations`: a first look at what was imported."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ptyproof.errors import DataError, InputError

if TYPE_CHECKING:
    from ptyproof.io.dataset import Dataset


def check_looks(args: argparse.Namespace) -> None:
    """Refuse looks that cannot be taken, before anything is read.

    Raises
    ------
    InputError
        If packages are missing, or the picture's folder does not exist.
    """
    from ptyproof.extras import INFERENCE, require

    if args.sheet is not None:
        require("ptyproof import --sheet", (*INFERENCE, "matplotlib"))
        if args.sheet.is_dir() or not args.sheet.parent.is_dir():
            raise InputError(f"--sheet must be a file in an existing folder, got {args.sheet}")
    if args.try_orientations:
        require("ptyproof import --try-orientations", INFERENCE)


def refuse_without_patterns(args: argparse.Namespace, dataset: Dataset) -> None:
    """Refuse to look at a dataset without patterns.

    Raises
    ------
    DataError
        If a look was asked for, and there are none.
    """
    if dataset.diffraction is None and (args.sheet is not None or args.try_orientations):
        option = "--try-orientations" if args.sheet is None else "--sheet"
        raise DataError(args.file, f"becomes a base without patterns, and {option} looks at patterns")


def look(args: argparse.Namespace, dataset: Dataset) -> None:
    """Take the looks that options ask for; lines say what they show."""
    if args.try_orientations:
        _try_orientations(args, dataset)
    if args.sheet is not None:
        from ptyproof.assessment.contact_sheet import draw_contact_sheet

        draw_contact_sheet(args.sheet, dataset, args.file.name)
        sys.stdout.write(f"{args.sheet}: contact sheet\n")


def _try_orientations(args: argparse.Namespace, dataset: Dataset) -> None:
    from ptyproof.assessment.quick_look import tried_orientations, undecided
    from ptyproof.physics.orientation import composed

    # without a reader nothing was turned
    has = "as-is" if args.reader is None else args.orient_positions
    trials = tried_orientations(dataset, 0.0 if args.reader is None else args.rotate_positions)
    named = {trial.orientation: composed(has, trial.orientation) for trial in trials}
    listed = ", ".join(f"{named[trial.orientation]} {trial.r_factor:.3f}" for trial in trials)
    sys.stdout.write(f"{args.file.name}: R-factors of quick estimates by --orient-positions: {listed}\n")
    close = [named[name] for name in undecided(trials)]
    if close == [has]:
        answer = f"{has} fits best"
    elif len(close) == 1:
        answer = f"{close[0]} fits better than {has}: consider --orient-positions {close[0]}; nothing was changed"
    else:
        answer = f"{', '.join(close)} cannot be told apart; nothing was changed"
    sys.stdout.write(f"{args.file.name}: orientation: {answer}\n")
