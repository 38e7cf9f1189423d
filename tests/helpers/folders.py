"""What lies in a folder, to compare before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptyproof.io.hashing import sha256_file


def snapshot(root: Path) -> dict[str, bytes]:
    """Return every file under a folder with its bytes."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def contents(root: Path) -> dict[str, str]:
    """Return the digest of every file below a folder by its name."""
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in root.rglob("*") if path.is_file()}


def untimed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without its time."""
    return {key: value for key, value in manifest.items() if key != "timestamp"}


def json_file(path: Path, value: Any) -> Path:
    """Write a JSON file, and the folders above it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_json(path: Path, value: Any) -> str:
    """Write a JSON file, and the folders above it; return its name, as a command line has it."""
    return str(json_file(path, value))
