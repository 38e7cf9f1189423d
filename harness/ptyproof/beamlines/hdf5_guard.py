"""What an HDF5 file may not contain, looked at before a library reads it: links to files, arrays without bounds.

Libraries open more than the file that they are given: the other files of a series, and MATLAB's version 7.3, which has
neither the first bytes nor the name of HDF5. So the process that reads lets h5py open nothing that is not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ptyproof.errors import DataError

if TYPE_CHECKING:
    import h5py

_MAX_ITEMS = 100_000
_MAX_ARRAY_BYTES = 32 * 2**30
_MAX_CHUNK_BYTES = 2**30
_ROOM_BYTES = 1 << 28  # that any file may unpack to
_MAX_EXPANSION = 1_100  # more than deflate can pack


def check_hdf5(path: Path) -> None:
    """Refuse a file that takes data from other files, cannot be unpacked here, or claims more than it can hold.

    Raises
    ------
    DataError
        For a file that is no HDF5 file or is cut, links to another file, soft links that lead in a circle, virtual
        datasets and data in external storage, filters that are not installed, arrays and chunks that are too large,
        and more than 100,000 items. Names the item.
    """
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            for name, dataset in _datasets(path, file):
                reason = _fault(dataset)
                if reason is not None:
                    raise DataError(path, reason, name)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise DataError(path, f"cannot be read as HDF5: {_first_line(error)}") from error


def examine_every_file() -> None:
    """Let h5py open no file in this process that `check_hdf5` refuses, whichever library opens it."""
    import h5py

    class Examined(h5py.File):  # type: ignore[misc]  # h5py has no types
        """A file that has been looked at before it is open."""

        known: ClassVar[set[Path]] = set()

        def __init__(self, name: Any, mode: str = "r", *args: Any, **kwargs: Any) -> None:
            if isinstance(name, str | bytes | os.PathLike):
                self._examine(Path(os.fsdecode(name)))
            super().__init__(name, mode, *args, **kwargs)

        def _examine(self, path: Path) -> None:
            if path in self.known:
                return
            self.known.add(path)  # check_hdf5 opens it as well
            try:
                check_hdf5(path)
            except DataError:
                self.known.remove(path)
                raise

    h5py.File = Examined


def _datasets(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield every dataset with its name, each once; groups that contain each other are entered once."""
    import h5py

    seen, groups, n_items = {_address(file)}, [(file.name, file)], 0
    while groups:
        where, group = groups.pop()
        for key in group:
            name = f"{where.rstrip('/')}/{key}"
            n_items += 1
            if n_items > _MAX_ITEMS:
                raise DataError(path, f"has more than {_MAX_ITEMS} items; at most as many are read")
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found = f"links to {link.path} of the file {link.filename}; copy what is linked into one file"
                raise DataError(path, found, name)
            if isinstance(link, h5py.SoftLink):
                _check_soft_link(path, group, key, name)
                continue
            item = group.get(key)
            if isinstance(item, h5py.Dataset):
                yield name, item
            elif isinstance(item, h5py.Group) and _address(item) not in seen:
                seen.add(_address(item))
                groups.append((name, item))


def _check_soft_link(path: Path, group: h5py.Group, key: str, name: str) -> None:
    """Refuse a link that leads in a circle; one to nothing is left to the reader, which may not need it."""
    try:
        group.get(key)
    except (OSError, RuntimeError) as error:
        raise DataError(path, f"is a soft link that cannot be followed: {_first_line(error)}", name) from error


def _address(group: h5py.Group) -> Any:
    import h5py

    return h5py.h5o.get_info(group.id).addr


def _fault(dataset: h5py.Dataset) -> str | None:
    import h5py

    if dataset.is_virtual:
        return "is a virtual dataset, whose data are in other files; copy them into one file"
    if dataset.external:
        return f"has its data in the file {dataset.external[0][0]}; copy them into one file"
    plist = dataset.id.get_create_plist()
    for i in range(plist.get_nfilters()):
        code, _, _, label = plist.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            return f"is packed by the filter {code} ({label.decode(errors='replace')}), which is not installed"
    nbytes, stored = int(dataset.nbytes), int(dataset.id.get_storage_size())
    if nbytes > _MAX_ARRAY_BYTES:
        return f"claims {nbytes} bytes ({dataset.shape} of {dataset.dtype}); at most {_MAX_ARRAY_BYTES} are read"
    if nbytes > _ROOM_BYTES + _MAX_EXPANSION * stored:
        return f"claims {nbytes} bytes and has {stored} bytes in the file, more than any packing gives"
    if dataset.chunks is not None:
        chunk = dataset.dtype.itemsize
        for size in dataset.chunks:
            chunk *= size
        if chunk > _MAX_CHUNK_BYTES:
            return f"has chunks of {chunk} bytes; at most {_MAX_CHUNK_BYTES} are read"
    return None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
