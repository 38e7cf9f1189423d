"""What the metrics of a comparison are, whatever their values: names, units, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from ptyproof.metrics.protocol import Recipe, frc_name

Direction = Literal["lower", "higher"]
IMAGES = ("phase", "amplitude", "complex")
NO_UNIT = "1"


@dataclass(frozen=True)
class MetricDefinition:
    """What a metric is, whatever its value.

    `unit` is NO_UNIT for a number without one; `direction` says which way is better.
    """

    label: str
    unit: str
    direction: Direction


@cache
def metric_definitions(recipe: Recipe) -> dict[str, MetricDefinition]:
    """Return every metric of a comparison by its name, in the order of the tables."""
    found = {"complex_nrmse": MetricDefinition("complex NRMSE", NO_UNIT, "lower")}
    if not recipe.is_first:
        found |= {
            "complex_nrmse_unaligned": MetricDefinition("complex NRMSE unaligned", NO_UNIT, "lower"),
            "phase_slow_rms": MetricDefinition("slow phase RMS", "rad", "lower"),
            "complex_nrmse_fast": MetricDefinition("complex NRMSE without slow phase", NO_UNIT, "lower"),
        }
    for image, unit in (("phase", "rad"), ("amplitude", NO_UNIT), ("complex", None)):
        if unit is not None:
            squared = "rad^2" if unit == "rad" else unit
            found |= {
                f"{image}_mae": MetricDefinition(f"{image} MAE", unit, "lower"),
                f"{image}_mse": MetricDefinition(f"{image} MSE", squared, "lower"),
            }
        if image == "amplitude" and not recipe.is_first:
            found["amplitude_mae_own_scale"] = MetricDefinition("amplitude MAE, own scale", NO_UNIT, "lower")
        found |= _resolutions(recipe, image)
        if unit is not None:
            found |= {
                f"{image}_psnr": MetricDefinition(f"{image} PSNR", "dB", "higher"),
                f"{image}_ssim": MetricDefinition(f"{image} SSIM", NO_UNIT, "higher"),
                f"{image}_ms_ssim": MetricDefinition(f"{image} MS-SSIM", NO_UNIT, "higher"),
            }
    found |= {
        "r_factor": MetricDefinition("R-factor", NO_UNIT, "lower"),
        "poisson_deviance": MetricDefinition("Poisson deviance", "nats/px", "lower"),
        "time_s": MetricDefinition("time", "s", "lower"),
        **({} if recipe.is_first else _TIMES),
        "held_out_r_factor": MetricDefinition("held-out R-factor", NO_UNIT, "lower"),
        "held_out_poisson_deviance": MetricDefinition("held-out Poisson deviance", "nats/px", "lower"),
    }
    for image in IMAGES:
        found |= _resolutions(recipe, image, "half_scan_")
    return found


def _resolutions(recipe: Recipe, image: str, prefix: str = "") -> dict[str, MetricDefinition]:
    found = {}
    for name in recipe.thresholds:
        label = f"{prefix.replace('_', ' ')}{image} {_FRC_LABELS.get(name, name.upper())}"
        found[f"{prefix}{image}_{name}_px"] = MetricDefinition(f"{label} resolution", "px", "lower")
        found[f"{prefix}{image}_{name}_nyquist"] = MetricDefinition(f"{label} frequency", "Nyquist", "higher")
        if not recipe.is_first:
            fine = f"{label} frequency above {recipe.frc_lowest_nyquist:g} Nyquist"
            found[f"{prefix}{image}_{name}_fine_nyquist"] = MetricDefinition(fine, "Nyquist", "higher")
            last = MetricDefinition(f"{label} last frequency", "Nyquist", "higher")
            found[f"{prefix}{image}_{name}_last_nyquist"] = last
    found[f"{prefix}{image}_frc_mean"] = MetricDefinition(
        f"{prefix.replace('_', ' ')}{image} mean FRC", NO_UNIT, "higher"
    )
    return found


_TIMES = {
    "training_s": MetricDefinition("time of the training", "s", "lower"),
    "initial_estimate_s": MetricDefinition("time of the initial estimate", "s", "lower"),
    "reconstruction_s": MetricDefinition("time of the reconstruction", "s", "lower"),
    "settling_s": MetricDefinition("time to 1 % of the final loss", "s", "lower"),
}
TIME = "Time"
_FRC_LABELS = {"frc143": "FRC 1/7", "frc_1bit": "FRC 1 bit", "frc_halfbit": "FRC 1/2 bit"}


def headline(recipe: Recipe) -> tuple[str, ...]:
    """Return the metrics of the tables: errors and resolution first, as a flat image deceives similarities."""
    frc = frc_name(recipe.frc_level)
    names = (
        "complex_nrmse",
        "complex_nrmse_unaligned",
        "phase_slow_rms",
        "complex_nrmse_fast",
        "phase_mae",
        f"phase_{frc}_nyquist",
        f"phase_{frc}_fine_nyquist",
        f"phase_{frc}_last_nyquist",
        "phase_frc_mean",
        "phase_ssim",
        "phase_ms_ssim",
        "amplitude_mae",
        "amplitude_mae_own_scale",
        f"amplitude_{frc}_nyquist",
        "amplitude_frc_mean",
        "amplitude_ssim",
        "amplitude_ms_ssim",
        "r_factor",
        "poisson_deviance",
        *(("time_s",) if recipe.is_first else _TIMES),
    )
    return tuple(name for name in names if name in metric_definitions(recipe))


def family(metric: str) -> str:
    """Return the heading under which tables show a metric."""
    if metric.endswith("_s"):
        return TIME
    if "_frc" in metric:
        return "Ring correlation with the truth"
    return "Errors and similarity to the truth" if needs_truth(metric) else "Fit to the counts"


def of_comparison(recipe: Recipe) -> list[str]:
    """Return the metrics of one reconstruction of a whole half: all but those that need two half-scans."""
    return [metric for metric in metric_definitions(recipe) if not metric.startswith(("held_out_", "half_scan_"))]


def needs_truth(metric: str) -> bool:
    """Tell whether a metric compares with the truth."""
    return metric.partition("_")[0] in IMAGES
