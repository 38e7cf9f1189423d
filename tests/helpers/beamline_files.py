"""Scans in the files of beamlines, written by the tools that write these formats: h5py, numpy, tifffile, scipy.io."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ENERGY_EV = 9000.0
DISTANCE_M = 2.0
PITCH_M = (75e-6, 75e-6)
HC_EV_M = 1.239841984332e-6
JOULE_PER_EV = 1.602176634e-19


@dataclass(frozen=True, eq=False)
class Scan:
    """What is written: counts (n, H, W), positions (n, 2) as (row, col) in meters, and where the detector measures."""

    counts: npt.NDArray[np.uint16]
    positions_m: npt.NDArray[np.float64]
    valid: npt.NDArray[np.bool_]

    @property
    def pixel_m(self) -> npt.NDArray[np.float64]:
        """(row, col) of an object pixel: lambda z / (N p)."""
        size = np.array(self.counts.shape[1:]) * PITCH_M
        return HC_EV_M / ENERGY_EV * DISTANCE_M / size


def made_scan(n: int = 30, window: tuple[int, int] = (24, 32), seed: int = 3) -> Scan:
    """Return a scan of noise under a bell; its steps overlap."""
    rng = np.random.default_rng(seed)
    bell = np.outer(np.hanning(window[0] + 2)[1:-1], np.hanning(window[1] + 2)[1:-1]) ** 2
    counts = rng.poisson(50 * bell, (n, *window)).astype(np.uint16)
    valid = np.ones(window, bool)
    valid[:, 5] = False
    scan = Scan(np.where(valid, counts, np.uint16(0)), np.zeros((n, 2)), valid)
    places = np.stack(np.divmod(np.arange(n), 6), axis=1) * 4.0 + rng.uniform(-1, 1, (n, 2))
    return Scan(scan.counts, places * scan.pixel_m, valid)


def write_cxi(path: Path, scan: Scan, **changed: Any) -> Path:
    """Write a CXI file; `changed` replaces members of the detector, by name, or leaves them out with None."""
    import h5py

    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        entry = file.create_group("entry_1")
        detector = entry.create_group("instrument_1/detector_1")
        members = {
            "data": scan.counts,
            "mask": np.where(scan.valid, 0, 1).astype(np.uint32),
            "distance": DISTANCE_M,
            "y_pixel_size": PITCH_M[0],
            "x_pixel_size": PITCH_M[1],
        } | changed
        for name, value in members.items():
            if value is not None:
                detector[name] = value
        entry["instrument_1/source_1/energy"] = ENERGY_EV * JOULE_PER_EV
        translation = np.zeros((len(scan.positions_m), 3))
        translation[:, :2] = scan.positions_m[:, ::-1]
        entry["sample_1/geometry_1/translation"] = translation
        entry.create_group("data_1")["data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    return path


def write_csv(path: Path, scan: Scan, header: str = "x,y", factor: float = 1.0) -> Path:
    """Write the positions as columns x and y below a header, with all digits."""
    lines = [f"{float(col) * factor!r},{float(row) * factor!r}" for row, col in scan.positions_m]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path
