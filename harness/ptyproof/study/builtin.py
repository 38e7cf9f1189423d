"""The studies that come with ptyproof."""

from __future__ import annotations

from dataclasses import replace

from ptyproof.errors import DesignError
from ptyproof.io.knowledge import KNOWLEDGE, TELLS, UNCERTAIN_POSITIONS, Tell
from ptyproof.study.design import BaseDesign, StudyDesign
from ptyproof.study.experiment import BeamDesign, DetectorDesign, ExperimentDesign
from ptyproof.study.objects import ObjectDesign, ObjectsDesign
from ptyproof.study.reconstruction import MethodDesign, ReconstructionDesign
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.study.views import AllPositions, Spacing, View

DEFAULT_STUDY = "fly64"

_CANONICAL_VIEWS = (
    View("baseline", 1, AllPositions()),
    View("dense", 2, Spacing(0.7)),
    View("sparse", 2, Spacing(0.2)),
)

# 44 x 39 positions at 8 px: the split leaves out the rows whose windows cross the middle, so that about 700
# positions are in each half.
_FLY64 = StudyDesign(
    name="fly64",
    pattern_size_px=64,
    doses_photons_per_pattern=(1e3, 1e4, 1e5),
    views=_CANONICAL_VIEWS,
    base=BaseDesign(scan_rows=44, scan_cols=39, step_px=8.0, jitter_px=1.5, probe_diameter_px=20.0),
    training=TrainingDesign(step_projections=6),
)

_GROUPS = (
    View("single", 1, AllPositions()),
    View("groups4", 2, AllPositions()),
    View("groups16", 4, AllPositions(), neighbor_count=24),
)

# each flaw alone, of the size at which it is common, or at which it was seen to cost more than methods differ
_FLAWS = (
    ExperimentDesign("gap", DetectorDesign(gap_rows=((26, 3),))),
    ExperimentDesign("dead-pixels", DetectorDesign(dead_pixel_fraction=0.01)),
    ExperimentDesign("saturation", DetectorDesign(saturation_of_peak=0.5)),
    ExperimentDesign("background", DetectorDesign(background_fraction=0.05)),
    ExperimentDesign("psf-half", DetectorDesign(psf_sigma_px=0.5)),
    ExperimentDesign("psf-one", DetectorDesign(psf_sigma_px=1.0)),
    ExperimentDesign("second-mode", beam=BeamDesign(mode_powers=(0.85, 0.15))),
    ExperimentDesign("coherence", beam=BeamDesign(coherence_length_px=20.0)),
    ExperimentDesign("fly-scan", beam=BeamDesign(fly_scan_blur_px=4.0)),
    ExperimentDesign("intensity", beam=BeamDesign(intensity_error=0.1)),
    ExperimentDesign("positions", beam=BeamDesign(position_error_px=1.0)),
)
_CLEAN = View("clean", 1, AllPositions())


def _told_of(one: ExperimentDesign) -> tuple[Tell, ...] | None:
    """Return what a view of an experiment tells; None is what the study tells: all that the data know."""
    refined = one.beam is not None and one.beam.position_error_px is not None
    return (UNCERTAIN_POSITIONS,) if refined else None


_STUDIES = {
    design.name: design
    for design in (
        _FLY64,
        replace(
            _FLY64,
            name="fly64-smoke",
            pattern_size_px=32,
            base=BaseDesign(scan_rows=28, scan_cols=12, step_px=4.0, jitter_px=0.75, probe_diameter_px=10.0),
            # 6 projections instead of 20: this study shows that everything runs, not what a method can do
            training=TrainingDesign(
                max_epochs=4,
                steps_per_epoch=8,
                network=NetworkDesign(channels=16, n_blocks=1, start_iterations=6),
            ),
            reconstruction=ReconstructionDesign(
                methods=(
                    MethodDesign("flat"),
                    MethodDesign("start"),
                    MethodDesign("pinn"),
                    MethodDesign("lsqml", 10),
                    MethodDesign("pinn+lsqml", 2),
                    MethodDesign("foundation"),
                )
            ),
        ),
        replace(
            _FLY64,
            name="fly64-groups",
            views=_GROUPS,
        ),
        replace(
            _FLY64,
            name="fly64-overlap",
            min_acceptance_rate=0.05,
            views=tuple(
                View(f"overlap{percent}", 2, Spacing(percent / 100, reference="probe"))
                for percent in (80, 60, 40, 20, 0)
            ),
        ),
        replace(
            _FLY64,
            name="fly64-unseen",
            # the last view takes the network of groups16 at 1e4 to all doses
            views=(*_GROUPS, replace(_GROUPS[-1], name="groups16-from-1e4", trained_as="groups16", trained_at=1e4)),
            objects=ObjectsDesign(
                train=(ObjectDesign("grains"),),
                test=(ObjectDesign("camera"), ObjectDesign("brick"), ObjectDesign("siemens")),
            ),
        ),
        replace(
            _FLY64,
            name="fly64-real",
            # all flaws at once, each of them mild
            detector=DetectorDesign(
                gap_rows=((26, 2),),
                dead_pixel_fraction=0.002,
                saturation_of_peak=0.8,
                background_fraction=0.01,
                psf_sigma_px=0.4,
            ),
            beam=BeamDesign(
                mode_powers=(0.92, 0.08),
                coherence_length_px=100.0,
                fly_scan_blur_px=0.5,
                intensity_error=0.02,
                position_error_px=0.25,
            ),
            tells=TELLS,
        ),
        replace(
            _FLY64,
            name="fly64-flaws",
            doses_photons_per_pattern=(1e4,),
            views=(_CLEAN, *(_CLEAN.of_experiment(one.name, tells) for one in _FLAWS for tells in (_told_of(one), ()))),
            tells=KNOWLEDGE,
            experiments=_FLAWS,
            reconstruction=ReconstructionDesign(
                methods=(
                    MethodDesign("start"),
                    MethodDesign("map-tv"),
                    MethodDesign("lsqml", 100),
                    MethodDesign("start+lsqml", 40),
                    MethodDesign("pinn"),
                )
            ),
        ),
        replace(_FLY64, name="fly001", pattern_size_px=128, base=None),
    )
}

STUDY_NAMES = tuple(_STUDIES)


def builtin_study(name: str) -> StudyDesign:
    """Return a built-in study.

    Raises
    ------
    DesignError
        If there is no study of that name; the message lists the built-in studies.
    """
    try:
        return _STUDIES[name]
    except KeyError:
        known = ", ".join(STUDY_NAMES)
        raise DesignError(f"there is no built-in study {name!r}; choose one of {known}, or a TOML file") from None
