"""One scan in each format of beamlines, made by the tool that makes such files: h5py, tifffile, scipy.io, numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.helpers.beamline_files import DISTANCE_M, ENERGY_EV, HC_EV_M, PITCH_M, Scan, write_csv, write_cxi

# what a command is told where files say nothing
GEOMETRY = ("--energy-kev", str(ENERGY_EV / 1e3), "--distance-m", str(DISTANCE_M), "--detector-pixel-um", "75")
CSAXS = "entry/instrument"


@dataclass(frozen=True)
class Files:
    """A scan that was written.

    Parameters
    ----------
    patterns
        The file of the patterns.
    reader
        Its reader.
    options
        What `ptyproof import` needs besides: the other files, and the geometry that is in none of them.
    has_mask
        Whether the files have the mask of the scan.
    """

    patterns: Path
    reader: str
    options: tuple[str, ...] = ()
    has_mask: bool = False


Write = Callable[[Path, Scan], Files]


def _csv(folder: Path, scan: Scan) -> tuple[str, ...]:
    return ("--positions-file", str(write_csv(folder / "positions.csv", scan)))


def cxi(folder: Path, scan: Scan) -> Files:
    """CXI, which has everything in one file."""
    return Files(write_cxi(folder / "scan.cxi", scan), "CXI", has_mask=True)


def nexus(folder: Path, scan: Scan, **packing: object) -> Files:
    """NeXus HDF5 with a monochromator and a detector, as cSAXS has it; distances in mm, um and keV."""
    import h5py

    options: Mapping[str, object] = packing or {"compression": "gzip"}
    with h5py.File(folder / "scan.h5", "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_dataset("data/data", data=scan.counts, chunks=(1, *scan.valid.shape), **options)
        entry["data"].attrs.update({"NX_class": "NXdata", "signal": "data"})
        data.attrs["interpretation"] = "image"
        file[f"{CSAXS}/monochromator/distance"] = -DISTANCE_M * 1e3
        file[f"{CSAXS}/monochromator/energy"] = ENERGY_EV / 1e3
        file[f"{CSAXS}/eiger_4/y_pixel_size"], file[f"{CSAXS}/eiger_4/x_pixel_size"] = np.array(PITCH_M) * 1e6
    return Files(folder / "scan.h5", "SLS_cSAXS", _csv(folder, scan))


def bitshuffled(folder: Path, scan: Scan) -> Files:
    """The same, packed by the filter of Eiger detectors."""
    import hdf5plugin

    return nexus(folder, scan, **hdf5plugin.Bitshuffle())


def fold_slice(folder: Path, scan: Scan) -> Files:
    """fold_slice's HDF5: patterns in one file, positions in another."""
    import h5py

    with h5py.File(folder / "scan_dp.hdf5", "w") as file:
        file["dp"] = scan.counts
    with h5py.File(folder / "scan_para.hdf5", "w") as file:
        file["ppY"], file["ppX"] = scan.positions_m.T
        file["lambda"], file["dx"] = HC_EV_M / ENERGY_EV, scan.pixel_m[1]
    elsewhere = ("--positions-file", str(folder / "scan_para.hdf5"), "--energy-kev", "9", "--distance-m", "2")
    return Files(folder / "scan_dp.hdf5", "fold_slice", elsewhere)


def fold_slice_mat(folder: Path, scan: Scan) -> Files:
    """A result of fold_slice in MATLAB's version 5, which has positions; the patterns are in its HDF5."""
    import scipy.io

    outputs = {"probe_positions": scan.positions_m[:, ::-1] / scan.pixel_m[::-1], "fourier_error_out": np.ones(3)}
    p = {"dx_spec": scan.pixel_m[::-1], "z": DISTANCE_M, "lambda": HC_EV_M / ENERGY_EV, "energy": ENERGY_EV / 1e3}
    parts = {"object": np.ones((64, 64), complex), "probe": probe_of(scan), "outputs": outputs, "p": p}
    path = folder / "result.mat"
    scipy.io.savemat(path, parts, do_compression=True)
    elsewhere = ("--positions-file", str(path), "--positions-reader", "fold_slice_mat")
    probe = ("--probe-file", str(path), "--probe-reader", "fold_slice_mat")
    patterns = fold_slice(folder, scan).patterns
    return Files(patterns, "fold_slice", (*elsewhere, *probe, "--energy-kev", "9", "--distance-m", "2"))


def tiff_stack(folder: Path, scan: Scan) -> Files:
    """One TIFF file with a page for each pattern."""
    import tifffile

    tifffile.imwrite(folder / "scan_1.tif", scan.counts)
    return Files(folder / "scan_1.tif", "TIFF", (*_csv(folder, scan), *_mask(folder, scan), *GEOMETRY), has_mask=True)


def tiff_series(folder: Path, scan: Scan) -> Files:
    """A TIFF file for each pattern, packed, numbered without zeros in front."""
    import tifffile

    for number, pattern in enumerate(scan.counts):
        tifffile.imwrite(folder / f"scan_{number}.tif", pattern, compression="zlib")
    return Files(folder / "scan_0.tif", "TIFF", (*_csv(folder, scan), *GEOMETRY))


def npy(folder: Path, scan: Scan) -> Files:
    """A NumPy array."""
    np.save(folder / "scan.npy", scan.counts)
    return Files(folder / "scan.npy", "NPY", (*_csv(folder, scan), *_mask(folder, scan), *GEOMETRY), has_mask=True)


def npz(folder: Path, scan: Scan) -> Files:
    """ptychodus' archive, with the numbers of the patterns and its bad pixels."""
    indexes = np.arange(len(scan.counts))
    np.savez_compressed(folder / "scan.npz", patterns=scan.counts, indexes=indexes, bad_pixels=~scan.valid)
    return Files(folder / "scan.npz", "NPZ", (*_csv(folder, scan), *GEOMETRY), has_mask=True)


def named(folder: Path, scan: Scan) -> Files:
    """Arrays of an archive under names of one's own."""
    np.savez(folder / "scan.npz", counts=scan.counts, good=scan.valid, where=scan.positions_m)
    roles = (f"{role}={name}" for role, name in (("patterns", "counts"), ("mask", "good"), ("positions", "where")))
    options = tuple(word for role in roles for word in ("--array", role))
    return Files(folder / "scan.npz", "arrays", (*options, *GEOMETRY), has_mask=True)


def named_hdf5(folder: Path, scan: Scan) -> Files:
    """Arrays of an HDF5 file under paths, one of them a link: such as ptypy's .ptyd has them."""
    import h5py

    with h5py.File(folder / "scan.ptyd", "w") as file:
        file.create_dataset("chunks/0/data", data=scan.counts, chunks=(1, *scan.valid.shape), compression="gzip")
        file["chunks/0/positions"], file["meta/weight2d"] = scan.positions_m, scan.valid
        file["last"] = h5py.SoftLink("/chunks/0/positions")
    roles = ("patterns=chunks/0/data", "mask=meta/weight2d", "positions=last")
    options = tuple(word for role in roles for word in ("--array", role))
    return Files(folder / "scan.ptyd", "arrays", (*options, *GEOMETRY), has_mask=True)


def _mask(folder: Path, scan: Scan) -> tuple[str, ...]:
    np.save(folder / "good.npy", scan.valid)
    return ("--mask-file", str(folder / "good.npy"))


def probe_of(scan: Scan) -> np.ndarray:
    """Return a complex probe (H, W) for a scan."""
    height, width = scan.valid.shape
    rng = np.random.default_rng(5)
    bell = np.outer(np.hanning(height), np.hanning(width)) ** 4
    return np.asarray(bell * np.exp(1j * rng.uniform(-1, 1, (height, width))))


OURS: tuple[Write, ...] = (cxi, named, named_hdf5)
THEIRS: tuple[Write, ...] = (
    nexus,
    bitshuffled,
    fold_slice,
    fold_slice_mat,
    tiff_stack,
    tiff_series,
    npy,
    npz,
)
