"""The bundle that comes with ptyproof. No torch is imported."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

BUNDLE = "foundation.safetensors"
RECORD = "foundation.json"


def shipped() -> Path | None:
    """Return the path of the bundle that comes with ptyproof, or None if there is none."""
    path = Path(str(files("ptyproof.foundation") / BUNDLE))
    return path if path.is_file() else None
