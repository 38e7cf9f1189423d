"""Small DATA-001 datasets: one fixed builder for table-driven tests, and a hypothesis strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ptyproof.io.dataset import Dataset, new_metadata
from ptyproof_schemas.types.dataset_metadata import DatasetMetadata

SHA = "0" * 64
PHYSICAL: Any = {
    "photon_energy_ev": 8000.0,
    "detector_distance_m": 2.0,
    "detector_pixel_size_m": [75e-6, 55e-6],
    "object_pixel_size_m": None,
    "field_of_view_m": [5e-6, 4e-6],
    "regime": "far",
}


def make_dataset(
    *,
    n: int = 7,
    window: tuple[int, int] = (8, 10),
    role: str = "simulation",
    intensity_scale: float = 0.37,
    mean_counts: float = 3.0,
    extras: bool = True,
    seed: int = 0,
) -> Dataset:
    """A sound dataset of `role` with a complex probe, a non-square window and a non-square object.

    Counts are Poisson around a bell in the middle of the pattern; `extras` adds every optional array.
    """
    rng = np.random.default_rng(seed)
    height, width = window
    shape = (height + 13, width + 9)
    steps = rng.uniform(0, 1, (n, 2)) * (np.array(shape) - window)
    positions_px = steps + np.array([height // 2, width // 2])
    probe = _complex(rng, window)
    obj = _complex(rng, shape)
    if role == "base":
        return Dataset(obj, probe, positions_px, metadata_of(role))
    bell = np.outer(*(np.hanning(length + 2)[1:-1] for length in window))
    counts = rng.poisson(mean_counts * bell**3 / (bell**3).mean(), (n, *window))
    metadata = metadata_of(
        role,
        intensity_scale=intensity_scale,
        photons_per_pattern_requested=None if role == "measurement" else mean_counts * height * width,
        photons_per_pattern_measured=float(counts.sum()) / n,
    )
    diffraction = (np.sqrt(counts) / intensity_scale).astype(np.float32)
    dataset = Dataset(None if role == "measurement" else obj, probe, positions_px, metadata, diffraction)
    if not extras:
        return dataset
    return Dataset(
        dataset.obj,
        probe,
        positions_px,
        metadata,
        diffraction,
        patches=_complex(rng, (n, *window)),
        scan_index=rng.permutation(3 * n)[:n].astype(np.int64),
        positions_start_px=positions_px + 0.25,
        filenames=np.array([f"frame_{k:04d}é.h5" for k in range(n)]),
    )


def make_version_2(*, per_pattern: bool = False, seed: int = 0, **how: Any) -> Dataset:
    """A sound dataset of `make_dataset` with everything that version 2 of the contract knows and its role allows.

    Mask and background are of the window, or `per_pattern`.
    """
    dataset = make_dataset(seed=seed, **how)
    rng = np.random.default_rng(seed + 1)
    n, window, base = len(dataset), dataset.probe.shape, dataset.role == "base"
    further = np.stack([0.5 * dataset.probe[::-1], 0.25j * dataset.probe[:, ::-1]]).astype(np.complex64)
    metadata: Any = {**dataset.metadata, "schema_version": "2.0.0", "physical": PHYSICAL}
    if base:
        return replace(dataset, further_modes=further, metadata=metadata)
    shape = (n, *window) if per_pattern else window
    valid = rng.uniform(size=shape) > 0.1
    assert dataset.diffraction is not None
    changed = replace(
        dataset,
        further_modes=further,
        valid_pixels=valid,
        background=rng.uniform(0, 0.3, shape).astype(np.float32),
        intensity_factors=rng.uniform(0.9, 1.1, n),
        positions_true_px=None if dataset.role == "measurement" else dataset.positions_px + rng.normal(0, 0.3, (n, 2)),
        diffraction=np.where(valid, dataset.diffraction, np.float32(0)),
    )
    metadata |= {"saturation_counts": 1e9, "detector_psf_sigma_px": 0.4}
    metadata["photons_per_pattern_requested"] = None
    metadata["photons_per_pattern_measured"] = changed.photons_per_pattern()
    return replace(changed, metadata=metadata)


def metadata_of(role: str, **known: Any) -> DatasetMetadata:
    """A `_metadata` record with a seed and a source; `known` sets other keys."""
    return new_metadata(
        role,  # type: ignore[arg-type]
        "made",
        {"for": "a test", "sigma_px": 0.5},
        source={"name": "base.npz", "sha256": SHA, "of": "arrays"},
        seed=None if role == "measurement" else {"root": 42, "key": ["simulation", "dose_1000"]},
        **known,
    )


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Sound datasets of every role, with windows of unequal sides and any photon level."""
    make = draw(st.sampled_from([make_dataset, make_version_2]))
    per_pattern = {"per_pattern": draw(st.booleans())} if make is make_version_2 else {}
    return make(
        **per_pattern,
        n=draw(st.integers(2, 9)),
        window=draw(st.tuples(st.integers(3, 12), st.integers(3, 12)).filter(lambda w: w[0] != w[1])),
        role=draw(st.sampled_from(["base", "simulation", "measurement"])),
        intensity_scale=draw(st.floats(1e-3, 1e3)),
        mean_counts=draw(st.floats(2.0, 1e4)),
        extras=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def _complex(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.complex64]]:
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
