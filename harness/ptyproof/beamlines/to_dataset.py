"""A scan as a beamline's files have it, made a DATA-001 measurement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt

from ptyproof.beamlines.detector_window import DetectorWindow, window_around
from ptyproof.beamlines.first_probe import LARGEST, STEPS, first_probe
from ptyproof.beamlines.geometry import Pair, check_far_field, check_probe_pixel, object_pixel_m, step_px
from ptyproof.beamlines.measured import MaskedPatterns, as_array, measured_pixels
from ptyproof.beamlines.pairing import paired
from ptyproof.beamlines.raw_scan import RawScan, write_blocks
from ptyproof.errors import DataError, InputError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset import Dataset, in_its_version, with_modes
from ptyproof.io.metadata import new_metadata, source_of, with_transformation
from ptyproof.io.npz import Array
from ptyproof.io.probe_modes import powers
from ptyproof.io.reading import Saturated
from ptyproof.io.saturation import KEPT, settled
from ptyproof.io.validation import validate_dataset
from ptyproof.physics.forward import DEFAULT_MARGIN_PX
from ptyproof.physics.names import ORIENTATIONS
from ptyproof.physics.orientation import oriented, oriented_positions, rotated_positions

if TYPE_CHECKING:
    from ptyproof_schemas.types.dataset_metadata import Physical

Center = Literal["auto", "middle"] | tuple[float, float]
_NEAR_PX, _NEAR = 2.0, 0.03  # px, and of the detector: a beam found so near to the middle is taken to be there
_BRIGHT = 0.1  # of the brightest of the mean pattern, from which on pixels belong to the direct beam


@dataclass(frozen=True)
class Geometry:
    """What the caller states of a scan's geometry; None leaves it to the files.

    Parameters
    ----------
    photon_energy_ev, detector_distance_m, detector_pixel_size_m
        Photon energy, distance from sample to detector, (row, col) pitch of the detector before binning.
    object_pixel_size_m
        (row, col) size of an object pixel.
    patterns, positions
        Orientations of `ptyproof.physics.names.ORIENTATIONS`, applied to each.
    rotation_deg
        Angle by which the positions are turned, after their orientation.
    center
        (row, col) of the direct beam on the turned detector; `auto` is the beam center of the file, or else the
        middle of what is bright in the mean pattern; `middle` is that of the detector.
    crop
        (rows, cols) of detector pixels around the center; None takes as many as there are.
    binning
        So many pixels along each axis become one.
    far_field
        Read the scan even if its steps say that it is not of the far field.
    """

    photon_energy_ev: float | None = None
    detector_distance_m: float | None = None
    detector_pixel_size_m: Pair | None = None
    object_pixel_size_m: Pair | None = None
    patterns: str = "as-is"
    positions: str = "as-is"
    rotation_deg: float = 0.0
    center: Center = "auto"
    crop: tuple[int, int] | None = None
    binning: int = 1
    far_field: bool = False

    def __post_init__(self) -> None:
        for name in ("photon_energy_ev", "detector_distance_m"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} must be a number above 0, got {value}")
        for name in ("patterns", "positions"):
            if getattr(self, name) not in ORIENTATIONS:
                raise InputError(f"{name} must be one of {', '.join(ORIENTATIONS)}, got {getattr(self, name)!r}")
        if self.binning < 1:
            raise InputError(f"binning must be 1 or more, got {self.binning}")


@dataclass(frozen=True)
class Conversion:
    """How a scan becomes a dataset.

    Parameters
    ----------
    geometry
        See `Geometry`.
    saturated
        Pixels at the largest value of their type: `refuse` the file, `keep` them as light, or `mask` them.
    probe_diameter_px
        For a scan without a probe: the diameter of the first one, pixels of the object; None is 2.5 steps.
    margin_px
        Room between the outermost windows and the edge of the object's grid, pixels.
    """

    geometry: Geometry = field(default_factory=Geometry)
    saturated: Saturated | Literal["mask"] = "refuse"
    probe_diameter_px: float | None = None
    margin_px: int = DEFAULT_MARGIN_PX


def dataset_of_scan(
    path: Path, scan: RawScan, how: Conversion, scratch: Path, changes: list[str]
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the measurement that a scan is, validated, and what is odd but allowed about it.

    Parameters
    ----------
    path
        The file of the patterns, for messages and the record.
    scan
        What its reader has found. Its patterns may be mapped; they are gone through in blocks.
    how
        What the caller has decided.
    scratch
        Folder for the amplitudes, which the dataset maps: it has to last as long as the dataset.
    changes
        Gets one sentence for each thing that is decided or changed, as it is.

    Raises
    ------
    DataError
        If something is missing or contradicts itself.
    """
    patterns, at_pattern, positions = _scan(path, scan, changes)
    valid = measured_pixels(path, scan, patterns, how.saturated, changes)
    kept = None
    if how.saturated != "mask":
        kept = settled(as_array(MaskedPatterns(patterns, valid)), path, "patterns", how.saturated)
    changes += scan.notes
    mean = _mean(patterns)
    window = _window(scan, how.geometry, np.where(valid, mean, 0.0), changes)
    pixel_m = _pixel(path, scan, how.geometry, window, changes)
    positions_px = _placed(path, scan, how, positions, window.shape, pixel_m, changes)
    mask = window.all_true(valid)
    scale = _write_amplitudes(scratch / "diffraction.npy", patterns, at_pattern, window, valid)
    diffraction = np.load(scratch / "diffraction.npy", mmap_mode="r")
    counts = _mean_counts(diffraction)
    modes = _modes(path, scan, how, counts, positions_px, pixel_m, changes)
    if kept is not None:
        changes.append(f"patterns: {kept}")
    if scale is None:
        changes.append("patterns: have fractions, so they are intensity of an unknown scale, and counts are not known")
    metadata = new_metadata(
        "measurement",
        "import-beamline",
        {"changes": list(changes)},
        photons_per_pattern_measured=None if scale is None else float(counts.sum()),
        intensity_scale=scale,
        source=source_of(path),
        physical=_physical(scan, how.geometry, window, pixel_m),
    )
    if kept is not None:
        metadata = with_transformation(metadata, KEPT, kept)
    dataset = Dataset(
        None,
        modes[0],
        positions_px,
        metadata,
        diffraction,
        scan_index=np.asarray(scan.pattern_index, np.int64)[at_pattern],
        valid_pixels=None if mask.all() else mask,
        background=_background(path, scan, window),
    )
    dataset = in_its_version(with_modes(dataset, modes))
    return dataset, validate_dataset(dataset, path)


def _scan(path: Path, scan: RawScan, changes: list[str]) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Return the patterns, the places (k,) of those that are used, and their positions (k, 2)."""
    if scan.patterns is None or scan.pattern_index is None:
        raise DataError(path, "has no patterns for its reader")
    if scan.positions is None or scan.position_index is None:
        raise DataError(path, "has no positions for its reader; give the file that has them with --positions-file")
    finite = np.isfinite(scan.positions).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise DataError(path, f"has {int((~finite).sum())} positions that are not finite, the first at index {first}")
    if scan.patterns.dtype.kind not in "iuf":
        raise DataError(path, f"must have patterns of real numbers, got {scan.patterns.dtype}")
    at_pattern, at_position = paired(path, scan.pattern_index, scan.position_index, changes)
    return scan.patterns, at_pattern, np.asarray(scan.positions[at_position])


def _mean(patterns: Array) -> npt.NDArray[np.float64]:
    total = np.zeros(patterns.shape[1:], np.float64)
    for rows in row_blocks(patterns):
        total += np.nan_to_num(patterns[rows].astype(np.float64)).sum(axis=0)
    return total / len(patterns)


def _window(scan: RawScan, geometry: Geometry, mean: Array, changes: list[str]) -> DetectorWindow:
    turned = np.asarray(oriented(mean, geometry.patterns), dtype=np.float64)
    detector = (turned.shape[0], turned.shape[1])
    center, why = _center(scan, geometry, turned)
    window = window_around(detector, geometry.patterns, center, geometry.crop, geometry.binning)
    if geometry.patterns != "as-is":
        changes.append(f"patterns: turned, {geometry.patterns}")
    (row, col), (rows, cols) = window.first, window.size
    taken = f"rows {row} to {row + rows - 1} and columns {col} to {col + cols - 1} of {detector[0]} x {detector[1]}"
    changes.append(
        f"patterns: direct beam at ({center[0]:.1f}, {center[1]:.1f}) ({why}); {taken} taken"
        + (f", {window.binning} x {window.binning} binned" if window.binning > 1 else "")
        + f", a window of {window.shape[0]} x {window.shape[1]} px"
    )
    return window


def _center(scan: RawScan, geometry: Geometry, mean: npt.NDArray[np.float64]) -> tuple[Pair, str]:
    if isinstance(geometry.center, tuple):
        return geometry.center, "as given"
    middle = (float(mean.shape[0] // 2), float(mean.shape[1] // 2))
    if geometry.center == "middle":
        return middle, "the middle of the detector, as given"
    if scan.set_up.beam_center_px is not None and scan.patterns is not None:
        shape = (scan.patterns.shape[1], scan.patterns.shape[2])
        return turned_place(scan.set_up.beam_center_px, shape, geometry.patterns), "from the file"
    # by the outline: the intensity inside of a beam is seldom even
    weights = (mean >= _BRIGHT * np.quantile(mean, 0.999)).astype(np.float64)
    total = float(weights.sum())
    rows, cols = np.arange(mean.shape[0]), np.arange(mean.shape[1])
    found = float(weights.sum(axis=1) @ rows / total), float(weights.sum(axis=0) @ cols / total)
    near = max(_NEAR_PX, _NEAR * max(mean.shape))
    if all(abs(a - b) <= near for a, b in zip(found, middle, strict=True)):
        return (
            middle,
            f"the middle of the detector; the middle of what is bright is at ({found[0]:.1f}, {found[1]:.1f})",
        )
    return found, "the middle of what is bright; --center states another place"


def turned_place(place: Pair, shape: tuple[int, int], orientation: str) -> Pair:
    """Return where (row, col) of an image of `shape` (H, W) is after the image is turned."""
    size = oriented(np.empty(shape, np.bool_), orientation).shape
    middle, new_middle = (np.array(shape) - 1) / 2, (np.array(size) - 1) / 2
    row, col = oriented_positions(np.array([place]) - middle, orientation)[0] + new_middle
    return float(row), float(col)


def _pixel(path: Path, scan: RawScan, geometry: Geometry, window: DetectorWindow, changes: list[str]) -> Pair | None:
    known = _known(scan, geometry, window)
    for name, (value, why) in known.items():
        if value is not None:
            numbers = " x ".join(f"{number:.6g}" for number in (value if isinstance(value, tuple) else (value,)))
            changes.append(f"{name}: {numbers}, {why}")
    energy, distance, pitch, given = (known[name][0] for name in _NUMBERS)
    if scan.position_unit == "px":
        return cast("Pair | None", given)
    pixel = object_pixel_m(
        path,
        window.shape,
        cast("float | None", energy),
        cast("float | None", distance),
        cast("Pair | None", pitch),
        cast("Pair | None", given),
    )
    changes.append(f"object: a pixel is {pixel[0] * 1e9:.5g} x {pixel[1] * 1e9:.5g} nm (rows x columns)")
    return pixel


_NUMBERS = ("photon_energy_ev", "detector_distance_m", "window_pixel_size_m", "object_pixel_size_m")


def _known(scan: RawScan, geometry: Geometry, window: DetectorWindow) -> dict[str, tuple[float | Pair | None, str]]:
    """Return what is known, and from where: the caller's word is before that of a file."""
    said: dict[str, tuple[float | Pair | None, str]] = {}
    for name in _NUMBERS:
        source = "detector_pixel_size_m" if name == "window_pixel_size_m" else name
        given, read = getattr(geometry, source), getattr(scan.set_up, source, None)
        value, why = (read, "as the reader says") if given is None else (given, "as given")
        if given is not None and read is not None and read != given:
            why = f"as given; the reader says {read}"
        if name == "window_pixel_size_m" and value is not None:
            value = _turned(value, geometry.patterns)
            value = (value[0] * window.binning, value[1] * window.binning)
        said[name] = value, why
    return said


def _turned(pair: Pair, orientation: str) -> Pair:
    shape = oriented(np.empty((1, 2)), orientation).shape
    return pair if shape == (1, 2) else (pair[1], pair[0])


def _placed(
    path: Path, scan: RawScan, how: Conversion, positions: Array, window: tuple[int, int], pixel_m: Pair | None,
    changes: list[str],
) -> npt.NDArray[np.float64]:  # fmt: skip
    geometry = how.geometry
    turned = oriented_positions(positions - np.median(positions, axis=0), geometry.positions)
    if geometry.rotation_deg:
        turned = rotated_positions(turned, geometry.rotation_deg)
    asked = geometry.positions != "as-is" or geometry.rotation_deg
    turn = f"{geometry.positions}, then turned by {geometry.rotation_deg:g} degrees" if asked else "as they stand"
    changes.append(f"positions: of the probe on the object, y along rows and x along columns, {turn}")
    if scan.position_unit == "m":
        assert pixel_m is not None  # _pixel has asked for it
        turned = turned / np.array(pixel_m)
        if not geometry.far_field:
            check_far_field(path, turned, window, pixel_m)
    offset = np.array(window) // 2 + how.margin_px - np.floor(turned.min(axis=0))
    placed: npt.NDArray[np.float64] = turned + offset
    changes.append(
        f"positions: {len(placed)}, {step_px(placed):.4g} px between neighbors (median), placed so that every window "
        f"lies at least {how.margin_px} px inside the object's grid"
    )
    return placed


def _write_amplitudes(
    path: Path, patterns: Array, at: npt.NDArray[np.int64], window: DetectorWindow, valid: npt.NDArray[np.bool_]
) -> float | None:
    """Write sqrt(counts) of the window, and return the scale: 1 where all are whole numbers."""
    whole = True
    shown = window.all_true(valid)

    def blocks() -> Iterator[Array]:
        nonlocal whole
        for rows in row_blocks(patterns):
            wanted = at[(at >= rows.start) & (at < rows.stop)]
            if not len(wanted):
                continue
            counts = window.sums(np.where(valid, patterns[wanted], patterns.dtype.type(0)))
            counts = np.where(shown, counts, counts.dtype.type(0)).astype(np.float64)
            whole = whole and bool((counts == np.rint(counts)).all())
            yield np.sqrt(counts).astype(np.float32)

    write_blocks(path, blocks())
    return 1.0 if whole else None


def _mean_counts(diffraction: Array) -> npt.NDArray[np.float64]:
    total = np.zeros(diffraction.shape[1:], np.float64)
    for rows in row_blocks(diffraction):
        total += np.square(diffraction[rows], dtype=np.float64).sum(axis=0)
    return total / len(diffraction)


def _modes(
    path: Path,
    scan: RawScan,
    how: Conversion,
    mean: npt.NDArray[np.float64],
    positions_px: Array,
    pixel_m: Pair | None,
    changes: list[str],
) -> npt.NDArray[np.complex64]:
    window = (mean.shape[0], mean.shape[1])
    if scan.probe is None:
        wanted = how.probe_diameter_px or min(STEPS * step_px(positions_px), LARGEST * min(window))
        probe, diameter = first_probe(mean, wanted)
        changes.append(
            f"probe: the files have none, so this is an estimate from the mean pattern, {diameter:.3g} px in diameter; "
            'use methods that refine the probe (probe = "estimated")'
        )
        return probe[None]
    check_probe_pixel(path, scan.set_up.probe_pixel_size_m, pixel_m)
    modes = np.asarray(scan.probe)
    if modes.shape[1:] != window:
        raise DataError(path, f"has a probe of {modes.shape[1]} x {modes.shape[2]} px and a window of {window}")
    if not np.isfinite(modes).all() or not modes.any():
        raise DataError(path, "has a probe that is not finite or is zero everywhere")
    modes = modes[np.argsort(-powers(modes), kind="stable")]
    changes.append(f"probe: {len(modes)} mode(s) of the file, by falling power")
    return modes.astype(np.complex64)


def _background(path: Path, scan: RawScan, window: DetectorWindow) -> npt.NDArray[np.float32] | None:
    if scan.dark is None:
        return None
    dark = np.asarray(scan.dark, np.float64)
    if not (np.isfinite(dark).all() and (dark >= 0).all()):
        raise DataError(path, "has a dark pattern that is negative or not finite")
    return np.asarray(window.sums(dark), np.float32)


def _physical(scan: RawScan, geometry: Geometry, window: DetectorWindow, pixel_m: Pair | None) -> Physical:
    known = _known(scan, geometry, window)
    energy, distance, pitch, _ = (known[name][0] for name in _NUMBERS)
    return {
        "photon_energy_ev": cast("float | None", energy),
        "detector_distance_m": cast("float | None", distance),
        "detector_pixel_size_m": None if pitch is None else list(cast("Pair", pitch)),
        "object_pixel_size_m": None if pixel_m is None else list(pixel_m),
        "field_of_view_m": None,
        "regime": "far",
    }
