"""Trainings that are repeated for a certificate, in quick processes, and a study that trains within a second."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

from ptyproof.certificate import repeat_process as certify_process
from ptyproof.certificate.repeat_training import Launch

SHORT_STUDY = """\
name = "short"
pattern_size_px = 32
doses_photons_per_pattern = [1000.0]
base = {scan_rows = 20, scan_cols = 8, step_px = 4.0, jitter_px = 0.75, probe_diameter_px = 10.0}
views = [{name = "baseline", gridsize = 1, selection = "all"}]

[training]
max_epochs = 2
steps_per_epoch = 2
network = {channels = 8, n_blocks = 1, start_iterations = 2}
"""


def forked(disturb: dict[int, Any] | None = None) -> Launch:
    """A launch in processes that fork from this one, in some hundredths of the seconds that a fresh one takes.

    `disturb` has, for the number of a training, what is done in its process before it trains.
    """

    def launch(order: Path, number: int) -> int:
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_carry_out, args=(order, (disturb or {}).get(number)))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    return launch


def _carry_out(order: Path, disturb: Any) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if disturb is not None:
        disturb()
    os._exit(certify_process.main(order, ends_with_parent=False))  # a fork has no standard input of its parent
