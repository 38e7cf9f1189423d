"""The options of pty-chi that belong to a scan and to the options of a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ptyproof.reconstruction.method import BlindScan
from ptyproof.reconstruction.ptychi_inputs import Patterns

BATCHINGS = ("compact", "random", "uniform")
INTENSITIES = ("given", "estimated")
CORRECTIONS = ("gradient", "cross_correlation")
_STEP_WITH_BLUR = 5 / 3
_BATCH_OF_SCAN = 10  # an update sees no more than a tenth of the scan: its patterns overlap little


def opr_modes_of(settings: Mapping[str, Any]) -> int:
    """Return how many orthogonal modes of relaxation (OPR) stand beside the probe.

    Intensities that are estimated need one: pty-chi weighs the probe of a pattern where there are several modes alone.
    """
    n_modes: int = settings["opr_modes"]
    return max(n_modes, int(_estimates_intensity(settings)))


def options_of(
    api: Any,
    kind: str,
    settings: Mapping[str, Any],
    dataset: BlindScan,
    patterns: Patterns,
    n_modes: int,
    seed: int,
) -> Any:
    """Return the options of a task of the class `kind` of pty-chi's `api`.

    Parameters
    ----------
    settings
        Values of the method's options, by name.
    dataset, patterns
        The scan, and its patterns as pty-chi is given them.
    n_modes
        Of the probe.
    seed
        Of pty-chi's random numbers.
    """
    options = getattr(api, kind)()
    reconstructor = options.reconstructor_options
    reconstructor.default_device = api.Devices.CPU
    estimated = dataset.probe_knowledge == "estimated"
    prefix = "refining_" if estimated and "refining_batching" in settings else ""
    batching = settings[f"{prefix}batching"]
    reconstructor.batch_size = _batch_size(settings[f"{prefix}n_batches"], dataset)
    reconstructor.batching_mode = api.BatchingModes[batching.upper()]
    reconstructor.random_seed = seed
    reconstructor.displayed_loss_function = api.LossFunctions.MSE_SQRT
    reconstructor.allow_nondeterministic_algorithms = False
    options.data_options.fft_shift = False
    options.object_options.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    options.object_options.position_origin_coords = (np.array(dataset.window) - 1) / 2
    if batching == "compact" and "momentum" in settings:
        reconstructor.momentum_acceleration_gain = settings["momentum"]
    if "alpha" in settings:
        options.object_options.alpha = settings["alpha"]
    if kind == "EPIEOptions":
        options.probe_options.alpha = settings["alpha"]
    _adapt_step(options, kind, n_modes, dataset.told.psf_sigma_px is not None)
    if patterns.by_pattern:
        reconstructor.exclude_measured_pixels_below = 0.0
    if opr_modes_of(settings):
        _vary_probe(options.opr_mode_weight_options, settings)
    if dataset.position_knowledge == "estimated":
        _correct_positions(api, options.probe_position_options, settings)
    masked = patterns.by_pattern or patterns.valid is not None
    if kind == "LSQMLOptions" and (masked or not estimated):  # it would count the light of pixels without a measurement
        reconstructor.rescale_probe_intensity_in_first_epoch = False
    if not estimated:
        options.probe_options.optimizable = False
        options.object_options.remove_object_probe_ambiguity.enabled = False
        options.probe_options.orthogonalize_incoherent_modes.enabled = False
    return options


def _batch_size(n_batches: int, dataset: BlindScan) -> int:
    if n_batches:
        return max(1, -(-len(dataset) // n_batches))
    return max(1, min(dataset.batch_size, len(dataset) // _BATCH_OF_SCAN))


def _adapt_step(options: Any, kind: str, n_modes: int, is_blurred: bool) -> None:
    of_object = options.object_options
    of_object.build_preconditioner_with_all_modes = n_modes > 1
    if kind == "LSQMLOptions":
        if n_modes > 1:  # the best step of all modes, which pty-chi divides by their number
            options.reconstructor_options.solve_step_sizes_only_using_first_probe_mode = False
            of_object.optimal_step_size_scaler *= n_modes
        if is_blurred:  # a blurred gradient of fine detail is small
            of_object.optimal_step_size_scaler *= _STEP_WITH_BLUR


def _vary_probe(weights: Any, settings: Mapping[str, Any]) -> None:
    weights.optimize_eigenmode_weights = settings["opr_modes"] > 0
    weights.optimize_intensity_variation = _estimates_intensity(settings)
    weights.optimizable = True


def _correct_positions(api: Any, positions: Any, settings: Mapping[str, Any]) -> None:
    positions.optimizable = True
    positions.optimizer = api.Optimizers.SGD
    positions.step_size = settings["position_step"]
    positions.optimization_plan.start = settings["position_start"]
    correction = positions.correction_options
    correction.correction_type = api.PositionCorrectionTypes[settings["position_correction"].upper()]
    correction.update_magnitude_limit = settings["position_limit_px"]


def _estimates_intensity(settings: Mapping[str, Any]) -> bool:
    return settings.get("intensity") == "estimated"
