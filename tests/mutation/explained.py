"""Mutations that no check can find from a manifest and the files that it names, by what they change, and why.

Each is a statement that stands in the manifest alone: nothing beside it could contradict it.
"""

from __future__ import annotations

import re

_FACTS = (
    (r"environment(\.|$)", "machine and versions are recorded nowhere else"),
    (r"\.tool(\.|$)", "which program wrote the file is recorded nowhere else"),
    (r"\.schema_version$", "another minor version whose schema the file obeys, too"),
    (r"\.calls\[\*\]\.(id|allow_missing_phase_d|timestamp|filters)", "what a call asked for is recorded nowhere else"),
    (r"\.arrays_sha256$", "a digest of arrays takes reading every archive in full; `ptyproof validate` does"),
    (r"\.(max_count|photons_per_pattern_expected)$", "only the patterns tell it"),
    (r"\.scores(\.|$)", "only scoring the network again tells it"),
    (r"\.(base|split)(\.|$)", "only the base file tells it, which is not named"),
    (r"\.resumed_from_epoch$", "where a training went on from is recorded nowhere else"),
    (r"\.(timestamp|started|finished)$", "another time that is in order with all others"),
    (r"\.study$|\.design(\.|$)|design_digest$", "a name of the study that nothing beside the file has"),
    (r"\.(reason|error)$", "the words of a sentence for people"),
    (r"\.recipe_digest$|phase_c_recipe_digest$", "a digest of a recipe that is recorded in this file alone"),
)
_KEYS = {
    **dict.fromkeys(("python", "system", "machine", "numpy", "scipy", "torch", "lightning", "safetensors"), 0),
    **dict.fromkeys(("cpu", "cpu_capability", "threads", "device", "deterministic", "num_workers"), 0),
    **dict.fromkeys(("name", "version"), 1),
    "schema_version": 2,
    **dict.fromkeys(("id", "allow_missing_phase_d"), 3),
    "arrays_sha256": 4,
    **dict.fromkeys(("max_count", "photons_per_pattern_expected"), 5),
    **dict.fromkeys(("start", "network", "improvement"), 6),
    **dict.fromkeys(("line_px", "illuminated_rows_px", "object_shape_px"), 7),
    "resumed_from_epoch": 8,
    **dict.fromkeys(("timestamp", "started", "finished"), 9),
    **dict.fromkeys(("reason", "error"), 11),
    "recipe_digest": 12,
}


def explanation(place: str) -> str | None:
    """Return why a change at this place need not be found, or None."""
    found = re.fullmatch(r"in the line of (\w+)", place)
    if found is not None:
        return _FACTS[_KEYS[found[1]]][1] if found[1] in _KEYS else None
    return next((reason for pattern, reason in _FACTS if re.search(pattern, place)), None)
