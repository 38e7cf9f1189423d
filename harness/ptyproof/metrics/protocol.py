"""How results are compared, as data: the recipe of the metrics, and the protocol hash that a table may hold only once.

Numbers that were found in different ways must not stand in one table. What a number depends on besides the result
itself is its protocol; two rows may share a table if the sha256 of their protocols is the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from ptyproof.errors import InputError
from ptyproof.io.hashing import sha256_json
from ptyproof.io.knowledge import Tell
from ptyproof.study.design import ALIGNMENTS, Align, StudyDesign
from ptyproof.study.reconstruction import ProbeKnowledge, Split

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import MethodSettings, ProtocolParts
    from ptyproof_schemas.types.comparison_manifest import ProtocolPartsAlignment as AlignmentParts
    from ptyproof_schemas.types.comparison_manifest import Recipe as RecipeRecord

RECIPE_VERSION = "2"
_SINCE_2 = ("align", "slow_sigma_px", "frc_lowest_nyquist")
LARGEST_CHANGE = 0.02  # by the last fifth of the epochs, of an iterative method that has converged
# Signal-to-noise ratios of 1 and 1/2 bit: those of `ptyproof.physics.frc`, without its imports, for who reads tables.
ONE_BIT, HALF_BIT = 0.5, (math.sqrt(2) - 1) / 2
# Name of a threshold: a level of the correlation, or the signal-to-noise ratio of one.
FIXED_THRESHOLDS = {"frc143": {"level": 1 / 7}, "frc_1bit": {"snr": ONE_BIT}, "frc_halfbit": {"snr": HALF_BIT}}


@dataclass(frozen=True)
class Recipe:
    """What the metrics of a comparison depend on; part of every protocol.

    Parameters
    ----------
    crop_fraction
        A pixel is compared if its illumination is at least this fraction of the largest.
    max_shift_px
        Largest shift that the registration looks for.
    edge_px
        Width of the soft edges of the window in which images are correlated.
    ssim_sigma_px, ms_ssim_sigma_px
        Width of the Gaussian windows.
    frc_level
        Level of the ring correlation at which the first resolution is read.
    rate_floor
        Photons per pixel added to expected counts in the likelihood.
    version
        Which metrics there are, and how they are defined. Version 1 has neither the parts of errors nor further
        crossings nor the parts of times, and none of the next three fields.
    align
        What is removed before results are compared: `full` is shift, phase ramp, complex factor and phases; `phase` is
        one phase for each connected component of the scan alone.
    slow_sigma_px
        Standard deviation of the Gaussian that divides phase errors into a slow and a fast part.
    frc_lowest_nyquist
        Rings below this fraction of the Nyquist frequency do not count for the `fine` crossings.
    """

    crop_fraction: float = 0.05
    max_shift_px: float = 8.0
    edge_px: float = 8.0
    ssim_sigma_px: float = 1.5
    ms_ssim_sigma_px: float = 1.0
    frc_level: float = 0.5
    rate_floor: float = 1e-3
    version: str = RECIPE_VERSION
    align: Align = "full"
    slow_sigma_px: float = 8.0
    frc_lowest_nyquist: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.crop_fraction <= 1:
            raise InputError(f"--crop-fraction must be in (0, 1], got {self.crop_fraction:g}")
        if self.align not in ALIGNMENTS:
            raise InputError(f"align must be {' or '.join(ALIGNMENTS)}, got {self.align!r}")

    @property
    def is_first(self) -> bool:
        """Whether this is a recipe of version 1."""
        return self.version == "1"

    @property
    def thresholds(self) -> dict[str, dict[str, float]]:
        """Thresholds of the ring correlation by name, the study's own level first."""
        own = {frc_name(self.frc_level): {"level": self.frc_level}}
        return own | FIXED_THRESHOLDS

    def as_dict(self) -> RecipeRecord:
        """Return the recipe as JSON values."""
        left_out = _SINCE_2 if self.is_first else ()
        record = {key: value for key, value in asdict(self).items() if key not in left_out}
        return cast("RecipeRecord", record)  # fields and keys have the same names


def recipe_of(design: StudyDesign, crop_fraction: float | None = None, align: Align | None = None) -> Recipe:
    """Return the recipe of a study: its windows, level, floor and alignment.

    None takes the recipe's own fraction, and the study's alignment.
    """
    return Recipe(
        crop_fraction=Recipe.crop_fraction if crop_fraction is None else crop_fraction,
        ms_ssim_sigma_px=design.ms_ssim_sigma,
        frc_level=design.frc_threshold,
        rate_floor=design.training.rate_floor,
        align=design.align if align is None else align,
    )


def frc_name(level: float) -> str:
    """Return the name of a level of the ring correlation: `frc50`, `frc12.5`."""
    return f"frc{100 * level:g}"


def protocol(
    recipe: Recipe,
    split: Split,
    probe: ProbeKnowledge,
    timing_scope: str,
    methods: Mapping[str, MethodSettings] | None = None,
    tells: Sequence[Tell] = (),
) -> ProtocolParts:
    """Return what a comparison's numbers depend on besides the result, part by part.

    Parameters
    ----------
    recipe
        Of the metrics.
    split
        Half of the scan: train or test.
    probe
        What the method knew of the probe: true or estimated.
    timing_scope
        What its seconds count.
    methods
        Options and budget of each method; None in records of comparisons that did not say so.
    tells
        What methods are told; the part is left out where that is nothing.
    """
    parts: ProtocolParts = {
        "version": recipe.version,
        "split": split,
        "crop": {"illumination_at_least": recipe.crop_fraction, "of": "its maximum, with the dataset's probe"},
        "alignment": _alignment(recipe),
        "data_range": "range of the truth in the crop",
        "windows": {"ssim_sigma_px": recipe.ssim_sigma_px, "ms_ssim_sigma_px": recipe.ms_ssim_sigma_px},
        "thresholds": recipe.thresholds,
        "rate_floor": recipe.rate_floor,
        "probe": probe,
        "timing_scope": timing_scope,
    }
    if not recipe.is_first:
        parts["slow_sigma_px"] = recipe.slow_sigma_px
        parts["frc_lowest_nyquist"] = recipe.frc_lowest_nyquist
    if tells:
        parts["tells"] = list(tells)
    return parts if methods is None else {**parts, "methods": dict(methods)}


def describe_settings(settings: Mapping[str, Any]) -> str:
    """Return budget and options of a method as people read them: `100 epochs; batching compact, momentum 0.5`."""
    budget = settings["budget"]
    spent = []
    if budget["epochs"] is not None:
        spent.append(f"{budget['epochs']} {'epoch' if budget['epochs'] == 1 else 'epochs'}")
    if budget["seconds"] is not None:
        spent.append(f"{budget['seconds']:g} s")
    tuning = settings.get("tuning", {})
    options = [f"{name} {_shown(value)}" for name, value in sorted(settings["options"].items()) if name not in tuning]
    options += [f"{name} chosen of {', '.join(map(_shown, values))}" for name, values in sorted(tuning.items())]
    parts = [" or ".join(spent) or "no iterations", ", ".join(options)]
    return "; ".join(part for part in parts if part)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _alignment(recipe: Recipe) -> AlignmentParts:
    if recipe.align == "phase":
        return {
            "shift": "left in",
            "max_shift_px": 0.0,
            "edge_px": recipe.edge_px,
            "ramp": "left in",
            "scale": "left in",
            "phase": "one for each connected component of the scan",
        }
    return {
        "shift": "upsampled cross-correlation of the complex images",
        "max_shift_px": recipe.max_shift_px,
        "edge_px": recipe.edge_px,
        "ramp": "largest Fourier component of result x conj(truth)",
        "scale": "one complex factor, least squares",
        "phase": "one for each part of the scan",
    }


def protocol_sha256(parts: Mapping[str, Any]) -> str:
    """Return the hash of a protocol; an option is the same number whether JSON wrote it as 1 or as 1.0."""
    return sha256_json({key: _with_integers(part) if key == "methods" else part for key, part in parts.items()})


def _with_integers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_integers(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def one_protocol(protocols: Sequence[ProtocolParts]) -> ProtocolParts:
    """Return the protocol that all rows of a table have.

    Raises
    ------
    InputError
        If there is no protocol or more than one: the message names the parts that differ, with their values.
    """
    if not protocols:
        raise InputError("a table needs one row or more with a protocol, got none")
    first = protocols[0]
    for other in protocols[1:]:
        differing = difference(first, other)
        if differing:
            raise InputError(f"rows of different protocols cannot stand in one table: {'; '.join(differing)}")
    return first


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return the parts in which two protocols differ, each with both values: `probe is 'true' and 'estimated'`."""
    lines = []
    for key in sorted({*first, *second}):
        one, two = first.get(key), second.get(key)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            lines += [f"{key}.{line}" for line in difference(one, two)]
        elif one != two:
            lines.append(f"{key} is {one!r} and {two!r}")
    return lines
