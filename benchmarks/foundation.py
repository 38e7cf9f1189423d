"""What a shared network makes of objects that no training saw, beside `start` and `map-tv`.

    python -m benchmarks.foundation shared/foundation.safetensors
    python -m benchmarks.foundation shared/foundation.safetensors --side 12 --object grains --dose 1e4

Scans of SIDE x SIDE positions, 8 px apart, over objects with seed 1008 and noise with seed 1042: two of `grains`, a
chart of Siemens stars that is drawn otherwise than those of studies, and three images of scikit-image. No study tests
on them, so choices may be made by this table. `map-tv` chooses its weight on thinned photons, as in a study. The table
has the complex NRMSE where at least a twentieth of the brightest light falls, and the seconds of each method.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptyproof import clock
from ptyproof.foundation.design import Frame
from ptyproof.foundation.flaws import Flaws
from ptyproof.foundation.scenes import Scene, random_positions, scene_of
from ptyproof.markdown import table
from ptyproof.methods.foundation import Foundation
from ptyproof.methods.map import MapFit
from ptyproof.methods.network import Start
from ptyproof.physics.images import object_of_image
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.reconstruction.method import Budget, Method, illumination, run_method
from ptyproof.reconstruction.tuner import Tuned
from ptyproof.study.seeds import stream
from ptyproof.study.training import NetworkDesign

OBJECTS = ("grains", "grains2", "siemens", "coins", "moon", "page")
DOSES = (1e3, 1e4, 1e5)
_OBJECT_SEED, _NOISE_SEED = 1008, 1042
_LIT = 0.05
_ITERATIONS = 60


def object_of(name: str, side_px: int) -> NDArray[np.complex64]:
    """Return an object (M, M) complex64 of a name of `OBJECTS`."""
    rng, shape = stream(_OBJECT_SEED, "other objects", name), (side_px, side_px)
    if name in ("coins", "moon", "page"):
        from skimage import data

        images: dict[str, Callable[[], NDArray[np.uint8]]] = {"coins": data.coins, "moon": data.moon, "page": data.page}
        return object_of_image(images[name](), shape, rng)
    return make_object(name.rstrip("2"), shape, rng)


def scan_of(name: str, dose: float, side: int) -> Scene:
    """Return the scan of an object with a dose."""
    frame = Frame(64, side, 8.0)
    rng = stream(_NOISE_SEED, name, f"{dose:g}")
    probe = make_probe("zone_plate", frame.window_px, 20.0)
    obj = object_of(name, frame.object_px)
    return scene_of(name, obj, probe, random_positions(frame, rng), dose, Flaws(frozenset()), rng)


def judged(method: Method, scene: Scene) -> tuple[float, float]:
    """Return the complex NRMSE of a method's object, and its seconds."""
    light = illumination(scene.scan.probe, scene.scan.positions_px, scene.obj.shape)
    began = clock.seconds()
    found = run_method(method, scene.scan, Budget(_ITERATIONS), np.random.default_rng(0))
    seconds = clock.seconds() - began
    return scaled_error(found.obj, scene.obj, (light >= _LIT * light.max()).astype(float)).nrmse, seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foundation", description=__doc__)
    parser.add_argument("bundle", type=Path, help="foundation.safetensors of a training")
    parser.add_argument("--side", type=int, default=22, help="positions along an axis (default: %(default)s)")
    parser.add_argument("--object", nargs="+", choices=OBJECTS, default=list(OBJECTS), help="objects (default: all)")
    parser.add_argument("--dose", nargs="+", type=float, default=list(DOSES), help="photons of a pattern")
    parser.add_argument("--without-map-tv", action="store_true", help="leave out map-tv, which takes most of the time")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    design = NetworkDesign()
    map_tv = MapFit("map-tv", design)
    methods: list[Method] = [Start(design), Foundation(design, str(options.bundle))]
    if not options.without_map_tv:
        methods.append(Tuned(map_tv, {}, {"weight": list(map_tv.tuning["weight"])}))
    rows = []
    for name in options.object:
        for dose in options.dose:
            scene = scan_of(name, dose, options.side)
            found = {method.name: judged(method, scene) for method in methods}
            best = found.get("map-tv", found["start"])[0]
            shown = [f"{error:.4f} ({seconds:.1f} s)" for error, seconds in found.values()]
            rows.append([name, f"{dose:g}", *shown, f"{found['foundation'][0] / best:.3f}"])
            sys.stderr.write(f"{rows[-1]}\n")
    against = "start" if options.without_map_tv else "map-tv"
    heads = ["object", "photons", *(method.name for method in methods), f"foundation / {against}"]
    print("\n".join(table(heads, rows)))


if __name__ == "__main__":
    main()
