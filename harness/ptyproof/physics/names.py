"""Names of the built-in objects and probes, for those who check a name and build none: no numpy, no scipy."""

from __future__ import annotations

OBJECT_NAMES = ("grains", "siemens")
IMAGE_NAMES = ("camera", "brick")  # objects from images that scikit-image has in its wheel
PROBE_NAMES = ("zone_plate", "soft_aperture")
