"""The patterns of a scan in batches of groups, as a training reads them: with the photons that it shows and hides."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from ptyproof.errors import InputError
from ptyproof.physics.grouping import position_groups
from ptyproof.study.seeds import stream
from ptyproof.training.scan import NormalizedScan
from ptyproof.training.told_batch import told_arrays

Batch = dict[str, npt.NDArray[Any]]

_LARGEST_AMPLITUDE = 2.0**26  # counts up to its square are exact in double precision


def hold_back(
    positions_px: npt.NDArray[np.float64], fraction: float, group_size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split positions into those trained on and those kept for validation: the rows farthest along y.

    Validation keeps `fraction` of the positions and at least one group; where the rest could not make a group any
    more, nothing is held back.

    Returns
    -------
    int64 (n - m,) and (m,): indices of training and validation positions, ascending.
    """
    n = len(positions_px)
    wanted = max(round(fraction * n), group_size) if fraction > 0 else 0
    if n - wanted < group_size:
        wanted = 0
    order = np.lexsort((positions_px[:, 1], positions_px[:, 0]))
    return np.sort(order[: n - wanted]), np.sort(order[n - wanted :])


@dataclass(frozen=True, eq=False)
class Draw:
    """A batch of groups to be read, int64 (B, C), and the name of the random stream that hides photons in it."""

    groups: npt.NDArray[np.int64]
    seed: int
    key: tuple[str, ...]


class GroupedScan(TorchDataset[Batch]):
    """A scan whose items are batches of groups, the photons of each pattern divided into shown and hidden ones.

    Parameters
    ----------
    scan
        The patterns.
    shown_fraction
        Probability with which a photon is shown; with 1 the counts are shown and judged alike.

    Raises
    ------
    InputError
        If an amplitude is no square root of a count.
    """

    def __init__(self, scan: NormalizedScan, shown_fraction: float) -> None:
        largest = float(scan.amplitude.max(initial=0.0))  # NaN if an amplitude is NaN
        if not largest < _LARGEST_AMPLITUDE:
            raise InputError(f"amplitudes must be finite, and below 2^26, the square root of a count, got {largest:g}")
        self.scan = scan
        self._shown_fraction = shown_fraction

    def __getitem__(self, draw: Draw) -> Batch:
        """Return `shown` and `hidden` counts and `probes` (B, C, H, W), and `corners_px` (B, C, 2) on the canvases.

        `dark_px` (4,) holds the scan's dark margins. What is told of beam and detector is as in `told_arrays`.

        The counts' zero frequency comes first. A draw gives the same division whenever and wherever it is read.
        """
        groups = draw.groups
        shape = (*groups.shape, *self.scan.window)
        corners = self.scan.corners_px[groups]
        counts = np.fft.ifftshift(self.scan.counts(groups), axes=(-2, -1))
        if self._shown_fraction < 1:
            shown = stream(draw.seed, *draw.key).binomial(counts, self._shown_fraction)
            hidden = counts - shown
        else:
            shown = hidden = counts
        return {
            "shown": shown.astype(np.float32),
            "hidden": hidden.astype(np.float32),
            "probes": self.scan.probes(groups.reshape(-1)).reshape(shape),
            "corners_px": corners - corners.min(axis=1, keepdims=True),
            "dark_px": np.array(self.scan.dark_px),
            **told_arrays(self.scan, groups),
        }


class GroupSampler(Sampler[Draw], Sized):
    """The batches of groups of an epoch; they depend on seed, key and epoch alone, so that a resumed run sees the same.

    Parameters
    ----------
    positions_px
        (n, 2) positions, at least gridsize^2 of them.
    gridsize, neighbor_count
        A group is C = gridsize^2 of the K positions nearest to its seed position, the seed included.
    steps, groups_per_step
        Batches of an epoch, and groups in a batch.
    seed, key
        Root and name of the random stream.
    """

    def __init__(
        self,
        positions_px: npt.NDArray[np.float64],
        gridsize: int,
        neighbor_count: int,
        steps: int,
        groups_per_step: int,
        seed: int,
        key: tuple[str, ...],
    ) -> None:
        self._positions_px = positions_px
        self._grouping = (gridsize, neighbor_count)
        self._steps = steps
        self._groups_per_step = groups_per_step
        self._stream = (seed, key)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches are drawn next; Lightning calls this."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._steps

    def __iter__(self) -> Iterator[Draw]:
        """Yield the batches: (groups_per_step, C) indices each, and the stream that hides their photons."""
        seed, key = self._stream
        epoch = (*key, f"epoch {self._epoch}")
        rng = stream(seed, *epoch)
        groups = position_groups(self._positions_px, *self._grouping, self._steps * self._groups_per_step, rng)
        for step, batch in enumerate(groups.reshape(self._steps, self._groups_per_step, -1)):
            yield Draw(batch, seed, (*epoch, f"step {step}"))
