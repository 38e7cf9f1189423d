"""The experiment in physical units: what follows from photon energy, distance and pixels, and what contradicts it.

In the far field a pixel of the object has the size d = lambda z / (N p), with the wavelength lambda = h c / E, the
distance z, the number N of pixels of the window along the axis, and their pitch p (Goodman, Introduction to Fourier
Optics, ch. 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.errors import DataError

HC_EV_M = 1.239841984332e-6  # h c, exact in SI units
TOLERANCE = 1e-3  # relative, of a pixel size that is given and follows from other numbers


def check_far_field(path: Path | str, metadata: Mapping[str, Any]) -> None:
    """Accept the record of a dataset for the models here, which are of the far field, or refuse it.

    Raises
    ------
    DataError
        If the record says that the patterns are of the near field.
    """
    physical = metadata.get("physical")
    if physical is not None and physical["regime"] == "near":
        raise DataError(
            path,
            "is of the near field (physical.regime), where patterns are no Fourier transforms of exit waves: the "
            "models of ptyproof are of the far field; if the record is wrong, correct physical.regime",
            "_metadata",
        )


@dataclass(frozen=True)
class Lengths:
    """Lengths of an experiment in the far field, which belong together: d = lambda z / (N p).

    Parameters
    ----------
    photon_energy_ev, detector_distance_m
        Photon energy, and the distance from sample to detector.
    detector_pixel_size_m, object_pixel_size_m
        (row, column) pitch of the window's pixels, and size of an object pixel.
    are_known
        False for lengths that stand in for unknown ones: one object pixel is 1 m.
    """

    photon_energy_ev: float
    detector_distance_m: float
    detector_pixel_size_m: tuple[float, float]
    object_pixel_size_m: tuple[float, float]
    are_known: bool = True


def known_lengths(physical: Mapping[str, Any] | None, window: tuple[int, int]) -> Lengths | None:
    """Return all lengths of an experiment with a window (H, W), or None where they are not known or of the near field.

    Of the pitch of the detector and the size of an object pixel one is enough.
    """
    if physical is None or physical["regime"] == "near":
        return None
    energy, distance = physical["photon_energy_ev"], physical["detector_distance_m"]
    pixel = object_pixel_size_m(physical, window)
    if energy is None or distance is None or pixel is None:
        return None
    pitch = physical["detector_pixel_size_m"]
    if pitch is None:
        row, col = (wavelength_m(energy) * distance / (n * d) for n, d in zip(window, pixel, strict=True))
        pitch = (row, col)
    return Lengths(energy, distance, (pitch[0], pitch[1]), pixel)


def lengths_of_pixels(window: tuple[int, int]) -> Lengths:
    """Return lengths with which a window (H, W) has object pixels of 1 m: wavelength and distance are 1 m."""
    return Lengths(HC_EV_M, 1.0, (1.0 / window[0], 1.0 / window[1]), (1.0, 1.0), are_known=False)


def wavelength_m(photon_energy_ev: float) -> float:
    """Return h c / E in meters."""
    return HC_EV_M / photon_energy_ev


def derived_pixel_size_m(physical: Mapping[str, Any] | None, window: tuple[int, int]) -> tuple[float, float] | None:
    """Return (row, column) of an object pixel in meters as energy, distance and pitch give it.

    None where one of them is unknown, and in the near field, where other laws hold.
    """
    if physical is None or physical["regime"] == "near":
        return None
    energy, distance, pitch = (
        physical[key] for key in ("photon_energy_ev", "detector_distance_m", "detector_pixel_size_m")
    )
    if energy is None or distance is None or pitch is None:
        return None
    row, col = (wavelength_m(energy) * distance / (n * p) for n, p in zip(window, pitch, strict=True))
    return row, col


def object_pixel_size_m(physical: Mapping[str, Any] | None, window: tuple[int, int]) -> tuple[float, float] | None:
    """Return (row, column) of an object pixel in meters: as given, or as derived; None where it is unknown."""
    given = None if physical is None else physical["object_pixel_size_m"]
    return derived_pixel_size_m(physical, window) if given is None else (given[0], given[1])


def pixel_size_problem(physical: Mapping[str, Any] | None, window: tuple[int, int]) -> str | None:
    """Return the sentence for a given size of object pixels that contradicts energy, distance and pitch, or None."""
    derived, given = derived_pixel_size_m(physical, window), object_pixel_size_m(physical, window)
    if derived is None or given is None:
        return None
    if all(abs(a - b) <= TOLERANCE * b for a, b in zip(given, derived, strict=True)):
        return None
    return (
        f"has object_pixel_size_m ({given[0]:.6g}, {given[1]:.6g}), but photon energy, distance and detector pixels "
        f"give ({derived[0]:.6g}, {derived[1]:.6g}) for a window of {window[0]} x {window[1]} px in the far field"
    )
