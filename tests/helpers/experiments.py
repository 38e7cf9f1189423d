"""A study with two experiments that runs through all phases in seconds."""

from __future__ import annotations

from dataclasses import replace

from ptyproof.study.builtin import builtin_study
from ptyproof.study.experiment import BeamDesign, DetectorDesign, ExperimentDesign
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.study.views import AllPositions, View
from tests.helpers.known import known

_SMOKE = builtin_study("fly64-smoke")
_CLEAN = View("clean", 1, AllPositions())
_EXPERIMENTS = (
    ExperimentDesign("gap", DetectorDesign(gap_rows=((13, 2),))),
    ExperimentDesign("positions", beam=BeamDesign(position_error_px=0.5)),
)
DOSE = 1e4
FLAWED = replace(
    _SMOKE,
    name="experiments-tiny",
    doses_photons_per_pattern=(DOSE,),
    base=replace(known(_SMOKE.base), scan_rows=20, scan_cols=8),
    views=(
        _CLEAN,
        *(_CLEAN.of_experiment("gap", tells) for tells in (None, ())),
        *(_CLEAN.of_experiment("positions", tells) for tells in (("positions",), ())),
    ),
    tells=("mask", "modes"),
    experiments=_EXPERIMENTS,
    training=TrainingDesign(
        max_epochs=1, steps_per_epoch=1, network=NetworkDesign(channels=8, n_blocks=1, start_iterations=2)
    ),
    reconstruction=replace(
        _SMOKE.reconstruction,
        methods=(MethodDesign("flat"), MethodDesign("start"), MethodDesign("map"), MethodDesign("pinn")),
    ),
)
