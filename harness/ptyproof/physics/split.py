"""Split a scan into a training and a test half that share no illuminated object pixel.

The line lies along the columns, at the middle of the span of the rows (the y axis); training has the smaller
rows. A position whose light reaches across the line belongs to neither half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.dose import probe_intensity
from ptyproof.physics.positions import checked_positions


@dataclass(frozen=True)
class HalfSplit:
    """Which positions belong to which half.

    Attributes
    ----------
    train, test, left_out
        (m,) int64 indices, ascending; together each position once.
    line_px
        The middle of the span of the positions' rows, in pixels of the object grid.
    first_test_row
        Training lights only object rows below this one, test only this one and above.
    illuminated_rows
        (first, last) row of the window that counts as illuminated.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    left_out: NDArray[np.int64]
    line_px: float
    first_test_row: int
    illuminated_rows: tuple[int, int]


def split_halves(
    positions_px: NDArray[np.floating],
    probe: NDArray[np.complexfloating],
    illumination_fraction: float = 0.0,
    others: Sequence[NDArray[np.complexfloating]] = (),
) -> HalfSplit:
    """Split positions along the rows so that no object pixel is illuminated in both halves.

    Position k lights the object rows floor(row_k - H//2 + first) to ceil(row_k - H//2 + last), where first
    and last are the outermost window rows with |P|^2 above `illumination_fraction` of its maximum.

    Parameters
    ----------
    positions_px
        (n, 2) float64 (row, col) in pixels of the object grid.
    probe
        (H, W) or (n_modes, H, W) complex.
    illumination_fraction
        Share of the largest |P|^2, in [0, 1), above which a pixel is illuminated; 0 counts every pixel where
        the probe is not exactly zero.
    others
        Further probes, each (H, W) or (n_modes, H, W), that light halves; a row counts if any of them lights it.

    Returns
    -------
    HalfSplit

    Raises
    ------
    InputError
        For fewer than two positions, positions that are all equal or not finite, a probe that is zero or not
        finite, a fraction outside [0, 1), and where a half would be empty.
    """
    positions = checked_positions(positions_px)
    if len(positions) < 2:
        raise InputError(f"a split needs at least 2 positions, got {len(positions)}")
    if np.all(positions == positions[0]):
        raise InputError(f"a split needs different positions, got {len(positions)} times {positions[0].tolist()}")
    lit = [illuminated_rows(one, illumination_fraction) for one in (probe, *others)]
    first, last = min(rows[0] for rows in lit), max(rows[1] for rows in lit)
    rows = positions[:, 0]
    line_px = float(rows.min() + (rows.max() - rows.min()) / 2)
    first_test_row = int(np.ceil(line_px))
    tops = rows - probe.shape[-2] // 2
    in_train = np.ceil(tops + last) < first_test_row
    in_test = np.floor(tops + first) >= first_test_row
    split = HalfSplit(
        train=np.flatnonzero(in_train).astype(np.int64),
        test=np.flatnonzero(in_test).astype(np.int64),
        left_out=np.flatnonzero(~(in_train | in_test)).astype(np.int64),
        line_px=line_px,
        first_test_row=first_test_row,
        illuminated_rows=(first, last),
    )
    _check_halves(split, rows)
    return split


def illuminated_rows(probe: NDArray[np.complexfloating], illumination_fraction: float = 0.0) -> tuple[int, int]:
    """First and last window row that holds a pixel with |P|^2 above the fraction of its maximum.

    `probe` is (H, W) or, with incoherent modes, (n_modes, H, W).

    Raises
    ------
    InputError
        For a fraction outside [0, 1), and for a probe that is zero or not finite.
    """
    if not 0.0 <= illumination_fraction < 1.0:
        raise InputError(f"illumination_fraction must be at least 0 and below 1, got {illumination_fraction}")
    intensity = probe_intensity(probe)
    largest = float(intensity.max())
    if not (np.isfinite(largest) and largest > 0):
        raise InputError(f"the probe must be finite and not zero everywhere, its largest |P|^2 is {largest}")
    lit = np.flatnonzero((intensity > illumination_fraction * largest).any(axis=1))
    return int(lit[0]), int(lit[-1])


def _check_halves(split: HalfSplit, rows: NDArray[np.float64]) -> None:
    for name, half in (("train", split.train), ("test", split.test)):
        if len(half) == 0:
            first, last = split.illuminated_rows
            raise InputError(
                f"splitting {len(rows)} positions with rows {rows.min():g} to {rows.max():g} px at "
                f"{split.line_px:g} px leaves 0 {name} positions ({len(split.left_out)} are left out, "
                f"because the probe illuminates {last - first + 1} rows and their illumination crosses the line)"
            )
