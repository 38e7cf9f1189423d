"""What ptychodus shows of files, in a process of its own: it imports several hundred modules, warns and logs.

python -m tests.helpers.ptychodus_core PATTERNS.cxi PRODUCT.h5 OUT.npz
"""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np


def shown(patterns: Path, product: Path | None, folder: Path) -> dict[str, np.ndarray]:
    """Return what the readers of ptychodus find in a CXI file and what its application shows of a product, by names."""
    out = folder / "shown.npz"
    command = [sys.executable, "-W", "ignore", "-m", "tests.helpers.ptychodus_core"]
    subprocess.run([*command, str(patterns), str(product or ""), str(out)], check=True, capture_output=True)
    with np.load(out) as found:
        return dict(found)


class _Said(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


def _read(path: Path) -> dict[str, Any]:
    from ptychodus.api.plugins import PluginRegistry

    registry = PluginRegistry.load_plugins()

    def read(chooser: str) -> Any:
        return next(one.strategy for one in getattr(registry, chooser) if one.simple_name == "CXI").read(path)

    patterns, positions = read("diffraction_file_readers"), read("probe_position_file_readers")
    probe, said = read("probe_file_readers"), patterns.get_metadata()
    pitch, pixel = said.detector_pixel_geometry, probe.get_pixel_geometry()
    return {
        "patterns": np.concatenate([part.get_patterns() for part in patterns]),
        "bad_pixels": patterns.get_bad_pixels(),
        "energy_ev": said.photon_energy_eV,
        "distance_m": said.detector_distance_m,
        "pitch_m": (pitch.height_m, pitch.width_m),
        "positions_m": np.column_stack([positions.get_coordinates_y_m(), positions.get_coordinates_x_m()]),
        "probe": probe.get_array(),
        "probe_pixel_m": (pixel.height_m, pixel.width_m),
    }


def _opened(patterns: Path, product: Path) -> dict[str, Any]:
    sys.modules["ptychi"] = None  # type: ignore[assignment]  # its engine is not asked for, and may not import here
    from ptychodus.model import ModelCore

    with ModelCore() as core:
        said = _Said()
        logging.getLogger().addHandler(said)
        api = core.workflow_api
        data = api.load_diffraction_data(patterns, file_type="CXI", block=True)
        opened = api.load_product(product, file_type="HDF5", diffraction=data).get_product()
        core.run_tasks()
        obj, probe, positions = opened.object_, opened.probes, opened.probe_positions
        found = {"object": obj.get_array(), "product_probe": probe.get_array(), "said": said.lines}
        if obj.get_array().size:
            geometry = obj.get_geometry()
            found["object_pixel_m"] = (geometry.pixel_height_m, geometry.pixel_width_m)
            places = [geometry.map_coordinates_probe_to_object(one) for one in positions]
            found["places_px"] = [(place.y_px, place.x_px) for place in places]
        return found


if __name__ == "__main__":
    cxi, h5, written = sys.argv[1:]
    np.savez(written, **_read(Path(cxi)), **(_opened(Path(cxi), Path(h5)) if h5 else {}))
