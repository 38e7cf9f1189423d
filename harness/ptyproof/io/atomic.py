"""Files that are either whole or absent: write to a temporary sibling, flush to disk, rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ptyproof.errors import InputError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` when the block ends without error.

    The data is flushed to disk before the rename. After an exception the temporary file is removed, and
    what stood under `path` before is untouched. The folder must exist.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8 with Unix line ends, atomically."""
    with atomic_path(path) as temporary:
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
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
