"""The names of metrics on the summary and on the report page, with their units."""

from __future__ import annotations

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
