"""The mode axis of a probe follows from patterns or shapes and is never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.io.probe_modes import mode_axis
from tests.helpers.measurements import WINDOW, N, legacy, legacy_arrays, tike
from tests.helpers.messages import names, naming

PROBE = legacy_arrays()["probeGuess"]
MODES = np.stack([0.5 * PROBE, PROBE, 0.5j * PROBE])
OBJECT = np.ones((40, 45), "c8")


@pytest.mark.parametrize("patterns", [True, False])
@pytest.mark.parametrize(("axis", "axes"), [(0, "(modes, H, W)"), (2, "(H, W, modes)")])
def test_modes_first_and_last(tmp_path: Path, axis: int, axes: str, patterns: bool) -> None:
    probe = np.moveaxis(MODES, 0, axis)
    other = {} if patterns else {"diff3d": None, "objectGuess": OBJECT}
    loaded = read_dataset(legacy(tmp_path / "a.npz", probeGuess=probe, **other))
    np.testing.assert_array_equal(loaded.dataset.probe, PROBE)
    said = next(change for change in loaded.changes if change.startswith("probeGuess"))
    assert axes in said
    assert names(said, 3, "1, 0, 2", "0.666667")
    np.testing.assert_array_equal(loaded.dataset.modes, MODES[[1, 0, 2]])


@pytest.mark.parametrize(
    ("shape", "windows", "axis"),
    [
        ((3, 32, 32), set(), 0),
        ((32, 32, 3), set(), 2),
        ((3, 32, 40), set(), 0),
        ((32, 40, 3), set(), 2),
        ((1, 32, 32), set(), 0),
        ((32, 32, 1), set(), 2),
        ((40, 32, 32), {(32, 32)}, 0),  # more modes than rows: the patterns tell
        ((32, 32, 40), {(32, 32)}, 2),
        ((32, 32, 8), {(32, 8)}, 0),
    ],
)
def test_shapes_that_tell_which_axis_the_modes_are_on(
    shape: tuple[int, ...], windows: set[tuple[int, int]], axis: int
) -> None:
    assert mode_axis(shape, windows, Path("a.npz"), "probeGuess") == axis


@pytest.mark.parametrize(
    ("shape", "windows"),
    [((40, 32, 32), set()), ((32, 32, 32), {(32, 32)}), ((32, 40, 32), set()), ((8, 8, 8), set())],
)
def test_shapes_that_leave_the_axis_of_the_modes_open(shape: tuple[int, ...], windows: set[tuple[int, int]]) -> None:
    with pytest.raises(DataError) as caught:
        mode_axis(shape, windows, Path("a.npz"), "probeGuess")
    assert caught.value.member == "probeGuess"
    assert all(part in caught.value.reason for part in (str(shape), "(modes, H, W)", "(H, W, modes)"))


@pytest.mark.parametrize(
    "probe",
    [PROBE, MODES, np.moveaxis(MODES, 0, 2), MODES[None], MODES[None, None], MODES[None, None, None]],
    ids=lambda probe: str(probe.shape),
)
def test_tike_probes_of_two_to_six_axes(tmp_path: Path, probe: Any) -> None:
    dataset, changes = import_foreign(tike(tmp_path / "a.npz", probe=probe))
    np.testing.assert_array_equal(dataset.probe, PROBE)
    modes = probe.size // PROBE.size
    assert any(names(change, "probe", str(probe.shape)) for change in changes)
    assert len(dataset.modes) == modes
    assert modes == 1 or any(names(change, "probe", modes, "0.666667") for change in changes)
    assert dataset.metadata["schema_version"] == ("1.0.0" if modes == 1 else "2.0.0")


def test_tike_modes_that_do_not_fit_the_patterns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=naming("a.npz", (1, N, *WINDOW), (WINDOW[0], WINDOW[1] - 2))):
        import_foreign(tike(tmp_path / "a.npz", probe=np.ones((1, 1, 3, WINDOW[0], WINDOW[1] - 2), "c8")))
