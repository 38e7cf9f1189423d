"""The metrics of a reconstruction against the truth: each a value with unit and direction, or no value and the reason.

The only input besides the result is the truth. The comparison hands it in; no method gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from ptyproof.metrics.definitions import Direction, metric_definitions
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics import similarity
from ptyproof.physics.align import Aligned, Crop, align, illumination_crop, soft_window
from ptyproof.physics.frc import NYQUIST, RingCorrelation, crossing, last_crossing, ring_correlation
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.slow_phase import rms_in, slow_phase

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import MetricValue as MetricValueRecord

_MIN_FRC_SIDE_PX = 16
# An image whose range is within rounding of float32 has no structure to speak of.
_FLAT = 1e-5
_PERFECT_DB = 240.0  # what rounding of double precision leaves
_NEVER_BELOW = "never below the threshold up to the Nyquist frequency: at least this good"
_ABOVE_AT_NYQUIST = "above the threshold at the Nyquist frequency: at least this good"

Image = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MetricValue:
    """A metric of one reconstruction.

    Attributes
    ----------
    metric
        Its name.
    value
        None where it is not defined; `reason` says why, and is None otherwise.
    unit, direction
        As in `MetricDefinition`.
    note
        A remark on the value; None without a remark.
    data_range, sigma_px, n_scales
        Where the metric uses them: the truth's range in the metric's image, the width of the windows, the number of
        scales.
    """

    metric: str
    value: float | None
    unit: str
    direction: Direction
    reason: str | None = None
    note: str | None = None
    data_range: float | None = None
    sigma_px: float | None = None
    n_scales: int | None = None

    def as_dict(self) -> MetricValueRecord:
        """Return the metric for a manifest: JSON values only."""
        return cast("MetricValueRecord", dict(vars(self)))  # fields and keys have the same names


@dataclass(frozen=True, eq=False)
class Scored:
    """Metrics of a result against the truth, and the ring correlations that belong to them, by image."""

    metrics: tuple[MetricValue, ...]
    curves: Mapping[str, RingCorrelation] = field(default_factory=dict)


def metric_value(
    recipe: Recipe, metric: str, value: float | None, reason: str | None = None, **details: Any
) -> MetricValue:
    """Return a metric by its name; one without a value has to have a reason."""
    assert (value is None) == (reason is not None)
    definition = metric_definitions(recipe)[metric]
    return MetricValue(metric, value, definition.unit, definition.direction, reason, **details)


def metric_value_from_dict(record: Mapping[str, Any]) -> MetricValue:
    """Return the metric that a manifest's record describes."""
    return MetricValue(**record)


def undefined(recipe: Recipe, metrics: Iterable[str], reason: str) -> list[MetricValue]:
    """Return metrics without a value, for one reason."""
    return [metric_value(recipe, metric, None, reason) for metric in metrics]


def phase_images(aligned: Aligned) -> tuple[Image, Image]:
    """Return the phases (h, w) of result and truth in rad: no wraps between them.

    The truth's phase is unwrapped around that of its mean over the crop and counted from its smallest value there, so
    it reaches from 0 to the data range as an image does. The result's is the one of its values that lies within pi of
    the truth's, so a difference of both is the phase of R conj(T). Where a result is zero it has the phase of the
    truth's mean, like a constant.
    """
    unit = _unit_mean(aligned)
    truth = np.angle(aligned.truth * np.conj(unit))
    truth -= truth[aligned.mask].min()
    filled = np.where(aligned.result == 0, unit, aligned.result)
    return truth + np.angle(filled * np.conj(aligned.truth)), truth


def _unit_mean(aligned: Aligned) -> complex:
    """Return the unit factor with the phase of the truth's mean."""
    mean = complex(aligned.truth[aligned.mask].mean())
    return mean / abs(mean) if abs(mean) > 0 else 1.0 + 0.0j


def score(aligned: Aligned, recipe: Recipe) -> Scored:
    """Return every metric of an aligned result that needs the truth.

    Parameters
    ----------
    aligned
        Result and truth in the crop.
    recipe
        Windows and thresholds.
    """
    phases = phase_images(aligned)
    amplitudes = np.abs(aligned.result), np.abs(aligned.truth)
    metrics = [metric_value(recipe, "complex_nrmse", _error(recipe, aligned.result, aligned))]
    if not recipe.is_first:
        metrics += _parts_of_error(recipe, aligned)
    curves: dict[str, RingCorrelation] = {}
    for image, (result, truth) in (("phase", phases), ("amplitude", amplitudes)):
        data_range = _range(truth, aligned.mask, image)
        metrics += _pixelwise(recipe, image, result, truth, aligned.mask)
        metrics += _resolutions(recipe, image, (result, truth), aligned.mask, data_range is None, curves)
        metrics += _similarities(recipe, image, result, truth, aligned.mask, data_range)
    if not recipe.is_first:
        metrics.append(_own_scale(recipe, amplitudes, aligned.mask))
    flat = bool(np.ptp(np.abs(aligned.truth - aligned.truth[aligned.mask].mean())[aligned.mask]) <= _FLAT)
    metrics += _resolutions(recipe, "complex", (aligned.result, aligned.truth), aligned.mask, flat, curves)
    order = {metric: number for number, metric in enumerate(metric_definitions(recipe))}
    return Scored(tuple(sorted(metrics, key=lambda found: order[found.metric])), curves)


def aligned_by(
    recipe: Recipe,
    result: npt.NDArray[np.complexfloating],
    truth: npt.NDArray[np.complexfloating],
    crop: Crop,
    components: npt.NDArray[np.integer] | None = None,
) -> Aligned:
    """Return a result that was brought onto the truth as a recipe says.

    Parameters are those of `ptyproof.physics.align.align`: result and truth (M, M') complex, components (M, M').

    Raises
    ------
    InputError
        If shapes differ, numbers are not finite, or the truth is zero in the crop.
    """
    return align(
        result,
        truth,
        crop,
        components=components,
        max_shift_px=recipe.max_shift_px,
        edge_px=recipe.edge_px,
        phase_only=recipe.align == "phase",
    )


def _error(recipe: Recipe, result: npt.NDArray[np.complexfloating], aligned: Aligned) -> float:
    """Return the relative error of a result, (h, w) complex, after its factor where the recipe removes one."""
    if recipe.align == "full":
        return scaled_error(result, aligned.truth, aligned.mask.astype(np.float64)).nrmse
    truth = aligned.truth[aligned.mask]
    return float(np.linalg.norm(result[aligned.mask] - truth) / np.linalg.norm(truth))


def _parts_of_error(recipe: Recipe, aligned: Aligned) -> list[MetricValue]:
    """Return the error before the alignment, the slow part of the phase error, and the error without that part."""
    filled = np.where(aligned.result == 0, _unit_mean(aligned), aligned.result)
    slow = slow_phase(filled, aligned.truth, aligned.mask, recipe.slow_sigma_px)
    return [
        metric_value(recipe, "complex_nrmse_unaligned", aligned.unaligned_error),
        metric_value(recipe, "phase_slow_rms", rms_in(slow, aligned.mask)),
        metric_value(recipe, "complex_nrmse_fast", _error(recipe, aligned.result * np.exp(-1j * slow), aligned)),
    ]


def _own_scale(recipe: Recipe, amplitudes: tuple[Image, Image], mask: npt.NDArray[np.bool_]) -> MetricValue:
    """Return the error of the amplitude after a real factor of its own, which phase errors do not make smaller."""
    result, truth = amplitudes
    factor = scaled_error(result, truth, mask.astype(np.float64)).scale.real
    error = similarity.mean_absolute_error(factor * result, truth, mask)
    return metric_value(recipe, "amplitude_mae_own_scale", error)


def _pixelwise(
    recipe: Recipe, image: str, result: Image, truth: Image, mask: npt.NDArray[np.bool_]
) -> list[MetricValue]:
    return [
        metric_value(recipe, f"{image}_mae", similarity.mean_absolute_error(result, truth, mask)),
        metric_value(recipe, f"{image}_mse", similarity.mean_squared_error(result, truth, mask)),
    ]


def _similarities(
    recipe: Recipe, image: str, result: Image, truth: Image, mask: npt.NDArray[np.bool_], data_range: float | None
) -> list[MetricValue]:
    names = [f"{image}_{name}" for name in ("psnr", "ssim", "ms_ssim")]
    if data_range is None:
        return undefined(recipe, names, f"the truth's {image} is constant in the crop, so it has no range")
    psnr = similarity.psnr_db(result, truth, mask, data_range)
    perfect = "infinite: the result equals the truth" if psnr > _PERFECT_DB else None
    value = None if perfect else psnr
    found = [metric_value(recipe, names[0], value, perfect, data_range=data_range)]
    for name, sigma in zip(names[1:], (recipe.ssim_sigma_px, recipe.ms_ssim_sigma_px), strict=True):
        n_scales = similarity.n_scales_for(mask, sigma)
        details: dict[str, Any] = {"data_range": data_range, "sigma_px": sigma}
        if n_scales == 0:
            size = f"{mask.shape[0]} x {mask.shape[1]} px"
            reason = f"no window of sigma {sigma:g} px fits into the crop of {size}"
            found.append(metric_value(recipe, name, None, reason, **details))
        elif name.endswith("ms_ssim"):
            value = similarity.ms_ssim(result, truth, mask, data_range, sigma, n_scales)
            found.append(metric_value(recipe, name, value, **details, n_scales=n_scales))
        else:
            found.append(metric_value(recipe, name, similarity.ssim(result, truth, mask, data_range, sigma), **details))
    return found


def _resolutions(
    recipe: Recipe,
    image: str,
    pair: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    mask: npt.NDArray[np.bool_],
    flat_truth: bool,
    curves: dict[str, RingCorrelation],
) -> list[MetricValue]:
    units = ("px", "nyquist") if recipe.is_first else ("px", "nyquist", "fine_nyquist", "last_nyquist")
    names = [f"{image}_{name}_{unit}" for name in recipe.thresholds for unit in units]
    names.append(f"{image}_frc_mean")
    if flat_truth:
        subject = "truth" if image == "complex" else f"truth's {image}"
        return undefined(recipe, names, f"the {subject} is constant in the crop, so it correlates with nothing")
    if min(mask.shape) < _MIN_FRC_SIDE_PX:
        size = f"{mask.shape[0]} x {mask.shape[1]} px"
        return undefined(recipe, names, f"the crop of {size} is smaller than {_MIN_FRC_SIDE_PX} px, too few rings")
    curve = curves[image] = ring_correlation(*pair, soft_window(mask, recipe.edge_px))
    return resolution_metrics(recipe, image, curve)


def resolution_metrics(recipe: Recipe, image: str, curve: RingCorrelation) -> list[MetricValue]:
    """Return where a ring correlation falls below each threshold (px, and fraction of Nyquist), and its mean."""
    found = []
    for name, threshold in recipe.thresholds.items():
        level = curve.threshold(**threshold)
        frequency = crossing(curve, level)
        reason = None
        if frequency == 0:
            coarsest = 1 / float(curve.frequency[0])
            reason = f"nothing is resolved: below the threshold at {coarsest:.3g} px, the coarsest ring, already"
        note = _NEVER_BELOW if frequency == NYQUIST else None if recipe.is_first else reason
        px = None if frequency == 0 else 1 / frequency
        found.append(metric_value(recipe, f"{image}_{name}_px", px, reason, note=None if px is None else note))
        found.append(metric_value(recipe, f"{image}_{name}_nyquist", frequency / NYQUIST, note=note))
        if not recipe.is_first:
            found += _further_crossings(recipe, f"{image}_{name}", curve, level)
    return [*found, metric_value(recipe, f"{image}_frc_mean", float(curve.correlation.mean()))]


def _further_crossings(
    recipe: Recipe, prefix: str, curve: RingCorrelation, level: npt.NDArray[np.float64]
) -> list[MetricValue]:
    """Return the first crossing from the recipe's lowest frequency on, and the last crossing."""
    fine = crossing(curve, level, recipe.frc_lowest_nyquist * NYQUIST)
    last = last_crossing(curve, level)
    from_lowest = f"below the threshold already at {recipe.frc_lowest_nyquist:g} of the Nyquist frequency"
    notes = {
        "fine": {0.0: from_lowest, NYQUIST: _NEVER_BELOW},
        "last": {0.0: "below the threshold at every frequency", NYQUIST: _ABOVE_AT_NYQUIST},
    }
    return [
        metric_value(recipe, f"{prefix}_{which}_nyquist", value / NYQUIST, note=notes[which].get(value))
        for which, value in (("fine", fine), ("last", last))
    ]


def _range(truth: Image, mask: npt.NDArray[np.bool_], image: str) -> float | None:
    """The truth's range in the mask, or None if it is nothing but rounding."""
    values = truth[mask]
    data_range = float(np.ptp(values))
    unit = float(np.abs(values).max()) if image == "amplitude" else 1.0
    return data_range if data_range > _FLAT * unit else None


def compare_objects(
    result: npt.NDArray[np.complexfloating],
    truth: npt.NDArray[np.complexfloating],
    illumination: npt.NDArray[np.floating] | None = None,
    recipe: Recipe | None = None,
) -> dict[str, MetricValue]:
    """Return the metrics of one object against another by their names: registered, cropped and scored.

    Parameters
    ----------
    result, truth
        (M, M') complex, on one grid.
    illumination
        (M, M') not negative: what is lit less than the recipe's fraction of the brightest pixel is left out. None
        compares every pixel.
    recipe
        How; None is the usual way.

    Raises
    ------
    InputError
        If shapes differ, numbers are not finite, or the truth is zero.
    """
    recipe = recipe or Recipe()
    even = np.ones(truth.shape)
    crop = illumination_crop(even if illumination is None else illumination, recipe.crop_fraction)
    aligned = aligned_by(recipe, result, truth, crop)
    return {found.metric: found for found in score(aligned, recipe).metrics}
