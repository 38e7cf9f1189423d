"""Older forms of the archive: made canonical with each change said, or refused with the option that settles it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import Dataset, LoadedDataset, dataset_arrays, read_dataset, write_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.io.legacy import looks_like_counts
from tests.helpers.known import known
from tests.helpers.messages import names, naming
from tests.strategies.datasets import make_dataset

SOUND = make_dataset(intensity_scale=1.0)
COUNTS = SOUND.counts()


def save(path: Path, dataset: Dataset = SOUND, **changes: Any) -> Path:
    """Write the arrays of `dataset` without a record, some changed or (None) left out."""
    arrays = {**dataset_arrays(dataset), **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def assert_reads_as_sound(loaded: LoadedDataset, *but: str) -> None:
    found, expected = dataset_arrays(loaded.dataset), dataset_arrays(SOUND)
    assert found.keys() == expected.keys()
    for name in expected.keys() - set(but):
        assert found[name].dtype == expected[name].dtype, name
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_a_file_without_record_gets_one_that_claims_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "old.npz")
    loaded = read_dataset(path)
    assert_reads_as_sound(loaded)
    diffraction, role = loaded.changes
    assert names(diffraction, "diffraction", "float32", "amplitude")
    assert names(role, "role", "measurement")
    metadata: dict[str, Any] = {**loaded.dataset.metadata}
    steps = [entry["step"] for entry in metadata.pop("transformations")]
    assert steps == ["record-created", "made-canonical"]
    assert metadata == {
        "schema_version": "1.0.0",
        "role": "measurement",
        "photons_per_pattern_requested": None,
        "photons_per_pattern_measured": None,
        "intensity_scale": None,
        "seed": None,
        "split": "all",
        "source": {"name": "old.npz", "sha256": sha256_file(path), "of": "file"},
    }


@pytest.mark.parametrize("role", ["base", "simulation", "measurement"])
def test_the_caller_may_say_the_role(tmp_path: Path, role: Any) -> None:
    loaded = read_dataset(save(tmp_path / "old.npz"), role=role)
    assert loaded.dataset.role == role
    assert (loaded.dataset.diffraction is None) is (role == "base")
    assert not any(names(change, "role") and names(change, "measurement") for change in loaded.changes)


def test_a_file_without_patterns_is_a_base(tmp_path: Path) -> None:
    loaded = read_dataset(save(tmp_path / "old.npz", diffraction=None))
    assert loaded.dataset.role == "base"
    assert names(loaded.changes[-1], "role", "base")


LAST = "(8, 10, 7)", "(N, H, W)"
FORMS: list[tuple[str, dict[str, Any], str, tuple[object, ...]]] = [
    ("diff3d amplitude", {"diff3d": SOUND.diffraction, "diffraction": None}, "diffraction", ("diff3d",)),
    ("(H, W, N)", {"diffraction": np.moveaxis(known(SOUND.diffraction), 0, 2)}, "diffraction", LAST),
    (
        "(H, W, N), Fortran order",
        {"diffraction": np.asfortranarray(np.moveaxis(known(SOUND.diffraction), 0, 2))},
        "diffraction",
        LAST,
    ),
    ("double amplitude", {"diffraction": known(SOUND.diffraction).astype("f8")}, "diffraction", ("<f8", "float32")),
    ("big-endian", {"diffraction": known(SOUND.diffraction).astype(">f4")}, "diffraction", (">f4", "float32")),
    ("complex128 probe", {"probeGuess": SOUND.probe.astype("c16")}, "probeGuess", ("<c16", "complex64")),
    ("complex128 object", {"objectGuess": known(SOUND.obj).astype("c16")}, "objectGuess", ("<c16", "complex64")),
    ("complex128 patches", {"Y": known(SOUND.patches).astype("c16")}, "Y", ("<c16", "complex64")),
    ("Y with trailing 1", {"Y": known(SOUND.patches)[..., None]}, "Y", ("(7, 8, 10, 1)", "(7, 8, 10)")),
    ("Y (H, W, N)", {"Y": np.moveaxis(known(SOUND.patches), 0, 2)}, "Y", LAST),
    ("probe (H, W, 1)", {"probeGuess": SOUND.probe[..., None]}, "probeGuess", ("(8, 10, 1)", "(8, 10)")),
    ("probe (1, H, W)", {"probeGuess": SOUND.probe[None]}, "probeGuess", ("(1, 8, 10)", "(8, 10)")),
    ("object (M, M', 1)", {"objectGuess": known(SOUND.obj)[..., None]}, "objectGuess", ("(21, 19, 1)", "(21, 19)")),
    ("object (1, M, M')", {"objectGuess": known(SOUND.obj)[None]}, "objectGuess", ("(1, 21, 19)", "(21, 19)")),
    ("column of positions", {"xcoords": SOUND.positions_px[:, 1:]}, "xcoords", ("(7, 1)", "(7,)")),
    ("int32 index", {"scan_index": known(SOUND.scan_index).astype("i4")}, "scan_index", ("<i4", "int64")),
    ("unknown", {"nominal_energy_kev": np.array(8.8)}, "nominal_energy_kev", ()),
]


@pytest.mark.parametrize(("arrays", "name", "parts"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
@pytest.mark.parametrize("mmap", [False, True], ids=["read", "mmap"])
def test_forms(tmp_path: Path, arrays: dict[str, Any], name: str, parts: tuple[object, ...], mmap: bool) -> None:
    loaded = read_dataset(save(tmp_path / "old.npz", **arrays), mmap=mmap)
    assert_reads_as_sound(loaded)
    assert sum(said.startswith(f"{name}: ") and names(said, *parts) for said in loaded.changes) == 1
    assert loaded.dataset.metadata["transformations"][-1]["detail"] == {"changes": list(loaded.changes)}
    write_dataset(tmp_path / "new.npz", loaded.dataset)
    again = read_dataset(tmp_path / "new.npz")
    assert again.changes == ()
    assert again.content_sha256 == loaded.content_sha256


def test_whole_positions_stored_as_integers(tmp_path: Path) -> None:
    rows = np.array([4, 5, 6, 7, 8, 9, 10])
    loaded = read_dataset(save(tmp_path / "old.npz", ycoords=rows.astype("i2")))
    np.testing.assert_array_equal(loaded.dataset.positions_px[:, 0], rows)
    assert loaded.dataset.positions_px.dtype == np.float64


@pytest.mark.parametrize("dtype", ["u2", "i4", "u1"])
def test_integers_under_the_old_name_are_counts(tmp_path: Path, dtype: str) -> None:
    path = save(tmp_path / "old.npz", diffraction=None, diff3d=COUNTS.astype(dtype))
    loaded = read_dataset(path, role="simulation")
    assert_reads_as_sound(loaded)
    np.testing.assert_array_equal(loaded.dataset.counts(), COUNTS)
    assert loaded.dataset.intensity_scale == 1.0
    assert loaded.dataset.metadata["photons_per_pattern_measured"] == COUNTS.sum() / 7
    assert any(names(change, "diffraction", "counts", np.dtype(dtype).name) for change in loaded.changes)


@pytest.mark.parametrize(
    "arrays",
    [
        {"diffraction": COUNTS.astype("u2")},
        {"diffraction": COUNTS.astype("f4")},
        {"diffraction": None, "diff3d": COUNTS.astype("f8")},
    ],
    ids=["integers", "whole floats", "diff3d"],
)
def test_amplitude_or_intensity_is_not_guessed(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = save(tmp_path / "old.npz", **arrays)
    with pytest.raises(DataError, match=naming(path, "values='intensity'", "values='amplitude'")) as caught:
        read_dataset(path)
    assert caught.value.member == "diffraction"
    assert_reads_as_sound(read_dataset(path, values="intensity"))
    with pytest.raises(DataError, match=naming(path, "intensity", "amplitude", COUNTS.max(), 3572)) as caught:
        read_dataset(path, values="amplitude")
    assert caught.value.member == "diffraction"


def test_intensity_with_fractions_has_no_known_scale(tmp_path: Path) -> None:
    path = save(tmp_path / "old.npz", diffraction=(0.3 * COUNTS).astype("f4"))
    loaded = read_dataset(path, values="intensity")
    assert loaded.dataset.intensity_scale is None
    np.testing.assert_allclose(known(loaded.dataset.diffraction), np.sqrt(0.3 * COUNTS), rtol=1e-6)


def test_negative_intensity(tmp_path: Path) -> None:
    path = save(tmp_path / "old.npz", diffraction=None, diff3d=(COUNTS - 1).astype("i2"))
    with pytest.raises(DataError, match=naming(path, "-1", ">= 0")) as caught:
        read_dataset(path)
    assert caught.value.member == "diffraction"


def test_modes_are_kept_by_falling_power(tmp_path: Path) -> None:
    modes = np.stack([0.25 * SOUND.probe, SOUND.probe, -0.5j * SOUND.probe])
    loaded = read_dataset(save(tmp_path / "old.npz", probeGuess=modes))
    np.testing.assert_array_equal(loaded.dataset.modes, modes[[1, 2, 0]])
    said = next(change for change in loaded.changes if change.startswith("probeGuess"))
    assert names(said, 3, "1, 2, 0", f"{16 / 21:.6g}, {4 / 21:.6g}, {1 / 21:.6g}")
    assert loaded.dataset.metadata["schema_version"] == "2.0.0"
    write_dataset(tmp_path / "new.npz", loaded.dataset)
    again = read_dataset(tmp_path / "new.npz")
    assert again.changes == ()
    assert again.content_sha256 == loaded.content_sha256


@pytest.mark.parametrize("order", ["nhw", "hwn"])
def test_a_cube_of_patterns_leaves_the_axis_order_open(tmp_path: Path, order: Any) -> None:
    """n == H == W: the shape fits both orders."""
    cube = make_dataset(n=8, window=(8, 8), extras=False, role="measurement")
    path = save(tmp_path / "old.npz", cube)
    with pytest.raises(DataError, match=naming(path, "(8, 8, 8)", 8, "axis_order='nhw'", "axis_order='hwn'")):
        read_dataset(path)
    assert cube.diffraction is not None
    expected = cube.diffraction if order == "nhw" else np.moveaxis(cube.diffraction, 2, 0)
    np.testing.assert_array_equal(read_dataset(path, axis_order=order).dataset.diffraction, expected)


def test_the_probe_settles_an_order_that_the_length_does_not(tmp_path: Path) -> None:
    """(8, 8, 10) with n = 8 and (10, 8, 8) moved: only one order has the probe's shape."""
    flat = make_dataset(n=8, window=(8, 10), extras=False, role="measurement")
    loaded = read_dataset(save(tmp_path / "old.npz", flat))
    np.testing.assert_array_equal(loaded.dataset.diffraction, flat.diffraction)
    loaded = read_dataset(save(tmp_path / "old.npz", flat, diffraction=np.moveaxis(known(flat.diffraction), 0, 2)))
    np.testing.assert_array_equal(loaded.dataset.diffraction, flat.diffraction)


def test_a_record_fixes_axes_and_values(tmp_path: Path) -> None:
    """A cube with a record is (N, H, W), and its whole numbers are amplitudes that validation judges."""
    cube = make_dataset(n=8, window=(8, 8), extras=False)
    write_dataset(tmp_path / "new.npz", cube)
    assert read_dataset(tmp_path / "new.npz", axis_order="nhw", values="amplitude").changes == ()
    cases: list[tuple[dict[str, Any], str]] = [({"axis_order": "hwn"}, "hwn"), ({"values": "intensity"}, "intensity")]
    for said, word in cases:
        with pytest.raises(DataError, match=word) as caught:
            read_dataset(tmp_path / "new.npz", **said)
        assert caught.value.member == "_metadata"


@pytest.mark.parametrize(
    ("arrays", "member", "parts"),
    [
        ({"diff3d": SOUND.diffraction}, "diff3d", ["diffraction"]),
        ({"diffraction": known(SOUND.diffraction) + 0j}, "diffraction", ["float32", "complex64"]),
        ({"objectGuess": abs(known(SOUND.obj))}, "objectGuess", ["complex64", "float32"]),
        ({"probeGuess": SOUND.probe.real.astype("f8")}, "probeGuess", ["complex64", "float64"]),
        ({"objectGuess": known(SOUND.obj).astype("c16") * 1e60}, "objectGuess", ["complex128", "complex64"]),
        (
            {"diffraction": np.linspace(0, 1e60, 560).reshape(7, 8, 10) + 0.5},
            "diffraction",
            ["float64", "float32"],
        ),
        ({"scan_index": np.arange(7, dtype="u8") + 2**63}, "scan_index", ["uint64", "int64"]),
        ({"xcoords": SOUND.positions_px[:5, 1]}, "ycoords", ["xcoords", 7, 5]),
        ({"xcoords": SOUND.positions_px + 0j}, "xcoords", ["float64", "(n,)", "complex128", "(7, 2)"]),
        ({"diffraction": known(SOUND.diffraction)[:5]}, "diffraction", ["(7, 8, 10)", "(5, 8, 10)"]),
    ],
)
def test_what_no_change_of_form_mends(tmp_path: Path, arrays: dict[str, Any], member: str, parts: list[object]) -> None:
    with pytest.raises(DataError, match=naming(tmp_path / "old.npz", *parts)) as caught:
        read_dataset(save(tmp_path / "old.npz", **arrays))
    assert caught.value.member == member


def test_pickled_metadata_is_refused_with_an_explanation(tmp_path: Path) -> None:
    path = save(tmp_path / "old.npz", _metadata=np.array({"seed": 1}, dtype=object))
    with pytest.raises(DataError, match=naming(path, "object", "JSON", "0-d", "allow_pickle=False")) as caught:
        read_dataset(path)
    assert caught.value.member == "_metadata"


def test_looks_like_counts() -> None:
    assert looks_like_counts(COUNTS.astype(np.float32))
    assert not looks_like_counts(np.sqrt(COUNTS))
    assert not looks_like_counts(np.minimum(COUNTS, 1).astype(np.float32))
