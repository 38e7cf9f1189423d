"""A folder that was packed in a zip file, unpacked into a temporary folder; what is not a plain file in it is refused.

Nothing is written before every name in the archive was looked at, and a small archive cannot fill the disk.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ptyproof.errors import InputError
from ptyproof.io.hashing import CHUNK_BYTES

_SHOWN = 120
# what zipfile and its unpackers raise for an archive that is damaged, encrypted, or packed in a way unknown to them
ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True)
class Limits:
    """What an archive may become: how many files, how many bytes, and of a larger one how many times its own size.

    Records are packed to a tenth, arrays and pictures hardly at all.
    """

    n_files: int = 200_000
    size_bytes: int = 1 << 30
    ratio: int = 50


def is_packed(path: Path) -> bool:
    """Tell whether a path is that of a zip file by its name; a folder may have such a name as well."""
    return path.suffix.lower() == ".zip" and not path.is_dir()


@contextmanager
def unpacked(path: Path, top: str, limits: Limits = Limits()) -> Iterator[Path]:
    """Yield a temporary folder with the content of a zip file, which is removed at the end of the block.

    Parameters
    ----------
    path
        The zip file.
    top
        A file that the packed folder has; a single folder around it is left out.
    limits
        What it may become.

    Raises
    ------
    InputError
        If it is no zip file, begins with something else, has no such file, has members that are not plain files below
        it or stand in it twice, is encrypted or damaged, or would become too large.
    """
    with tempfile.TemporaryDirectory(prefix="ptyproof-") as folder:
        yield _extracted(path, top, Path(folder), limits)


def _extracted(path: Path, top: str, folder: Path, limits: Limits) -> Path:
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive, limits)
            root = _root(path, members, top)
            _refuse_large(path, members, folder, limits)
            for info in members:
                _extract(path, archive, info, folder)
    except ZIP_FAULTS as error:
        said = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path} cannot be unpacked: {said[:_SHOWN]}; a whole zip file is expected") from error
    return folder / root


def _members(path: Path, archive: zipfile.ZipFile, limits: Limits) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, after each name in it was looked at."""
    infos = archive.infolist()
    before = min((info.header_offset for info in infos), default=0)
    if before:
        raise InputError(
            f"{path} begins with {before} bytes that are no part of the archive; another program reads those"
        )
    if len(infos) > limits.n_files:
        raise InputError(f"{path} has {len(infos)} members, and at most {limits.n_files} are unpacked")
    files: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    for info in infos:
        name = _name(path, info)
        above = [parent.as_posix() for parent in PurePosixPath(name).parents][:-1]
        folders.update([*above, *([name] if _is_folder(info) else [])])
        if not _is_folder(info):
            if name in files:
                raise InputError(f"{path} has {_shown(name)} twice, so it is not known which one is meant")
            files[name] = info
    both = sorted(folders & files.keys())
    if both:
        raise InputError(f"{path} has {_shown(both[0])} as a file and as a folder")
    return list(files.values())


def _name(path: Path, info: zipfile.ZipInfo) -> str:
    """Return the name of a member without a last slash, if it is a plain name below the folder."""
    raw = info.orig_filename  # the name as it stands there: zipfile cuts it at a zero byte
    name = raw.removesuffix("/") if _is_folder(info) else raw
    parts = name.split("/")
    if not name or name != PurePosixPath(name).as_posix() or {"", ".", ".."} & set(parts) or not name.isprintable():
        raise InputError(f"{path}: {_shown(raw)} is not a plain name below the packed folder")
    if "\\" in name or ":" in parts[0]:
        raise InputError(f"{path}: {_shown(raw)} has a backslash or a drive, and a plain name with / is expected")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) > _is_folder(info):
        raise InputError(f"{path}: {_shown(raw)} is a link or a device, and only files are unpacked")
    if info.flag_bits & 1:
        raise InputError(f"{path}: {_shown(raw)} is encrypted, and is expected without a password")
    return name


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.orig_filename.endswith("/")


def _root(path: Path, members: list[zipfile.ZipInfo], top: str) -> str:
    """Return the folder in the archive that has the file `top`: none, or the single one around everything."""
    names = {info.filename for info in members}
    if top in names:
        return ""
    around = {name.split("/")[0] for name in names}
    if len(around) == 1 and f"{(folder := next(iter(around)))}/{top}" in names:
        return folder
    raise InputError(f"{path} has no {top}, so it is not a packed hub")


def _refuse_large(path: Path, members: list[zipfile.ZipInfo], folder: Path, limits: Limits) -> None:
    size = sum(info.file_size for info in members)
    most = max(limits.size_bytes, limits.ratio * path.stat().st_size)
    if size > most:
        raise InputError(f"{path} would become {size} bytes, and at most {most} are unpacked from a file of its size")
    free = shutil.disk_usage(folder).free
    if size > free:
        raise InputError(f"{path} would become {size} bytes, and the temporary folder has {free} left")


def _extract(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / info.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    left = info.file_size
    with archive.open(info) as source, target.open("xb") as file:
        while piece := source.read(CHUNK_BYTES):
            left -= len(piece)
            if left < 0:
                raise InputError(f"{path}: {_shown(info.filename)} is larger than the archive says")
            file.write(piece)
    if left:
        raise InputError(f"{path}: {_shown(info.filename)} is smaller than the archive says")


def _shown(name: str) -> str:
    return ascii(name[:_SHOWN])
