"""The bundle of a trained network: exact round trips, equal bytes, and files that are refused without running code."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import resource
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save

from ptyproof.errors import DataError, ManifestError
from ptyproof.study.layout import BUNDLE
from ptyproof.training.bundle import RECORD, read_bundle, write_bundle
from ptyproof.training.network import Stage
from tests.helpers.bundles import SIZES, network, record
from tests.helpers.messages import naming
from tests.helpers.position_groups import noisy


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], **metadata: Any) -> Path:
    path.write_bytes(save(tensors, metadata=metadata))
    return path


def header_length(raw: bytes | bytearray) -> int:
    return 8 + int(struct.unpack("<Q", raw[:8])[0])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle"), network(), record())


def test_weights_and_record_come_back_as_they_were(written: Path) -> None:
    bundle = read_bundle(written)
    assert bundle.record == record()
    assert bundle.window == (8, 12)
    expected = network().state_dict()
    found = bundle.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert bundle.network.design == SIZES
    assert not bundle.network.training


def test_a_read_network_gives_the_same_object(written: Path) -> None:
    patterns = noisy(2, 3, (8, 12))
    with torch.no_grad():
        assert torch.equal(read_bundle(written).network(patterns), network().eval()(patterns))


def test_the_folder_has_the_bundle_and_its_readable_record_alone(written: Path) -> None:
    assert sorted(path.name for path in written.parent.iterdir()) == sorted([BUNDLE, RECORD])
    assert json.loads((written.parent / RECORD).read_text(encoding="utf-8")) == record()


def test_any_safetensors_reader_reads_the_weights(written: Path) -> None:
    for name, value in load_file(written).items():
        assert torch.equal(value, network().state_dict()[name])


def test_equal_weights_and_record_give_equal_bytes(written: Path, tmp_path: Path) -> None:
    shuffled: Any = dict(sorted(record().items(), reverse=True))
    again = write_bundle(tmp_path, network(), shuffled)
    assert again.read_bytes() == written.read_bytes()


@pytest.mark.parametrize("what", ["weights", "record"])
def test_other_weights_or_another_record_give_other_bytes(written: Path, tmp_path: Path, what: str) -> None:
    changed, changes = (1, {}) if what == "weights" else (0, {"final_loss": 0.26})
    assert write_bundle(tmp_path, network(changed), record(**changes)).read_bytes() != written.read_bytes()


@pytest.mark.parametrize("trained", [True, False])
def test_weights_are_written_wherever_and_however_they_lie(written: Path, tmp_path: Path, trained: bool) -> None:
    made = network().train(trained)
    weight = cast("Stage", made.stages[0]).stem.weight
    weight.data = weight.data.flip(0).contiguous().flip(0).transpose(2, 3).contiguous().mT
    assert not weight.is_contiguous()
    assert write_bundle(tmp_path, made, record()).read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    "changes",
    [{"final_loss": float("nan")}, {"dose": -1.0}, {"unknown": 1}, {"gridsize": 0}, {"recipe_sha256": "xyz"}],
    ids=str,
)
def test_a_record_that_breaks_its_schema_is_not_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises((ManifestError, ValueError)):
        write_bundle(tmp_path, network(), record(**changes))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("validation_loss", [None, 0.75])
def test_a_validation_loss_may_be_missing(tmp_path: Path, validation_loss: float | None) -> None:
    path = write_bundle(tmp_path, network(), record(validation_loss=validation_loss))
    assert read_bundle(path).record["validation_loss"] == validation_loss


@pytest.mark.parametrize("kind", ["nothing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / BUNDLE
    if kind == "folder":
        path.mkdir()
    with pytest.raises(DataError) as caught:
        read_bundle(path)
    assert caught.value.path == path


@pytest.mark.parametrize("where", ["empty", "length", "early header", "header", "first weight", "weights", "last byte"])
def test_a_truncated_bundle_is_refused(written: Path, tmp_path: Path, where: str) -> None:
    raw = written.read_bytes()
    head = header_length(raw)
    kept = {
        "empty": 0,
        "length": 5,
        "early header": 30,
        "header": head - 1,
        "first weight": head,
        "weights": (head + len(raw)) // 2,
        "last byte": len(raw) - 1,
    }[where]
    path = tmp_path / BUNDLE
    path.write_bytes(raw[:kept])
    with pytest.raises(DataError, match=naming(BUNDLE, "safetensors")) as caught:
        read_bundle(path)
    assert caught.value.path == path


def test_bytes_after_the_weights_are_refused(written: Path, tmp_path: Path) -> None:
    path = tmp_path / BUNDLE
    path.write_bytes(written.read_bytes() + b"\0" * 8)
    with pytest.raises(DataError, match=naming(BUNDLE, "safetensors")):
        read_bundle(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.sampled_from(b'\0\xff"{}[],:0a \\'))
def test_a_damaged_header_is_refused_or_says_the_same_weights(
    written: Path, tmp_path: Path, place: int, byte: int
) -> None:
    raw = bytearray(written.read_bytes())
    raw[int(place * header_length(raw))] = byte
    path = tmp_path / BUNDLE
    path.write_bytes(raw)
    expected = network().state_dict()
    with suppress(DataError):
        bundle = read_bundle(path)
        assert all(torch.equal(value, expected[name]) for name, value in bundle.network.state_dict().items())


def test_safetensors_of_other_makers_are_refused(tmp_path: Path) -> None:
    for metadata in ({}, {"format": "pt"}):
        path = write_tensors(tmp_path / BUNDLE, network().state_dict(), **metadata)
        with pytest.raises(DataError, match=naming(BUNDLE, "ptyproof", "metadata")):
            read_bundle(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"kind": "model"}',
        json.dumps(record())[:-1],
        json.dumps(record())[:-1] + ', "dose": 1}',
    ],
)
def test_a_broken_record_is_refused(tmp_path: Path, text: str) -> None:
    path = write_tensors(tmp_path / BUNDLE, network().state_dict(), ptyproof=text)
    with pytest.raises(ManifestError) as caught:
        read_bundle(path)
    assert caught.value.path == path
    assert caught.value.member == "metadata"


@pytest.mark.parametrize("missing", sorted(record()))
def test_every_entry_of_the_record_is_needed(tmp_path: Path, missing: str) -> None:
    less = record()
    del less[missing]
    path = write_tensors(tmp_path / BUNDLE, network().state_dict(), ptyproof=json.dumps(less))
    with pytest.raises(ManifestError, match=missing):
        read_bundle(path)


def without_head(state: Any) -> None:
    del state["stages.1.head.bias"]


def with_one_more(state: Any) -> None:
    state["stages.0.blocks.1.first.bias"] = torch.zeros(6)


def with_another_shape(state: Any) -> None:
    state["stages.0.stem.weight"] = torch.zeros(6, 8, 3, 3)


def with_a_scalar(state: Any) -> None:
    state["stages.0.head.bias"] = torch.tensor(1.0)


def empty(state: Any) -> None:
    state.clear()


@pytest.mark.parametrize(
    ("change", "at_fault"),
    [
        (without_head, "stages.1.head.bias"),
        (with_one_more, "stages.0.blocks.1.first.bias"),
        (with_another_shape, "stages.0.stem.weight"),
        (with_a_scalar, "stages.0.head.bias"),
        (empty, "stages.0."),
    ],
)
def test_weights_that_do_not_fit_the_record_are_refused(tmp_path: Path, change: Any, at_fault: str) -> None:
    state = dict(network().state_dict())
    change(state)
    path = write_tensors(tmp_path / BUNDLE, state, ptyproof=json.dumps(record()))
    with pytest.raises(DataError, match=re.escape(at_fault)):
        read_bundle(path)


@pytest.mark.parametrize(
    "sizes", [{"channels": 16}, {"n_blocks": 2}, {"shrink": 4}, {"n_stages": 1}, {"n_stages": 3}], ids=str
)
def test_a_record_of_other_sizes_is_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    other = copy.deepcopy(record())
    other["training"]["network"].update(sizes)
    path = write_tensors(tmp_path / BUNDLE, network().state_dict(), ptyproof=json.dumps(other))
    with pytest.raises(DataError, match=r"\bstages\.\d\."):
        read_bundle(path)


@pytest.mark.parametrize(
    "sizes",
    [
        {"channels": 0},
        {"channels": 4097},
        {"channels": 8.5},
        {"n_stages": 0},
        {"n_stages": 65},
        {"shrink": "2"},
        {"x": 1},
    ],
    ids=str,
)
def test_impossible_sizes_are_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    other = copy.deepcopy(record())
    other["training"]["network"].update(sizes)
    path = write_tensors(tmp_path / BUNDLE, network().state_dict(), ptyproof=json.dumps(other))
    with pytest.raises(DataError):
        read_bundle(path)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool])
def test_weights_of_another_type_are_refused(tmp_path: Path, dtype: Any) -> None:
    state = {name: value.to(dtype) for name, value in network().state_dict().items()}
    path = write_tensors(tmp_path / BUNDLE, state, ptyproof=json.dumps(record()))
    with pytest.raises(DataError):
        read_bundle(path)


def test_a_small_file_that_claims_a_huge_network_takes_no_memory(tmp_path: Path) -> None:
    other = copy.deepcopy(record())
    other["training"]["network"].update(channels=1024, n_blocks=64)  # 5 GB of weights
    path = write_tensors(tmp_path / BUNDLE, network().state_dict(), ptyproof=json.dumps(other))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"\bstages\.\d\."):
        read_bundle(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_a_pickle_under_the_bundles_name_is_not_run(tmp_path: Path, form: str) -> None:
    path, trace = tmp_path / BUNDLE, tmp_path / "it-ran"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Bomb(trace)))
    else:
        torch.save({"state": Bomb(trace)}, path)
    with pytest.raises(DataError, match=naming(BUNDLE, "safetensors")):
        read_bundle(path)
    assert not trace.exists()
    if form == "pickle":
        pickle.loads(path.read_bytes())
        assert trace.exists()
