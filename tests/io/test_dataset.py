"""DATA-001 round trips: what is written is what is read, byte for byte and digest for digest."""

from __future__ import annotations

import json
import re
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptyproof.errors import DataError, InputError, ManifestError
from ptyproof.io.dataset import (
    Dataset,
    content_digest,
    dataset_arrays,
    new_metadata,
    read_dataset,
    select_positions,
    with_transformation,
    write_dataset,
)
from ptyproof.io.hashing import combine_digests
from ptyproof.io.keys import KNOWN, OF_DETECTOR
from tests.helpers.messages import naming
from tests.strategies.datasets import PHYSICAL, datasets, make_dataset, make_version_2

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_equal(found: Dataset, expected: Dataset) -> None:
    for field in fields(Dataset):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype, field.name
            np.testing.assert_array_equal(one, other, err_msg=field.name)
        else:
            assert one == other, field.name


def rewrite(path: Path, **changes: Any) -> None:
    """Save the arrays of an archive again, some of them changed or (None) left out."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays = {name: array for name, array in {**arrays, **changes}.items() if array is not None}
    np.savez(path, **arrays)


@QUICK
@given(dataset=datasets(), mmap=st.booleans())
def test_round_trip(tmp_path: Path, dataset: Dataset, mmap: bool) -> None:
    digests = write_dataset(tmp_path / "a.npz", dataset)
    write_dataset(tmp_path / "b.npz", dataset)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = read_dataset(tmp_path / "a.npz", mmap=mmap)
    assert loaded.changes == ()
    assert_equal(loaded.dataset, dataset)
    assert loaded.digests == digests
    assert loaded.content_sha256 == combine_digests(digests) == content_digest(dataset)


def test_the_archive_has_the_keys_of_the_contract_and_x_is_the_column(tmp_path: Path) -> None:
    dataset = make_dataset()
    write_dataset(tmp_path / "a.npz", dataset)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        form = {name: (archive[name].dtype.str, archive[name].shape) for name in archive.files}
        np.testing.assert_array_equal(archive["xcoords"], dataset.positions_px[:, 1])
        np.testing.assert_array_equal(archive["ycoords"], dataset.positions_px[:, 0])
        np.testing.assert_array_equal(archive["xcoords_start"], dataset.positions_px[:, 1] + 0.25)
        np.testing.assert_array_equal(archive["ycoords_start"], dataset.positions_px[:, 0] + 0.25)
        assert json.loads(archive["_metadata"][()]) == dataset.metadata
    assert form.pop("_metadata")[1] == ()
    assert form == {
        "diffraction": ("<f4", (7, 8, 10)),
        "objectGuess": ("<c8", (21, 19)),
        "probeGuess": ("<c8", (8, 10)),
        "xcoords": ("<f8", (7,)),
        "ycoords": ("<f8", (7,)),
        "Y": ("<c8", (7, 8, 10)),
        "scan_index": ("<i8", (7,)),
        "filenames": ("<U14", (7,)),
        "xcoords_start": ("<f8", (7,)),
        "ycoords_start": ("<f8", (7,)),
    }


@pytest.mark.parametrize("scale", [1e-4, 0.37, 1.0, 123.4])
def test_counts_are_the_whole_numbers_that_were_drawn(scale: float) -> None:
    drawn = np.random.default_rng(3).poisson(50_000, (4, 6, 8))
    dataset = replace(
        make_dataset(n=4, window=(6, 8)),
        diffraction=(np.sqrt(drawn) / scale).astype(np.float32),
        metadata=new_metadata("simulation", "made", "for a test", intensity_scale=scale),
    )
    assert dataset.counts().dtype == np.int64
    np.testing.assert_array_equal(dataset.counts(), drawn)
    np.testing.assert_array_equal(dataset.counts(slice(1, 3)), drawn[1:3])
    assert dataset.photons_per_pattern() == drawn.sum() / 4


def test_counts_need_diffraction_and_scale() -> None:
    with pytest.raises(InputError, match="diffraction"):
        make_dataset(role="base").counts()
    dataset = make_dataset()
    with pytest.raises(InputError, match="intensity_scale"):
        replace(dataset, metadata={**dataset.metadata, "intensity_scale": None}).counts()


def test_unknown_arrays_are_left_out_and_that_is_said_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_dataset(path, make_dataset())
    before = read_dataset(path)
    rewrite(path, temperature_k=np.zeros((2, 3)), alpha=np.zeros(1))
    loaded = read_dataset(path)
    assert [change.split(":")[0] for change in loaded.changes] == ["alpha", "temperature_k"]
    assert loaded.digests == before.digests
    *old, new = loaded.dataset.metadata["transformations"]
    assert old == before.dataset.metadata["transformations"]
    assert new["step"] == "made-canonical"
    assert new["detail"] == {"changes": list(loaded.changes)}
    write_dataset(path, loaded.dataset)
    assert read_dataset(path).changes == ()


@pytest.mark.parametrize(
    ("value", "rule", "parts"),
    [
        (np.array(["{}"]), None, ["JSON", "0-d", "<U2", "(1,)"]),
        (np.array(b"{}"), None, ["JSON", "0-d", "|S2", "()"]),
        (np.array(1.0), None, ["JSON", "0-d", "float64", "()"]),
        (np.array(""), "empty", []),
        (np.array("{"), "cut", ["JSON"]),
        (np.array('{"role": NaN}'), "number", ["NaN"]),
        (np.array('{"a": 1, "a": 2}'), "duplicate", ["'a'"]),
        (np.array("[]"), None, ["dataset_metadata 1", "$"]),
        (np.array("{}"), None, ["dataset_metadata 1", "$", "schema_version"]),
    ],
)
def test_metadata_that_is_no_record(tmp_path: Path, value: np.ndarray, rule: str | None, parts: list[object]) -> None:
    path = tmp_path / "a.npz"
    write_dataset(path, make_dataset())
    rewrite(path, _metadata=value)
    with pytest.raises(DataError, match=naming(path, *parts)) as caught:
        read_dataset(path)
    assert caught.value.member == "_metadata"
    assert getattr(caught.value, "rule", None) == rule


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("role", "guess"),
        ("intensity_scale", 0),
        ("split", None),
        ("unknown", 1),
        ("transformations", []),
        ("seed", -1),
        ("source", {"name": "/home/me/a.npz", "sha256": "0" * 64, "of": "file"}),
        ("schema_version", "3.0.0"),
        ("schema_version", "1"),
    ],
)
def test_metadata_that_breaks_the_schema_is_neither_read_nor_written(tmp_path: Path, key: str, value: object) -> None:
    dataset = make_dataset()
    metadata: Any = {**dataset.metadata, key: value}
    with pytest.raises(DataError) as caught:
        write_dataset(tmp_path / "a.npz", replace(dataset, metadata=metadata))
    assert caught.value.member == "_metadata"
    assert list(tmp_path.iterdir()) == []
    write_dataset(tmp_path / "a.npz", dataset)
    rewrite(tmp_path / "a.npz", _metadata=np.array(json.dumps(metadata)))
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path / "a.npz")
    assert caught.value.member == "_metadata"


def test_metadata_text_that_is_no_unicode(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_dataset(path, make_dataset())
    rewrite(path, _metadata=np.array([0x110000], "<u4").view("<U1").reshape(()))
    with pytest.raises(DataError, match=naming(path)) as caught:
        read_dataset(path)
    assert caught.value.member == "_metadata"


@pytest.mark.parametrize("name", ["probeGuess", "xcoords", "ycoords"])
def test_what_every_dataset_needs(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.npz"
    write_dataset(path, make_dataset())
    rewrite(path, **{name: None})
    left = [other for other in ("probeGuess", "xcoords", "ycoords") if other != name]
    with pytest.raises(DataError, match=naming(path, *left, "ptyproof import")) as caught:
        read_dataset(path)
    assert caught.value.member == name


def test_require(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.npz", make_dataset(extras=False))
    read_dataset(tmp_path / "a.npz", require=("diffraction", "objectGuess"))
    with pytest.raises(DataError, match=naming(tmp_path / "a.npz", "diffraction")) as caught:
        read_dataset(tmp_path / "a.npz", require=("diffraction", "Y"))
    assert caught.value.member == "Y"
    with pytest.raises(InputError, match=naming("diffraction", "'patches'")):
        read_dataset(tmp_path / "a.npz", require="patches")


def test_a_simulation_is_read_as_base_on_request_and_as_nothing_else(tmp_path: Path) -> None:
    dataset = make_dataset()
    write_dataset(tmp_path / "a.npz", dataset)
    loaded = read_dataset(tmp_path / "a.npz", role="base")
    assert loaded.dataset.diffraction is None
    assert loaded.dataset.patches is None
    assert loaded.dataset.role == "base"
    assert loaded.dataset.intensity_scale is None
    np.testing.assert_array_equal(loaded.dataset.obj, dataset.obj)
    assert [change.split(":")[0] for change in loaded.changes] == ["diffraction", "Y", "role"]
    with pytest.raises(DataError, match=naming(tmp_path / "a.npz", "simulation", "measurement")):
        read_dataset(tmp_path / "a.npz", role="measurement")
    with pytest.raises(InputError, match=naming("role", "base, simulation, measurement", "'truth'")):
        read_dataset(tmp_path / "a.npz", role="truth")  # type: ignore[arg-type]


def test_a_start_position_that_stands_alone(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a.npz", make_dataset())
    rewrite(tmp_path / "a.npz", xcoords_start=None)
    with pytest.raises(DataError, match=naming("a.npz", "xcoords_start")) as caught:
        read_dataset(tmp_path / "a.npz")
    assert caught.value.member == "ycoords_start"


@QUICK
@given(dataset=datasets(), data=st.data())
def test_selection_keeps_rows_together(dataset: Dataset, data: st.DataObject) -> None:
    index = data.draw(st.lists(st.integers(0, len(dataset) - 1), min_size=1, unique=True))
    subset = select_positions(dataset, index, step="view", detail={"spacing_px": 3.5})
    scan_index = np.arange(len(dataset)) if dataset.scan_index is None else dataset.scan_index
    np.testing.assert_array_equal(subset.scan_index, scan_index[index])
    assert subset.obj is dataset.obj
    assert subset.probe is dataset.probe
    chosen, whole = dataset_arrays(subset), dataset_arrays(dataset)
    for name in whole:
        if name in {"objectGuess", "probeGuess"} or (name in OF_DETECTOR and whole[name].ndim == 2):
            np.testing.assert_array_equal(chosen[name], whole[name])
        else:
            np.testing.assert_array_equal(chosen[name], whole[name][index])
    assert subset.photons_per_pattern() == subset.metadata["photons_per_pattern_measured"]
    assert subset.metadata["transformations"][:-1] == dataset.metadata["transformations"]
    assert subset.metadata["transformations"][-1]["detail"] == {
        "positions_before": len(dataset),
        "positions_after": len(index),
        "spacing_px": 3.5,
    }


def test_selection_of_a_selection_still_points_at_the_scan() -> None:
    dataset = replace(make_dataset(n=9), scan_index=None)
    subset = select_positions(select_positions(dataset, slice(2, 8)), [5, 0])
    assert subset.scan_index is not None
    assert subset.scan_index.tolist() == [7, 2]
    mask = np.arange(9) % 2 == 1
    np.testing.assert_array_equal(select_positions(dataset, mask).positions_px, dataset.positions_px[1::2])


@pytest.mark.parametrize(
    "index", [[], [7], [-1], [1, 1], [0.0], [[0]], [True, False], np.zeros(7, bool), slice(3, 3), 2]
)
def test_selections_that_make_no_sense(index: Any) -> None:
    with pytest.raises(InputError, match=r"\bindex\b"):
        select_positions(make_dataset(), index)


def test_a_mapped_stack_stays_out_of_memory(tmp_path: Path) -> None:
    dataset = make_dataset(n=300, window=(128, 96), extras=False)
    assert dataset.diffraction is not None
    size = dataset.diffraction.nbytes
    write_dataset(tmp_path / "a.npz", dataset)
    read_dataset(tmp_path / "a.npz", mmap=True)
    tracemalloc.start()
    loaded = read_dataset(tmp_path / "a.npz", mmap=True).dataset
    subset = select_positions(loaded, [3, 5])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(loaded.diffraction, np.memmap)
    assert not isinstance(subset.diffraction, np.memmap)
    assert held < size / 10


def test_a_damaged_mapped_stack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_dataset(path, make_dataset(n=50, window=(32, 40)))
    content = bytearray(path.read_bytes())
    content[100_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="CRC") as caught:
        read_dataset(path, mmap=True)
    assert caught.value.member == "diffraction"


def test_a_transformation_is_appended_to_a_copy() -> None:
    metadata = new_metadata("base", "first", {"sigma_px": 0.5})
    longer = with_transformation(metadata, "second", {"sigma_px": 1.0})
    detail: Any = longer["transformations"][0]["detail"]
    detail["sigma_px"] = 2.0
    assert metadata["transformations"][0]["detail"] == {"sigma_px": 0.5}
    assert [entry["step"] for entry in metadata["transformations"]] == ["first"]
    assert [entry["step"] for entry in longer["transformations"]] == ["first", "second"]
    assert longer["transformations"][1]["tool"].startswith("ptyproof ")
    unknown: Any = {"dose": 3}
    with pytest.raises(ManifestError):
        new_metadata("base", "first", "made for a test", **unknown)


def test_the_contract_names_every_key_and_its_examples_hold() -> None:
    text = (Path(__file__).parents[2] / "docs" / "data-contract.md").read_text(encoding="utf-8")
    for name in (*KNOWN, *make_version_2().metadata, *PHYSICAL):
        assert f"`{name}`" in text, name
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 8
    exec("\n".join(blocks), {})
