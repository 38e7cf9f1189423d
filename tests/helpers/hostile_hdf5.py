"""Ways to spoil an HDF5 file: links to other files and in circles, arrays without bounds, unknown filters, cuts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

LARGE = 128 << 30  # bytes that are claimed

Spoil = Callable[[Path, Path, str], None]  # the file, another one like it, and the name of its patterns


def external_link(path: Path, other: Path, name: str) -> None:
    """The patterns are those of another file."""
    import h5py

    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = h5py.ExternalLink(str(other), name)


def virtual(path: Path, other: Path, name: str) -> None:
    """A virtual dataset, with the patterns of another file."""
    import h5py

    with h5py.File(path, "a") as file:
        shape = file[name].shape
        layout = h5py.VirtualLayout(shape, np.uint16)
        layout[:] = h5py.VirtualSource(str(other), name, shape)
        del file[name]
        file.create_virtual_dataset(name, layout)


def external_storage(path: Path, other: Path, name: str) -> None:
    """The bytes of the patterns are those of another file."""
    import h5py

    with h5py.File(path, "a") as file:
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, np.uint16, external=[(str(other), 0, h5py.h5f.UNLIMITED)])


def soft_loop(path: Path, other: Path, name: str) -> None:
    """Two soft links that lead to each other."""
    import h5py

    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = h5py.SoftLink(f"/{name}2")
        file[f"{name}2"] = h5py.SoftLink(f"/{name}")


def unwritten(path: Path, other: Path, name: str) -> None:
    """128 GiB that were never written."""
    import h5py

    with h5py.File(path, "a") as file:
        del file[name]
        file.create_dataset(name, (LARGE >> 11, 32, 32), np.uint16, chunks=(1, 32, 32), compression="gzip")


def large_chunk(path: Path, other: Path, name: str) -> None:
    """A chunk that unpacks to 2 GiB of zeros."""
    import h5py

    with h5py.File(path, "a") as file:
        del file[name]
        zeros = file.create_dataset(
            name, (1 << 15, 256, 256), np.uint16, chunks=(1 << 14, 256, 256), compression="gzip"
        )
        zeros[:1, :1, :1] = 1


def unknown_filter(path: Path, other: Path, name: str) -> None:
    """A filter that nobody has."""
    import h5py

    with h5py.File(path, "a") as file:
        del file[name]
        space = h5py.h5s.create_simple((4, 24, 32))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((1, 24, 32))
        plist.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.STD_U16LE, space, plist)


def cut(path: Path, other: Path, name: str) -> None:
    """Half of the file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_hdf5(path: Path, other: Path, name: str) -> None:
    """Something else."""
    path.write_bytes(b"not an HDF5 file" * 100)


SPOILS: tuple[Spoil, ...] = (
    external_link,
    virtual,
    external_storage,
    soft_loop,
    unwritten,
    large_chunk,
    unknown_filter,
    cut,
    no_hdf5,
)
