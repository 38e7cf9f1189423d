"""The studies of a hub's manifests: each has its design's digest, and all are of one study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.errors import DesignError
from ptyproof.evidence.hub_layout import OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.evidence.verify.problem import Problem, Problems, short
from ptyproof.study.design import design_from_dict


def study_problems(manifests: Mapping[str, Any]) -> Problems:
    """Yield manifests that belong to another study than the training manifest, or than Phase C's."""
    present = [name for name in (TRAINING, RUN, OVERLAP, RECONSTRUCTION) if name in manifests]
    for name in present:
        own, first = manifests[name], manifests[present[0]]
        for key in ("study", "design_digest"):
            if own[key] != first[key]:
                sentence = f"{short(own[key])} is not that of {present[0]}, {short(first[key])}: one is of another hub"
                yield Problem(name, f"$.{key}", sentence)
        yield from design_problems(name, own)
    if {RUN, OVERLAP} <= manifests.keys():
        recipe, wanted = manifests[OVERLAP]["phase_c_recipe_digest"], manifests[RUN]["recipe_digest"]
        if recipe != wanted:
            sentence = f"{short(recipe)} is not the recipe of {RUN}, {short(wanted)}: one is of another hub"
            yield Problem(OVERLAP, "$.phase_c_recipe_digest", sentence)


def design_problems(name: str, manifest: Mapping[str, Any]) -> Problems:
    """Yield where manifest `name` has a design that is no study's, or another digest or name than its design's."""
    try:
        digest = design_from_dict(manifest["design"]).digest()
    except DesignError as error:
        yield Problem(name, "$.design", str(error))
        return
    if digest != manifest["design_digest"]:
        yield Problem(name, "$.design_digest", f"is not the digest of the design, {short(digest)}")
    if manifest["study"] != manifest["design"]["name"]:
        yield Problem(name, "$.study", f"{manifest['study']} is not the design's name, {manifest['design']['name']}")
