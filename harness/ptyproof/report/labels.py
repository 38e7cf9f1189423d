"""The names of metrics on the summary and on the report page, with their units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

LOWER = "lower is better"
HELD_OUT = {
    "poisson_loss": ("Poisson loss of the object", "nats per pixel"),
    "complex_error": ("complex error of the object", "no unit"),
    "patch_poisson_loss": ("Poisson loss of single patches", "nats per pixel"),
    "patch_complex_error": ("complex error of single patches", "no unit"),
}
OVERLAPS = {
    "metric_1_group_based_avg": ("overlap within groups (metric 1)", "fraction"),
    "metric_2_image_based_avg": ("overlap of patterns (metric 2)", "fraction"),
    "metric_3_group_to_group_avg": ("overlap between groups (metric 3)", "fraction"),
}


def probe_overlap(half: Mapping[str, Any]) -> float | None:
    """Return the linear overlap of the probe in a half of a view: 1 - d / D.

    d is the median distance to the nearest kept position and D the diameter of the probe, which Phase D records. It is
    negative where neighbors do not overlap; None where one of the two is not recorded.
    """
    distance = (half.get("spacing_after_selection") or {}).get("median_px")
    diameter = (half.get("overlap") or {}).get("probe_diameter_px")
    return None if distance is None or diameter is None else float(1 - distance / diameter)


def objects_of(design: Mapping[str, Any], view: Mapping[str, Any]) -> str | None:
    """Return what a view of a study is trained on and tested on; None where both are the study's own halves.

    Objects are named by their kind, and by their name where it differs.
    """
    objects = design.get("objects")
    if objects is None:
        experiment = view.get("experiment")
        trained = view.get("trained_as", view.get("name"))
        return None if experiment is None else f"trained as {trained}, tested on the experiment {experiment}"
    kinds = {_name(made): made["kind"] for made in objects["test"]}
    tested = view["object"]
    test = tested if kinds[tested] == tested else f"{tested} ({kinds[tested]})"
    at = "" if "trained_at" not in view else f" at {view['trained_at']:g} photons per pattern"
    return f"trained on {', '.join(dict.fromkeys(made['kind'] for made in objects['train']))}{at}, tested on {test}"


def _name(made: Mapping[str, Any]) -> str:
    return str(made.get("name") or (PurePosixPath(made["path"]).stem if "path" in made else made["kind"]))
