"""What a shared network makes of scans that no training sees: other draws of `grains`, and charts of Siemens stars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from ptyproof.foundation.batches import Batch
from ptyproof.foundation.design import FoundationDesign
from ptyproof.foundation.flaws import Flaws
from ptyproof.foundation.loss import squared_error, weights
from ptyproof.foundation.scenes import random_positions, scene_of
from ptyproof.physics.names import OBJECT_NAMES
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.study.seeds import stream
from ptyproof.training.network import GroupNetwork

if TYPE_CHECKING:
    from ptyproof_schemas.types.foundation import Validation

DOSES = (1e3, 1e4, 1e5)


def validate(network: GroupNetwork, design: FoundationDesign) -> list[Validation]:
    """Return the complex NRMSE of what the network corrects, and of its object, for each built-in kind and each dose.

    The scans are of the design's first frame, with the built-in probe and without flaws. Errors are weighted by the
    illumination, and over the root mean square of the object.
    """
    found: list[Validation] = []
    frame = design.frames[0]
    probe = make_probe("zone_plate", frame.window_px)
    device = next(network.parameters()).device
    for kind in OBJECT_NAMES:
        for dose in DOSES:
            rng = stream(design.seed, "foundation", "validation", kind, f"{dose:g}")
            obj = make_object(kind, (frame.object_px, frame.object_px), rng)
            scene = scene_of(kind, obj, probe, random_positions(frame, rng), dose, Flaws(frozenset()), rng)
            batch = Batch.of(scene, design).to(device)
            with torch.no_grad():
                obj_found = network(batch.patterns, batch.start)
                weight = weights(batch.patterns)
                size = squared_error(torch.zeros_like(batch.truth), batch.truth, weight)
                errors = [
                    math.sqrt(float(squared_error(candidate, batch.truth, weight) / size))
                    for candidate in (batch.start, obj_found)
                ]
            found.append({"object": kind, "dose": dose, "start_nrmse": errors[0], "nrmse": errors[1]})
    return found
