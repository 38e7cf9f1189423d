"""Files that are either whole or absent: write to a temporary sibling, flush to disk, rename.

A process that is killed leaves its temporary file. It holds the file's lock as long as it lives, so that `sweep` can
tell what was left from what is being written. On a system without such locks nothing is swept.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ptyproof.errors import InputError
from ptyproof.io.locking import fcntl, is_file_of

TEMPORARY = ".ptyproof.part"


@contextmanager
def atomic_path(path: Path, is_new: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` when the block ends without error.

    With `is_new` there must be no file under `path`: of several processes, on one machine or several, one alone makes
    it, and the others get FileExistsError. A file system without hard links cannot promise that.

    The data is flushed to disk before the rename, and the folder after it: a record that is written later, and names
    this file, cannot outlive it when the power goes. After an exception the temporary file is removed, and what stood
    under `path` before is untouched. The folder must exist.
    """
    handle, temporary = _begin(path)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        if is_new:
            _link(temporary, path)
        else:
            temporary.replace(path)
        flush_folder(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error  # writing to a full disk names no file
        raise
    finally:
        os.close(handle)


def _link(temporary: Path, path: Path) -> None:
    """Give a file another name, under which there must be none, and take the first one away."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.replace(path)
        return
    temporary.unlink()


def flush_folder(folder: Path) -> None:
    """Flush the names of the files in a folder to the disk, where the file system does so."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written to and not read, or a system that opens no folders
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that flushes no folders
            raise
    finally:
        os.close(handle)


def sweep(root: Path) -> list[Path]:
    """Remove the temporary files under `root` whose processes have died, and return them; links are not followed.

    A file that a living process writes stays, and so does one that this process may not open, lock or remove.
    """
    if fcntl is None:
        return []
    found = [Path(folder, name) for folder, _, names in os.walk(root) for name in names if _is_temporary(name)]
    return [path for path in found if _remove_if_left(path)]


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(TEMPORARY)


def _begin(path: Path) -> tuple[int, Path]:
    """Make a temporary file beside `path`, and hold its lock: closing the handle, or death, lets go of it."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=TEMPORARY, dir=path.parent)
        if fcntl is None:
            return handle, Path(name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process sweeps, and found it before it was locked
            os.close(handle)
            continue
        except OSError:  # a file system without locks, on which `sweep` can lock nothing either
            return handle, Path(name)
        if is_file_of(handle, Path(name)):
            return handle, Path(name)
        os.close(handle)


def _remove_if_left(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_file_of(handle, path):
            return False
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def write_text(path: Path, text: str, is_new: bool = False) -> None:
    """Write `text` to `path` as UTF-8 with Unix line ends, atomically; `is_new` is as in `atomic_path`."""
    with atomic_path(path, is_new) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def writable_folder(path: Path, name: str) -> Path:
    """Make the folder `path` (and its parents) and prove that a file can be written into it.

    Raises
    ------
    InputError
        If `path` is a file, cannot be made, or takes no file; `name` says which option it came from.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except FileExistsError as error:
        raise InputError(f"{name} must be a folder, but {path} is a file") from error
    except NotADirectoryError as error:
        raise InputError(f"{name} must be a folder, but {path} has a file among its parents") from error
    except OSError as error:
        raise InputError(f"{name} must be a writable folder, but {path}: {error.strerror}") from error
    return path


def _umask() -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    except (OSError, StopIteration):
        pass
    # Elsewhere the mask can only be read by setting it, which another thread may see.
    mask = os.umask(0)
    os.umask(mask)
    return mask
