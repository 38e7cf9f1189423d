"""From meters to pixels: what energy, distance and pixels make of positions, and whether the far field can hold.

In the far field a probe has to end inside half of its window, or its patterns are sampled too coarsely (Miao, Sayre &
Chapman, J. Opt. Soc. Am. A 15, 1662, 1998). Positions whose neighbors are more than half a window away can therefore
not overlap in the far field: such a scan is one of the near field, whose pixels are larger, or its numbers are wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from ptyproof.errors import DataError, InputError
from ptyproof.io.physical import HC_EV_M, TOLERANCE

if TYPE_CHECKING:
    from pathlib import Path

Pair = tuple[float, float]
_PROBE_TOLERANCE = 0.01  # relative, of the pixels of a probe
_LARGEST_STEP = 0.5  # of the window, between neighbors of a scan in the far field


def object_pixel_m(
    path: Path, window: tuple[int, int], energy_ev: float | None, distance_m: float | None, pitch_m: Pair | None,
    given_m: Pair | None,
) -> Pair:  # fmt: skip
    """Return (row, col) of an object pixel, meters: lambda z / (N p), or what was given.

    Parameters
    ----------
    path
        The file, for messages.
    window
        (H, W) of the window, pixels, after binning.
    energy_ev, distance_m, pitch_m
        Photon energy, distance from sample to detector, (row, col) pitch of the window's pixels.
    given_m
        (row, col) as the caller or a file states it.

    Raises
    ------
    DataError
        If something that is needed is not known; names each, with the option that states it.
    InputError
        If what was given contradicts the others by more than 0.1 %.
    """
    known = {"--energy-kev": energy_ev, "--distance-m": distance_m, "--detector-pixel-um": pitch_m}
    missing = [option for option, value in known.items() if value is None]
    if energy_ev is None or distance_m is None or pitch_m is None:
        if given_m is not None:
            return given_m
        raise DataError(
            path,
            f"has positions in meters, and the size of an object pixel is not known: give {' and '.join(missing)}, or "
            "--object-pixel-nm",
        )
    size = window[0] * pitch_m[0], window[1] * pitch_m[1]
    found = HC_EV_M / energy_ev * distance_m / size[0], HC_EV_M / energy_ev * distance_m / size[1]
    if given_m is not None and any(abs(a - b) > TOLERANCE * b for a, b in zip(given_m, found, strict=True)):
        raise InputError(
            f"--object-pixel-nm {given_m[0] * 1e9:.6g} contradicts photon energy, distance and detector pixels, which "
            f"give {found[0] * 1e9:.6g} nm (rows) and {found[1] * 1e9:.6g} nm (columns) for a window of {window[0]} x "
            f"{window[1]} px"
        )
    return found


def check_probe_pixel(path: Path, probe_m: Pair | None, object_m: Pair | None) -> None:
    """Refuse a probe whose pixels have another size than those of the object's grid.

    Parameters
    ----------
    path
        The file, for messages.
    probe_m, object_m
        (row, col) of a pixel, meters; None where it is not known.

    Raises
    ------
    DataError
        If they differ by more than 1 %.
    """
    if probe_m is None or object_m is None:
        return
    if any(abs(a - b) > _PROBE_TOLERANCE * b for a, b in zip(probe_m, object_m, strict=True)):
        raise DataError(
            path,
            f"has a probe with pixels of {probe_m[0] * 1e9:.5g} x {probe_m[1] * 1e9:.5g} nm, and those of the object "
            f"are {object_m[0] * 1e9:.5g} x {object_m[1] * 1e9:.5g} nm; interpolate the probe, or correct the geometry",
        )


def step_px(positions_px: npt.NDArray[np.float64]) -> float:
    """Return the median distance from a position (n, 2) to its nearest neighbor."""
    distances = np.asarray(cKDTree(positions_px).query(positions_px, k=2)[0])
    return float(np.median(distances[:, 1]))


def check_far_field(path: Path, positions_px: npt.NDArray[np.float64], window: tuple[int, int], pixel_m: Pair) -> None:
    """Refuse a scan whose neighbors cannot overlap in the far field.

    Parameters
    ----------
    path
        The file, for messages.
    positions_px
        (n, 2), n >= 2, (row, col).
    window
        (H, W), pixels.
    pixel_m
        (row, col) of an object pixel, meters.

    Raises
    ------
    DataError
        With the step, the window and both explanations.
    """
    step = step_px(positions_px)
    if step <= _LARGEST_STEP * min(window):
        return
    raise DataError(
        path,
        f"has steps of {step:.4g} px ({step * pixel_m[0] * 1e6:.4g} um) between neighboring positions, more than half "
        f"of the window of {window[0]} x {window[1]} px ({window[0] * pixel_m[0] * 1e6:.4g} um): in the far field "
        "their illuminations cannot overlap. Either the data are of the near field (Fresnel), whose model ptyproof "
        "does not have, or energy, distance, pixel size or the unit of the positions is wrong; --regime far reads it "
        "all the same",
    )
