"""Names of built-in objects and probes, and of orientations, for those who only check a name: no numpy, no scipy."""

from __future__ import annotations

OBJECT_NAMES = ("grains", "siemens")
IMAGE_NAMES = ("camera", "brick")  # objects from images that scikit-image has in its wheel
PROBE_NAMES = ("zone_plate", "soft_aperture")
ORIENTATIONS = (
    "as-is", "flip-rows", "flip-cols", "rotate-180", "transpose", "rotate-90", "rotate-270", "transpose-180"
)  # fmt: skip
