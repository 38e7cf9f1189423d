"""Study designs as TOML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from ptyproof.errors import DesignError
from ptyproof.io.toml import read_toml
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict

_COMMENTS = {
    "pattern_size_px": "N: patterns are N x N pixels",
    "doses_photons_per_pattern": "photons per pattern, mean over the scan",
    "neighbor_count": "K >= gridsize^2: members of a group are drawn from the K nearest positions",
    "min_acceptance_rate": "a spacing view that keeps a smaller fraction of the positions is rejected",
    "illumination_fraction": "of the probe's peak intensity; the split counts probe pixels at or below it as dark",
    "ms_ssim_sigma": "pixels",
    "frc_threshold": "FRC level that defines the resolution",
    "replicates": "of each dose: other noise, groups and weights",
    "replicate_objects": "another draw of the built-in object for each replicate",
    "object": "name of the test object of the view",
    "trained_as": "views with the same name here share one training",
    "trained_at": "dose of the training, photons per pattern",
    "reference": "window: f of N; probe: f of the probe's diameter D, as Phase D measures it",
    "align": "full: results are compared without shift, ramp and factor; phase: without their phase alone",
    "step_px": "step of the raster scan",
    "jitter_px": "uniform in [-jitter_px, jitter_px] along each axis",
    "probe_diameter_px": "nominal",
    "overlap_fraction": "f: positions are at least (1 - f) N apart, or (1 - f) D for the reference probe",
    "steps_per_epoch": "optimizer steps in an epoch, for any number of positions",
    "patterns_per_step": "at least one group",
    "learning_rate": "peak learning rate of AdamW",
    "gradient_clip": "maximum norm of the gradient of a step",
    "validation_fraction": "fraction of the train half's positions: the rows farthest along y",
    "shown_fraction": "of the photons, by binomial thinning: the network sees these, the loss is of the others",
    "restraint": "weight of the penalty on corrections of the object",
    "rate_floor": "photons per pixel, added to the expected counts in the likelihood",
    "channels": "a multiple of 8",
    "shrink": "side of a coarse pixel of the network, in pixels; divides N",
    "step_projections": "of the initial estimate in a training step; a reconstruction has start_iterations",
    "start_iterations": "error-reduction projections of the initial estimate",
    "splits": "halves to reconstruct",
    "probe_knowledge": "true: the dataset's probe, fixed; estimated: refined from a probe that is not the truth",
    "probe_defocus_rad": "defocus of that probe, for simulations: phase at the Nyquist frequency of an axis",
    "batch_size": "patterns in one update of iterative methods",
    "epochs": "passes over all patterns",
    "gap_rows": "[first, number] of rows that measure nothing",
    "gap_cols": "[first, number] of columns that measure nothing",
    "dead_pixel_fraction": "of the pixels, drawn at random",
    "saturation_counts": "largest count that a pixel records",
    "saturation_of_peak": "the largest count, as a fraction of the largest expected one",
    "background_counts": "counts in every pixel",
    "background_fraction": "of the mean of a pixel at the dose",
    "psf_sigma_px": "Gaussian blur of the detector, pixels",
    "mode_powers": "falling; the first is the probe",
    "coherence_length_px": "pixels of the object, at which the degree of coherence is exp(-1/2)",
    "fly_scan_blur_px": "way along the columns during an exposure, pixels",
    "intensity_error": "relative standard deviation from pattern to pattern",
    "position_error_px": "standard deviation of the given positions along each axis, pixels",
    "experiment": "name of the experiment whose test half the view has",
    "tells": "what methods are told: mask, modes, background, psf, intensity, saturation, positions",
    "s_img": "fraction of the positions to draw",
}
_MAX_BYTES = 1 << 18


def load_study(name_or_file: str) -> StudyDesign:
    """Return a built-in study by its name, or the study in a TOML file (anything with a `.toml` ending or a slash).

    Raises
    ------
    DesignError
        If the name is unknown or the design impossible.
    DataError
        If the file cannot be read or is not TOML.
    """
    path = Path(name_or_file)
    if name_or_file in STUDY_NAMES or not (path.suffix == ".toml" or "/" in name_or_file):
        return builtin_study(name_or_file)
    table = read_toml(path, _MAX_BYTES)
    try:
        return design_from_dict(table)
    except DesignError as error:
        raise DesignError(f"{path}: {error}") from error


def study_to_toml(design: StudyDesign) -> str:
    """Return a design as commented TOML text; reading it gives an equal design."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment(
            f"Study {design.name}: edit this file and pass it with --study FILE.toml (pytest: --ptyproof-study)"
        )
    )
    for key, value in design.as_dict().items():
        if key in ("views", "experiments") and isinstance(value, list):
            tables = tomlkit.aot()
            for table in value:
                tables.append(_table(table))
            document.add(key, tables)
        else:
            document.add(key, _table(value) if isinstance(value, dict) else _commented(key, value))
    return tomlkit.dumps(document)


def _table(values: dict[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, _table(value) if isinstance(value, dict) else _commented(key, value))
    return table


def _commented(key: str, value: Any) -> Any:
    item = tomlkit.item(value)
    if key in _COMMENTS:
        item.comment(_COMMENTS[key])
    return item
