"""A DATA-001 dataset as a CXI file, for other programs: what `ptyproof.beamlines.cxi` reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ptyproof.beamlines.cxi import DARKS, DETECTOR, JOULE_PER_EV, PATTERNS, PROBES, SOURCE, TRANSLATIONS
from ptyproof.errors import DataError, RunError
from ptyproof.io.atomic import atomic_path
from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset import Dataset
from ptyproof.physics.scans import object_shape_for

if TYPE_CHECKING:
    import h5py

    from ptyproof.io.npz import Array
    from ptyproof.io.physical import Lengths

_OBJECT = "entry_1/image_2/data"
_VERSION = 160  # of CXI, times 100
_INVALID = 1  # CXI: the pixel is not valid
_COUNT_TYPES = (np.uint16, np.uint32, np.uint64)


def write_cxi(path: Path, dataset: Dataset, lengths: Lengths, source: Path) -> tuple[str, ...]:
    """Write patterns, mask, background, probe, positions and set-up of a dataset, atomically; return what is left out.

    Patterns are counts, or, where counts are not known, squares of the amplitudes in float64, whose roots are the
    amplitudes again. Positions are those of the probe on the object in meters: x along columns, y along rows, z = 0.
    Equal datasets give equal bytes.

    Parameters
    ----------
    path
        The CXI file.
    dataset
        A dataset with patterns, which may be mapped: they are gone through in blocks.
    lengths
        What its pixels are in meters.
    source
        The file of the dataset, for messages.

    Raises
    ------
    DataError
        If the dataset has no patterns, or a mask or a background for each of them, which CXI has for all.
    RunError
        If the system refuses to write; nothing is left behind.
    """
    import h5py

    if dataset.diffraction is None:
        raise DataError(source, "has no patterns to export", "diffraction")
    for name, array in (("valid_pixels", dataset.valid_pixels), ("background", dataset.background)):
        if array is not None and array.ndim == 3:
            raise DataError(source, f"has one for each pattern, {array.shape}, and a CXI file one for all", name)
    try:
        # the temporary file is locked already
        with atomic_path(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
            file["cxi_version"] = _VERSION
            _write_patterns(file, dataset)
            _write_set_up(file, dataset, lengths)
            _write_probe(file, dataset, lengths)
            _write_positions(file, dataset, lengths)
            _write_transparent_object(file, dataset, lengths)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
    return tuple(_left_out(dataset))


def _left_out(dataset: Dataset) -> Iterator[str]:
    for name, value in (
        ("object", dataset.obj),
        ("intensity_factors", dataset.intensity_factors),
        ("saturation_counts", dataset.saturation_counts),
        ("detector_psf_sigma_px", dataset.detector_psf_sigma_px),
    ):
        if value is not None:
            yield name


def _write_patterns(file: h5py.File, dataset: Dataset) -> None:
    assert dataset.diffraction is not None  # write_cxi has looked
    shape, dtype = dataset.diffraction.shape, _dtype(dataset)
    stored = file.create_dataset(f"{DETECTOR}/data", shape, dtype)
    for rows in row_blocks(dataset.diffraction):
        stored[rows] = _intensity(dataset, rows).astype(dtype)
    _link(file, PATTERNS[0], stored.name)
    if dataset.valid_pixels is not None:
        file[f"{DETECTOR}/mask"] = np.where(dataset.valid_pixels, 0, _INVALID).astype(np.uint32)
    if dataset.background is not None:
        file[DARKS[0]] = np.asarray(dataset.background)


def _intensity(dataset: Dataset, rows: slice) -> Array:
    assert dataset.diffraction is not None  # write_cxi has looked
    if dataset.intensity_scale is not None:
        return dataset.counts(rows)
    return np.square(dataset.diffraction[rows], dtype=np.float64)


def _dtype(dataset: Dataset) -> np.dtype[Any]:
    """Return the smallest type of whole numbers whose largest value, which means saturation, is no count."""
    if dataset.intensity_scale is None:
        return np.dtype(np.float64)
    assert dataset.diffraction is not None  # write_cxi has looked
    largest = max(int(dataset.counts(rows).max()) for rows in row_blocks(dataset.diffraction))
    return np.dtype(next(kind for kind in _COUNT_TYPES if largest < np.iinfo(kind).max))


def _write_set_up(file: h5py.File, dataset: Dataset, lengths: Lengths) -> None:
    file[f"{SOURCE}/energy"] = lengths.photon_energy_ev * JOULE_PER_EV
    file[f"{DETECTOR}/distance"] = lengths.detector_distance_m
    file[f"{DETECTOR}/y_pixel_size"], file[f"{DETECTOR}/x_pixel_size"] = lengths.detector_pixel_size_m
    if not lengths.are_known:
        file["entry_1/experiment_description"] = (
            "1 m stands for one pixel of the object, 1 m for the unknown wavelength and distance"
        )


def _write_probe(file: h5py.File, dataset: Dataset, lengths: Lengths) -> None:
    stored = file.create_dataset(PROBES[0], data=dataset.modes[None])
    stored.attrs["axes"] = "coherent:incoherent:y:x"
    _describe(stored, lengths, "amplitude")
    _link(file, PROBES[1], stored.name)


def _write_transparent_object(file: h5py.File, dataset: Dataset, lengths: Lengths) -> None:
    """Write an object that is 1 everywhere: there are readers that find positions and probes beside an object alone."""
    window = (dataset.probe.shape[0], dataset.probe.shape[1])
    shape = (1, *object_shape_for(dataset.positions_px, window))
    stored = file.create_dataset(_OBJECT, data=np.ones(shape, np.complex64), compression="gzip")
    stored.attrs["axes"] = "layer:y:x"
    _describe(stored, lengths, "electron density")
    stored.parent["description"] = "transparent: it stands in for the object, which is not known"


def _describe(stored: h5py.Dataset, lengths: Lengths, data_type: str) -> None:
    (height, width), (row_m, col_m) = stored.shape[-2:], lengths.object_pixel_size_m
    image = stored.parent
    image["data_type"], image["data_space"] = data_type, "real"
    image["image_size"] = np.array([width * col_m, height * row_m, 0.0])


def _write_positions(file: h5py.File, dataset: Dataset, lengths: Lengths) -> None:
    translation = np.zeros((len(dataset), 3))
    translation[:, 1::-1] = dataset.positions_px * lengths.object_pixel_size_m
    file[TRANSLATIONS[0]] = translation
    _link(file, TRANSLATIONS[1], TRANSLATIONS[0])


def _link(file: h5py.File, name: str, target: str) -> None:
    import h5py

    folder, _, last = name.rpartition("/")
    file.require_group(folder)[last] = h5py.SoftLink(f"/{target.lstrip('/')}")
