"""Which pattern belongs to which position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError

Index = npt.NDArray[np.int64]


def paired(path: Path, patterns: Index, positions: Index, changes: list[str]) -> tuple[Index, Index]:
    """Return the places (k,) of patterns and of positions that have the same index, in the order of the patterns.

    Parameters
    ----------
    path
        The file, for messages.
    patterns, positions
        Index of each pattern (n,) and of each position (m,) in the scan.
    changes
        Gets a sentence for those that are left out.

    Raises
    ------
    DataError
        If an index occurs twice, or fewer than two pairs are found.
    """
    for what, index in (("pattern", patterns), ("position", positions)):
        values, counts = np.unique(index, return_counts=True)
        if (counts > 1).any():
            twice = int(values[counts > 1][0])
            raise DataError(path, f"has more than one {what} with the index {twice}, so they cannot be paired")
    if _begins_elsewhere(patterns, positions):
        changes.append(f"positions: numbered {_span(positions)} and patterns {_span(patterns)}, paired in this order")
        positions = positions - positions.min() + patterns.min()
    common, at_pattern, at_position = np.intersect1d(patterns, positions, return_indices=True)
    if len(common) < 2:
        raise DataError(
            path,
            f"has {len(patterns)} patterns (index {_span(patterns)}) and {len(positions)} positions (index "
            f"{_span(positions)}), of which {len(common)} belong together; at least 2 are needed",
        )
    order = np.argsort(at_pattern)
    for what, index in (("patterns", patterns), ("positions", positions)):
        left = len(index) - len(common)
        if left:
            other = "position" if what == "patterns" else "pattern"
            first = int(np.setdiff1d(index, common)[0])
            changes.append(
                f"{what}: {left} of {len(index)} left out, which have no {other} (the first has index {first})"
            )
    return at_pattern[order], at_position[order]


def _begins_elsewhere(patterns: Index, positions: Index) -> bool:
    """Tell whether as many positions as patterns are numbered without a gap, from another number on."""
    spans = [index.max() - index.min() + 1 for index in (patterns, positions) if len(index)]
    whole = len(spans) == 2 and len(patterns) == len(positions) == spans[0] == spans[1]
    return bool(whole and patterns.min() != positions.min())


def _span(index: Index) -> str:
    return f"{index.min()} to {index.max()}" if len(index) else "none"
