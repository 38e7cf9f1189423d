"""A reconstruction as a product file of ptychodus (HDF5).

Lengths are those of the dataset's record. Where it does not know them all, 1 m stands for one pixel of the object, with
a wavelength and a distance of 1 m: ptychodus shows nothing of a product whose energy or distance is no number. The
origin is the object's middle, index (M - 1) / 2. A position is that of the probe's middle, index (H - 1) / 2; in
DATA-001 it is that of index H // 2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ptyproof.errors import RunError
from ptyproof.io.atomic import atomic_path
from ptyproof.io.physical import known_lengths, lengths_of_pixels
from ptyproof.methods.reconstruction_input import ReconstructionInput
from ptyproof.records.archive import read_archive
from ptyproof.records.manifest import TOOL_LABEL

_STANDING_IN = "1 m stands for one pixel of the object, 1 m for the unknown wavelength and distance"


def write_product(path: Path, archive_path: Path, dataset: ReconstructionInput, name: str) -> None:
    """Write the archive of a reconstruction as a product, atomically; equal ones give equal bytes.

    Parameters
    ----------
    path
        The product.
    archive_path, dataset
        The archive that Phase F wrote, and the dataset that it was made from.
    name
        Name of the product.

    Raises
    ------
    RunError
        If the system refuses to write; nothing is left behind.
    """
    import h5py

    found = read_archive(archive_path)
    window, shape = np.array(found.probe.shape), np.array(found.obj.shape)
    positions_px = dataset.positions_px if found.positions_px is None else found.positions_px
    size = (found.probe.shape[0], found.probe.shape[1])
    lengths = known_lengths(dataset.physical, size) or lengths_of_pixels(size)
    height_m, width_m = lengths.object_pixel_size_m
    middles = positions_px - window // 2 + (window - 1) / 2
    positions = (middles - (shape - 1) / 2) * (height_m, width_m)
    modes = np.stack([found.probe, *(() if found.further_modes is None else found.further_modes)])
    try:
        # the temporary file is locked already
        with atomic_path(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
            file.attrs["name"] = name
            file.attrs["comments"] = TOOL_LABEL if lengths.are_known else f"{TOOL_LABEL}: {_STANDING_IN}"
            file.attrs["photon_energy_eV"] = lengths.photon_energy_ev
            file.attrs["detector_object_distance_m"] = lengths.detector_distance_m
            for key in ("exposure_time_s", "mass_attenuation_m2_per_kg", "tomography_angle_deg", "tilt_angle_deg"):
                file.attrs[key] = 0.0
            file.attrs["focus_object_distance_m"] = 0.0
            file.attrs["far_field"] = True
            file.attrs["probe_photon_count"] = float(np.square(np.abs(modes), dtype=np.float64).sum())
            obj = file.create_dataset("object", data=found.obj[None])
            obj.attrs["center_x_m"] = obj.attrs["center_y_m"] = 0.0
            probe = file.create_dataset("probe", data=modes[None])
            for member in (obj, probe):
                member.attrs["pixel_width_m"], member.attrs["pixel_height_m"] = width_m, height_m
            file.create_dataset("object_layer_spacing_m", data=np.empty(0))
            file.create_dataset("probe_position_indexes", data=np.arange(len(positions)))
            file.create_dataset("probe_position_x_m", data=positions[:, 1])
            file.create_dataset("probe_position_y_m", data=positions[:, 0])
            file.create_dataset("loss_epochs", data=found.iterations.astype(np.int64))
            file.create_dataset("loss_values", data=found.losses)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
