"""Whether the manifests of a hub are of one study, which is possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.checking.model.document import Findings, finding_about
from ptyproof.errors import DesignError
from ptyproof.hub.layout import CERTIFICATE, COMPARISON, METRICS, OVERLAP, RECONSTRUCTION, RUN, TRAINING

# The first that is there is what the others are held against.
_OF_A_STUDY = (TRAINING, RUN, OVERLAP, RECONSTRUCTION, COMPARISON, METRICS, CERTIFICATE)


def check(manifests: Mapping[str, Mapping[str, Any]]) -> Findings:
    """Yield manifests of another study than the training manifest, or than Phase C's, and an impossible design."""
    present = [name for name in _OF_A_STUDY if name in manifests]
    impossible: dict[str, str | None] = {}
    for name in present:
        own, first = manifests[name], manifests[present[0]]
        for key in ("study", "design_digest"):
            if own[key] != first[key]:
                said = f"{short(own[key])} differs from {present[0]}, {short(first[key])}: one belongs to another hub"
                yield finding_about(name, "PM905", f"$.{key}", said)
        if "design" not in own:
            continue
        digest = own["design_digest"]
        if digest not in impossible:
            impossible[digest] = _impossible(own["design"])
        if impossible[digest] is not None:
            yield finding_about(name, "PM104", "$.design", f"the design is impossible: {impossible[digest]}")
    if {RUN, OVERLAP} <= manifests.keys():
        recipe, wanted = manifests[OVERLAP]["phase_c_recipe_digest"], manifests[RUN]["recipe_digest"]
        if recipe != wanted:
            said = f"{short(recipe)} differs from the recipe of {RUN}, {short(wanted)}: one belongs to another hub"
            yield finding_about(OVERLAP, "PM905", "$.phase_c_recipe_digest", said)


def _impossible(design: dict[str, object]) -> str | None:
    """Return why no study can have a design, or None."""
    # here, as it loads the built-in objects and probes
    from ptyproof.study.design import design_from_dict

    try:
        design_from_dict(design)
    except (DesignError, TypeError, ValueError, OverflowError) as error:
        return str(error)[:300]
    return None


def short(text: str) -> str:
    """Return a name, or the start of a digest."""
    return f"{text[:16]}..." if len(text) == 64 else text[:120]
