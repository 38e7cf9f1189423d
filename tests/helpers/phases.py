"""A phase that tests look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Phase:
    """A phase's folder and the manifest that the phase returned."""

    root: Path
    manifest: Mapping[str, Any]
