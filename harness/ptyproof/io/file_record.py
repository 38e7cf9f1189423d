"""How a manifest names a file: its path relative to the manifest's folder, its sha256 and its size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.io.hashing import sha256_and_size

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import File


def relative(path: Path, folder: Path) -> str:
    """Return `path` relative to `folder` with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def file_record(path: Path, folder: Path) -> File:
    """Return the record of a file for a manifest in `folder`: relative path, sha256, size in bytes."""
    sha256, size = sha256_and_size(path)
    return {"path": relative(path, folder), "sha256": sha256, "size_bytes": size}


def file_is_whole(record: Mapping[str, Any], folder: Path) -> bool:
    """Tell whether the file of a record is there with the recorded size and sha256."""
    path = folder / record["path"]
    try:
        if not path.is_file() or path.stat().st_size != record["size_bytes"]:
            return False
        return sha256_and_size(path) == (record["sha256"], record["size_bytes"])
    except FileNotFoundError:  # another process has removed it since
        return False
