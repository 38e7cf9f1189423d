"""What a training may see of a dataset: patterns, probe and positions, never the truth. No torch is imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError, InputError
from ptyproof.io.blocks import sum_of_squares
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.hashing import combine_digests, sha256_array, sha256_json
from ptyproof.io.knowledge import Knowledge, Tell
from ptyproof.io.physical import check_far_field
from ptyproof.io.told import Told
from ptyproof.io.unit_scale import unit_scale
from ptyproof.physics.detector import Detector
from ptyproof.physics.fourier import fft2c, fourier_shift
from ptyproof.physics.thinning import thinned

Margins = tuple[int, int, int, int]  # top, bottom, left, right

_DARK = 1e-3  # of a probe's brightest pixel
_BLOCK_PIXELS = 1 << 22


@dataclass(frozen=True, eq=False)
class NormalizedScan:
    """A scan without its truth.

    Parameters
    ----------
    amplitude
        (n, H, W) float32, sqrt(counts), zero frequency in the middle.
    probe
        (H, W) complex64, scaled such that sum |P|^2 is the mean number of photons per pattern: the network's unit.
    object_scale
        What a patch of the network is multiplied with to fit the file's probe: P_file (object_scale O) = P O.
    positions_px
        (n, 2) float64, (row, col) in pixels of the object grid.
    arrays_sha256
        Digest of the arrays that were read: diffraction, probe, positions, and what is told besides.
    valid_pixels
        bool (H, W) or (n, H, W): where amplitudes were measured; None is everywhere.
    background
        (H, W) or (n, H, W), expected counts besides the light; None is 0.
    further_modes
        (P - 1, H, W) complex64 in the unit of `probe`: modes whose intensities add up; None is a coherent beam.
    intensity_factors
        (n,): factor of the beam's intensity in each pattern; None is 1.
    psf_sigma_px
        Standard deviation of the detector's blur; None is a sharp one.
    saturation_counts
        A pixel with as many counts had these or more; None is no limit.
    told, not_told
        What of it the network is told, by words, and what the dataset knows besides.
    """

    amplitude: npt.NDArray[np.float32]
    probe: npt.NDArray[np.complex64]
    object_scale: float
    positions_px: npt.NDArray[np.float64]
    arrays_sha256: str
    told: tuple[Knowledge, ...] = ()
    not_told: tuple[Knowledge, ...] = ()
    valid_pixels: npt.NDArray[np.bool_] | None = None
    background: npt.NDArray[np.float32] | None = None
    further_modes: npt.NDArray[np.complex64] | None = None
    intensity_factors: npt.NDArray[np.float64] | None = None
    psf_sigma_px: float | None = None
    saturation_counts: float | None = None

    def __len__(self) -> int:
        """Return the number of patterns."""
        return len(self.positions_px)

    @property
    def window(self) -> tuple[int, int]:
        """(H, W) of a pattern, pixels."""
        return self.probe.shape[0], self.probe.shape[1]

    @cached_property
    def whole_px(self) -> npt.NDArray[np.int64]:
        """(n, 2): the pixel of the object grid that is nearest to each position."""
        return np.rint(self.positions_px).astype(np.int64)

    @property
    def corners_px(self) -> npt.NDArray[np.int64]:
        """(n, 2): first row and column of each pattern's window on the object grid."""
        corners: npt.NDArray[np.int64] = self.whole_px - np.array(self.window) // 2
        return corners

    @cached_property
    def dark_px(self) -> Margins:
        """Rows and columns along each edge of a window on which hardly any light falls, wherever in its pixel it is."""
        intensity = np.square(np.abs(self.probe))
        for mode in () if self.further_modes is None else self.further_modes:
            intensity = intensity + np.square(np.abs(mode))
        lit = intensity > _DARK * intensity.max()
        before, after = [], []
        for line in (lit.any(axis=1), lit.any(axis=0)):
            where = np.flatnonzero(line)
            before.append(max(0, int(where[0]) - 1))
            after.append(max(0, len(line) - int(where[-1]) - 2))
        return before[0], after[0], before[1], after[1]

    def probes(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        """Return the probe of each pattern of `index` (m,), shifted by its fraction of a pixel: (m, H, W).

        It has the intensity of the beam in that pattern, where it is known.
        """
        return self._shifted(self.probe, index)

    def further_probes(self, index: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.complex64], ...]:
        """Return the other modes of each pattern of `index` (m,), as `probes` does: (m, H, W) each."""
        return tuple(self._shifted(mode, index) for mode in (() if self.further_modes is None else self.further_modes))

    def _shifted(self, probe: npt.NDArray[np.complex64], index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        fractions = self.positions_px[index] - self.whole_px[index]
        shifted = np.empty((len(index), *self.window), dtype=np.complex64)
        for block in self._blocks(np.arange(len(index))):
            stack = np.broadcast_to(probe, (len(block), *self.window))
            shifted[block] = fourier_shift(stack, fractions[block])
        if self.intensity_factors is not None:
            shifted *= np.sqrt(self.intensity_factors[index]).astype(np.float32)[:, None, None]
        return shifted

    def counts(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the counts of the patterns of `index` (...), (..., H, W), zero frequency in the middle."""
        squares = np.square(self.amplitude[index], dtype=np.float64)
        return np.rint(squares).astype(np.int64)

    def divided(
        self, shown_fraction: float, rng: np.random.Generator
    ) -> tuple[NormalizedScan, npt.NDArray[np.unsignedinteger]]:
        """Return the scan as a part of its photons show it, and the counts (n, H, W) of the others.

        Each photon is shown with the probability `shown_fraction`; the probe is scaled to the shown ones, and patches
        keep their unit.
        """
        amplitude, hidden = thinned(self.amplitude, shown_fraction, rng)
        probe = self.probe * np.float32(np.sqrt(shown_fraction))
        background = None if self.background is None else self.background * np.float32(shown_fraction)
        modes = None if self.further_modes is None else self.further_modes * np.float32(np.sqrt(shown_fraction))
        valid = self.counted(np.arange(len(self))) if self.saturation_counts is not None else self.valid_pixels
        shown = replace(self, amplitude=amplitude, probe=probe, background=background, further_modes=modes)
        return replace(shown, valid_pixels=valid, saturation_counts=None), hidden

    def counted(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_] | None:
        """Return where the patterns of `index` (m,) were measured below saturation, (m, H, W); None is everywhere."""
        valid, limit = self.valid_pixels, self.saturation_counts
        if valid is None and limit is None:
            return None
        shape = (len(index), *self.window)
        free = np.ones(shape, dtype=bool)
        if limit is not None:
            free = np.square(self.amplitude[index], dtype=np.float64) < limit - 0.5
        return free if valid is None else free & (valid if valid.ndim == 2 else valid[index])

    def expected(self, index: npt.NDArray[np.int64], patches: npt.NDArray[np.complex64]) -> npt.NDArray[np.floating]:
        """Return the expected counts of patterns of `index` (m,), (m, H, W), zero frequency in the middle.

        `patches` (m, H, W) are in the unit of the file's probe.
        """
        scale = np.float32(self.object_scale)
        light = np.abs(fft2c(self.probes(index) * patches / scale)) ** 2
        for mode in self.further_probes(index):
            light += np.abs(fft2c(mode * patches / scale)) ** 2
        return Detector(self.psf_sigma_px, background=self.background).expected(light, index)

    def _blocks(self, index: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Return the index in parts, so that what is computed of them on the way stays small."""
        return np.array_split(index, max(1, -(-len(index) * self.probe.size // _BLOCK_PIXELS)))

    def subset(self, index: npt.NDArray[np.int64]) -> NormalizedScan:
        """Return the scan at the positions that `index` (m,) numbers; digest and scale stay those of the whole."""
        valid, background = self.valid_pixels, self.background
        if valid is not None and valid.ndim == 3:
            valid = valid[index]
        if background is not None and background.ndim == 3:
            background = background[index]
        factors = None if self.intensity_factors is None else self.intensity_factors[index]
        part = replace(self, amplitude=self.amplitude[index], positions_px=self.positions_px[index])
        return replace(part, valid_pixels=valid, background=background, intensity_factors=factors)


def scan_of(dataset: Dataset, path: Path | str, tells: Iterable[Tell] = ()) -> NormalizedScan:
    """Return what a training may see of `dataset`, which is told what `tells` name; `path` is named in errors.

    Raises
    ------
    DataError
        If there is no diffraction, its counts are unknown, or it is of the near field.
    """
    if dataset.diffraction is None or dataset.intensity_scale is None:
        missing = "diffraction" if dataset.diffraction is None else "intensity_scale"
        raise DataError(path, f"has no {missing}; a network needs patterns with known photon counts", missing)
    check_far_field(path, dataset.metadata)
    amplitude = dataset.diffraction * np.float32(dataset.intensity_scale)
    known, digest = Told.of(dataset), scan_digest(dataset)
    told = known.only(tells)
    if told.words:
        digest = sha256_json({"scan_sha256": digest, "told": told.digest()})
    scan = normalized_scan(amplitude, dataset.probe, dataset.positions_px, digest, told=told)
    return replace(scan, told=told.words, not_told=tuple(word for word in known.words if word not in told.words))


def scan_digest(dataset: Dataset) -> str:
    """Return the digest of what a scan reads of a dataset: diffraction, probe and positions, never the truth."""
    assert dataset.diffraction is not None  # the caller has checked
    read: dict[str, npt.NDArray[Any]] = {
        "diffraction": dataset.diffraction,
        "probeGuess": dataset.probe,
        "positions_px": dataset.positions_px,
    }
    return combine_digests({name: sha256_array(array) for name, array in read.items()})


def normalized_scan(
    amplitude: npt.NDArray[np.float32],
    probe: npt.NDArray[np.complex64],
    positions_px: npt.NDArray[np.float64],
    arrays_sha256: str,
    scale: float | None = None,
    told: Told | None = None,
) -> NormalizedScan:
    """Return a scan in the network's unit; arrays as in `NormalizedScan`, but `probe` in the unit of its dataset.

    `scale` is what the probe is multiplied with; None takes the number with which a transparent object gives the light
    of a mean pattern. `told` is what the network is told of beam and detector, with modes in the unit of the probe.

    Raises
    ------
    InputError
        If the patterns hold no light, or the probe none that can be scaled to theirs.
    """
    photons = sum_of_squares(amplitude) / len(positions_px)
    power = float(np.square(np.abs(probe), dtype=np.float64).sum())
    if not (0 < photons < np.inf and 0 < power < np.inf):
        raise InputError(
            f"patterns and probe must not be dark, but {len(positions_px)} patterns hold {photons:g} photons each, and "
            f"the sum of |P|^2 is {power:g}"
        )
    told = told or Told()
    scale = unit_scale(amplitude, probe, told) if scale is None else scale
    modes = told.further_modes
    return NormalizedScan(
        amplitude=amplitude.astype(np.float32, copy=False),
        probe=(probe * scale).astype(np.complex64),
        object_scale=scale,
        positions_px=positions_px,
        arrays_sha256=arrays_sha256,
        valid_pixels=told.valid_pixels,
        background=told.background,
        further_modes=None if modes is None else (modes * np.float32(scale)).astype(np.complex64),
        intensity_factors=told.intensity_factors,
        psf_sigma_px=told.psf_sigma_px,
        saturation_counts=told.saturation_counts,
    )


def read_scan(path: Path | str, tells: Iterable[Tell] = ()) -> NormalizedScan:
    """Read what a training that is told what `tells` name may see of a DATA-001 file; its truth stays unread.

    Raises
    ------
    DataError
        If the file is damaged, breaks the contract, or its counts are unknown.
    """
    return scan_of(read_dataset(path, without_truth=True).dataset, path, tells)
