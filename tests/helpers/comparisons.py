"""Values in the manifest of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def value(manifest: Mapping[str, Any], view: str, method: str, metric: str) -> Any:
    """Return the value of a metric in a cell."""
    cell = next(c for c in manifest["cells"] if (c["view"], c["method"]) == (view, method))
    return next(found for found in cell["measures"] if found["metric"] == metric)["value"]
