"""The files of a hub in a new folder or zip file, which is there whole or not at all.

Files are copied in pieces, and never linked: a run that goes on in a copy must not write into the hub. Each copy is
compared with the digest that was judged.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from ptyproof.errors import InputError, RunError
from ptyproof.io.atomic import TEMPORARY, flush_folder
from ptyproof.io.hashing import CHUNK_BYTES
from ptyproof.io.locking import lock
from ptyproof.io.regular import open_regular

_UNIX = 3
_FIRST_OF_ZIP = (1980, 1, 1, 0, 0, 0)
_PACKED = (".ckpt", ".npz", ".png", ".safetensors", ".zip")  # nothing is gained by packing them again


@dataclass(frozen=True)
class Source:
    """A file that is copied, and the sha256 that it must have."""

    path: Path
    sha256: str


@contextmanager
def new_output(out: Path, *hubs: Path) -> Iterator[Path]:
    """Yield a temporary path beside `out`, which becomes `out` if the block ends without an error.

    What a killed process has left under the temporary name is removed.

    Raises
    ------
    InputError
        If there is something under `out`, if it lies in a hub that is read, or if there is no folder for it.
    RunError
        If the disk is full, or refuses a file for another reason.
    """
    for hub in hubs:
        if out.resolve().is_relative_to(hub.resolve()):
            raise InputError(f"{out} lies in the hub {hub}; name a place outside of it")
    if out.name in ("", ".."):
        raise InputError(f"{out} exists already; name a new file or folder")
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder {out.parent} does not exist")
    temporary = out.with_name(f".{out.name[:100]}{TEMPORARY}")
    with lock(out):
        if os.path.lexists(out):
            raise InputError(f"{out} exists already; name a new file or folder")
        _remove(temporary)
        try:
            yield temporary
            temporary.replace(out)
            flush_folder(out.parent)
        except OSError as error:
            _remove(temporary)
            if error.filename is not None:
                raise
            raise RunError(f"{out} cannot be written: {error.strerror or error}, so nothing was written") from error
        except BaseException:
            _remove(temporary)
            raise


def write_folder(folder: Path, files: Mapping[str, Source], texts: Mapping[str, bytes]) -> None:
    """Write files and texts by their names into a new folder."""
    folder.mkdir()
    for name, source in files.items():
        with _created(folder / name) as target:
            _copy(name, source, target)
        shutil.copystat(source.path, folder / name)
        (folder / name).chmod((folder / name).stat().st_mode | stat.S_IWUSR)  # the copy goes on as a hub
    for name, text in texts.items():
        with _created(folder / name) as target:
            target.write(text)


def write_zip(path: Path, files: Mapping[str, Source], texts: Mapping[str, bytes], stamp: str) -> None:
    """Write files and texts by their names into a new zip file, which holds no folder around them.

    All members have the time `stamp`, ISO 8601, so that equal files give equal bytes, whenever and wherever they lie.
    """
    with path.open("xb") as raw:
        with zipfile.ZipFile(raw, "w") as archive:
            for name, source in files.items():
                with archive.open(_member(name, stamp), "w", force_zip64=True) as target:
                    _copy(name, source, target)
            for name, text in texts.items():
                archive.writestr(_member(name, stamp), text)
        raw.flush()
        os.fsync(raw.fileno())


def _member(name: str, stamp: str) -> zipfile.ZipInfo:
    moment = datetime.fromisoformat(stamp).timetuple()[:6]
    info = zipfile.ZipInfo(name, max(moment, _FIRST_OF_ZIP))
    info.create_system, info.external_attr = _UNIX, 0o100644 << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
    return info


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _copy(name: str, source: Source, target: IO[bytes]) -> None:
    digest = hashlib.sha256()
    with open_regular(source.path) as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            target.write(piece)
    if digest.hexdigest() != source.sha256:
        raise RunError(f"{name} was changed while it was copied, so nothing was written; no run may be under way")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
