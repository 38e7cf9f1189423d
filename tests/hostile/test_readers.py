"""Whatever a stranger sends, each reader of files refuses it: at once, in little memory, and without running it."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save

from ptyproof.checking.model.loading import load
from ptyproof.errors import ManifestError, PtyproofError
from ptyproof.hub.index import Hub
from ptyproof.io.strict_json import read_json
from tests.fuzz.readers import READERS
from tests.helpers.bundles import write_small_bundle
from tests.helpers.messages import names, naming
from tests.hostile.files import Bomb, TookTooLongError, giant, within, zip_bomb
from tests.strategies.datasets import make_dataset

OF_FILES = ("dataset", "import", "reconstruction", "bundle", "checkpoint", "study", "json")


def read(name: str, path: Path) -> None:
    READERS[name].read(path, path.parent)


def refused(name: str, path: Path) -> str:
    """Give a file to a reader that must refuse it within five seconds and 1 GiB; return the reason."""
    with within(), pytest.raises(PtyproofError) as caught:
        read(name, path)
    return str(caught.value)


def objects(bomb: Bomb) -> np.ndarray[Any, np.dtype[np.object_]]:
    found = np.empty((1,), dtype=object)
    found[0] = bomb
    return found


def in_arrays(path: Path, bomb: Bomb) -> None:
    """Bombs under every name that a reader of archives asks for."""
    names = ("diffraction", "probeGuess", "_metadata", "xcoords", "ycoords", "data", "scan", "probe", "object")
    np.savez(path, **{name: objects(bomb) for name in (*names, "_reconstruction", "illumination", "parts")})  # type: ignore[arg-type]


def in_checkpoint(path: Path, bomb: Bomb) -> None:
    torch.save({"epoch": 1, "state_dict": {}, "bomb": bomb}, path)


def in_old_checkpoint(path: Path, bomb: Bomb) -> None:
    torch.save({"epoch": 1, "bomb": bomb}, path, _use_new_zipfile_serialization=False)


def in_hdf5(path: Path, bomb: Bomb) -> None:
    """A bomb as an opaque value, beside links and data that lie in other files."""
    with h5py.File(path, "w") as file:
        file["pickled"] = np.void(pickle.dumps(bomb))
        file["texts"] = np.array(["a", "b"], dtype=h5py.string_dtype())
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
        layout = h5py.VirtualLayout((1 << 40,), "f8")
        file.create_virtual_dataset("diffraction", layout)


def pickled(path: Path, bomb: Bomb, protocol: int | None = None) -> None:
    """A bomb alone."""
    path.write_bytes(pickle.dumps(bomb, protocol))


BOMBS: dict[str, Callable[[Path, Bomb], None]] = {
    "pickle": pickled,
    "pickle of protocol 0": partial(pickled, protocol=0),
    "arrays": in_arrays,
    "checkpoint": in_checkpoint,
    "old checkpoint": in_old_checkpoint,
    "hdf5": in_hdf5,
}


@pytest.mark.parametrize("form", BOMBS)
@pytest.mark.parametrize("name", OF_FILES)
def test_a_bomb_is_not_run(tmp_path: Path, name: str, form: str) -> None:
    trace, path = tmp_path / "it-ran", tmp_path / f"bomb{'.npz' if form == 'arrays' else READERS[name].suffix}"
    BOMBS[form](path, Bomb(trace))
    refused(name, path)
    assert not trace.exists()


def test_the_bombs_are_live(tmp_path: Path) -> None:
    for number, form in enumerate(("pickle", "pickle of protocol 0", "arrays", "checkpoint", "old checkpoint")):
        path, trace = tmp_path / f"{number}.npz", tmp_path / f"ran-{number}"
        BOMBS[form](path, Bomb(trace))
        if form == "arrays":
            np.load(path, allow_pickle=True)["data"]
        elif "checkpoint" in form:
            torch.load(path, weights_only=False)
        else:
            pickle.loads(path.read_bytes())
        assert trace.is_dir()


@pytest.mark.parametrize("kind", ["pipe", "zeros", "folder", "circle", "nothing"])
@pytest.mark.parametrize("name", OF_FILES)
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / f"it{READERS[name].suffix}"
    make: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path),
        "zeros": lambda: path.symlink_to("/dev/zero"),
        "folder": path.mkdir,
        "circle": lambda: path.symlink_to(path.name),
        "nothing": lambda: None,
    }
    make[kind]()
    refused(name, path)


def test_a_pipe_among_the_files_of_a_hub(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hub.json")
    with within(), pytest.raises(ManifestError, match=r"hub\.json"):
        Hub(tmp_path).read()
    with within():
        assert load(tmp_path / "hub.json").faults[0][0] == "PM001"


SCAN = {"xcoords": giant((7,), "f8"), "ycoords": giant((7,), "f8"), "probeGuess": giant((8, 10), "c8")}
FIT = {"history_iteration": giant((0,), "i4"), "history_loss": giant((0,), "f8"), "history_seconds": giant((0,), "f8")}
LARGE = (1 << 16, 1 << 15)  # 16 GiB of complex64
UNPACKED = [1 << 28, 100]  # bytes, and times the file, that are unpacked
ZIP_BOMBS: dict[str, tuple[str, dict[str, tuple[bytes, int]], list[Any]]] = {
    "patterns beyond the positions": (
        "dataset",
        SCAN | {"diffraction": giant((40_000, 100, 10), "f4")},
        ["diffraction", "(40000, 100, 10)", "float32", 7, "(8, 10)", 8960],
    ),
    "mask beyond the positions": (
        "dataset",
        SCAN | {"valid_pixels": giant((40_000, 100, 10), "?")},
        ["valid_pixels", "(40000, 100, 10)", "bool", 7, "(8, 10)", 8960],
    ),
    "background beyond the positions": (
        "dataset",
        SCAN | {"background": giant((40_000, 100, 10), "f4")},
        ["background", "(40000, 100, 10)", "float32", 7, "(8, 10)", 8960],
    ),
    "factors beyond the positions": (
        "dataset",
        SCAN | {"intensity_factors": giant((20_000_000,), "f8")},
        ["intensity_factors", "(20000000,)", "float64", 7, 112],
    ),
    "true positions beyond the positions": (
        "dataset",
        SCAN | {"xcoords_true": giant((15_000_000,), "f8"), "ycoords_true": giant((15_000_000,), "f8")},
        ["xcoords_true", "(15000000,)", "float64", 7, 112],
    ),
    "object": ("dataset", SCAN | {"objectGuess": giant((12_000, 12_000), "c8")}, UNPACKED),
    "unknown array": ("dataset", SCAN | {"mine": giant((12_000, 12_000), "c8")}, UNPACKED),
    "names": ("dataset", SCAN | {"filenames": giant((7,), "U90000000")}, UNPACKED),
    "imported": (
        "import",
        {
            "data": giant((1, 4000, 400, 400), "f4"),
            "scan": giant((1, 4000, 2), "f4"),
            "probe": giant((1, 1, 1, 400, 400), "c8"),
        },
        UNPACKED,
    ),
    "object of a fit": (
        "reconstruction",
        FIT
        | {
            "object": giant((12_000, 12_000), "c8"),
            "probe": giant((8, 8), "c8"),
            "illumination": giant((12_000, 12_000), "f4"),
            "parts": giant((12_000, 12_000), "i4"),
            "_reconstruction": giant((), "U9"),
        },
        UNPACKED,
    ),
    "history of a fit": (
        "reconstruction",
        FIT
        | {
            "history_seconds": giant((200_000_000,), "f8"),
            "object": giant((8, 8), "c8"),
            "probe": giant((8, 8), "c8"),
            "illumination": giant((8, 8), "f4"),
            "parts": giant((8, 8), "i4"),
            "_reconstruction": giant((), "U9"),
        },
        UNPACKED,
    ),
    "many small ones": (
        "dataset",
        SCAN | {f"a{number}": giant((1 << 25,), "u1") for number in range(40)},
        UNPACKED,
    ),
}


@pytest.mark.parametrize("case", ZIP_BOMBS)
def test_a_small_archive_does_not_become_large(tmp_path: Path, case: str) -> None:
    name, members, parts = ZIP_BOMBS[case]
    path = zip_bomb(tmp_path / "bomb.npz", {f"{member}.npy": content for member, content in members.items()})
    assert path.stat().st_size * 80 < sum(length for _, length in members.values())
    with pytest.raises(PtyproofError, match=naming(path, *parts)), within():
        read(name, path)


def test_the_zip_bombs_are_live(tmp_path: Path) -> None:
    path = zip_bomb(tmp_path / "bomb.npz", {"a.npy": giant((1 << 21,), "f8")})
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("a.npy")
        info.CRC = zlib.crc32(giant((1 << 21,), "f8")[0] + bytes(1 << 24))
        array = np.lib.format.read_array(archive.open(info), allow_pickle=False)
    assert array.nbytes == 1 << 24


def test_an_archive_that_packs_well_is_read(tmp_path: Path) -> None:
    dataset = make_dataset(role="measurement", extras=False)
    assert dataset.diffraction is not None
    path = tmp_path / "few-photons.npz"
    counts = np.zeros((7, 400, 400), np.uint16)
    counts[:, ::40, ::40] = 3
    np.savez_compressed(
        path,
        diff3d=counts,
        probeGuess=np.ones((400, 400), np.complex64),
        xcoords=dataset.positions_px[:, 1] + 300,
        ycoords=dataset.positions_px[:, 0] + 300,
    )
    assert path.stat().st_size * 100 < counts.nbytes
    read("dataset", path)


def checkpoint_of(code: bytes, storage: bytes = bytes(16)) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in (("data.pkl", code), ("version", b"3\n"), ("byteorder", b"little"), ("data/0", storage)):
            archive.writestr(f"archive/{name}", content)
    return stream.getvalue()


NEST = b"N" + b"q\x01h\x01\x86" * 60  # a tuple of two that are the same, sixty deep
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
VIEW = (
    b"ctorch._utils\n_rebuild_tensor_v2\n("
    + STORAGE
    + b"K\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x85K\x00\x85\x89ccollections\nOrderedDict\n)RtR"
)
EPOCH = b"\x80\x02}(X\x05\x00\x00\x00epochK\x01X\x01\x00\x00\x00a"
CHECKPOINTS: dict[str, tuple[bytes, str]] = {
    "a bytearray of 16 TiB": (EPOCH + b"c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x10\x85Ru.", "bytearray"),
    "a key that takes ages to hash": (b"\x80\x02}" + NEST + b"Ns.", "it.ckpt"),
    "a view that grows when copied": (EPOCH + VIEW + b"u.", "(1099511627776,)"),
    "an epoch of thousands of digits": (
        b"\x80\x02}X\x05\x00\x00\x00epoch\x8b\x00\x10\x00\x00" + b"\x7f" * 4096 + b"s.",
        "LONG4",
    ),
    "an unknown global": (b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", "posix system"),
    "a global from the stack": (
        b"\x80\x04X\x05\x00\x00\x00posixX\x06\x00\x00\x00system\x93X\x04\x00\x00\x00true\x85R.",
        "STACK_GLOBAL",
    ),
    "no epoch": (b"\x80\x02}.", "epoch"),
    "a negative epoch": (b"\x80\x02}X\x05\x00\x00\x00epochJ\xff\xff\xff\xffs.", "epoch"),
    "too little on the stack": (b"\x80\x02\x86.", "it.ckpt"),
    "lists of one byte each": (EPOCH + b"](" + b"]" * 100_000 + b"eu.", "100000"),
    "a record of megabytes": (EPOCH + b"](" + b"N" * (1 << 21) + b"eu.", str(1 << 21)),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_checkpoints_that_torch_would_choke_on(tmp_path: Path, case: str) -> None:
    code, part = CHECKPOINTS[case]
    (tmp_path / "it.ckpt").write_bytes(checkpoint_of(code))
    assert names(refused("checkpoint", tmp_path / "it.ckpt"), "it.ckpt", part)


def test_a_checkpoint_may_not_be_compressed(tmp_path: Path) -> None:
    path = zip_bomb(tmp_path / "it.ckpt", {"archive/data.pkl": (b"\x80\x02}.", 4), "archive/data/0": (b"", 3 << 30)})
    assert "it.ckpt" in refused("checkpoint", path)
    with zipfile.ZipFile(path) as archive:  # what is wrong with it is that alone
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def lying(header: dict[str, Any], length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + bytes(64)


LIARS: dict[str, bytes] = {
    "a header of 2^63 bytes": lying({}, 1 << 63),
    "a header of 90 MB": lying({}, 90_000_000),
    "a tensor of 4 TiB": lying({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 64]}}),
    "offsets beyond the end": lying({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}),
    "a shape that overflows": lying({"a": {"dtype": "F32", "shape": [1 << 32, 1 << 32], "data_offsets": [0, 0]}}),
    "deep": (40_000).to_bytes(8, "little") + b'{"a":' * 8000 + bytes(64),
    "no record": save({"a": torch.zeros(3)}),
    "another record": save({"a": torch.zeros(3)}, metadata={"ptyproof": "[" * 100_000}),
}


@pytest.mark.parametrize("case", LIARS)
def test_headers_of_bundles_that_lie(tmp_path: Path, case: str) -> None:
    (tmp_path / "it.safetensors").write_bytes(LIARS[case])
    refused("bundle", tmp_path / "it.safetensors")


def test_a_bundle_with_more_tensors_than_its_network_has_costs_its_header_alone(tmp_path: Path) -> None:
    own = write_small_bundle(tmp_path).read_bytes()
    length = int.from_bytes(own[:8], "little")
    header, data = json.loads(own[8 : 8 + length]), own[8 + length :]
    header |= {f"more{n}": {"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2} for n in range(60_000)}
    text = json.dumps(header).encode()
    (tmp_path / "it.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    with within(6.0, 300_000_000), pytest.raises(PtyproofError, match=naming("it.safetensors", "more0")):
        read("bundle", tmp_path / "it.safetensors")


TOML = {
    "digits": "doses_photons_per_pattern = [" + "9" * 5000 + "]",
    "digits of another base": "reconstruction = {splits = 0x" + "f" * 5000 + "}",
    "deep lists": "a = " + "[" * 20_000,
    "deep tables": "a = " + "{a = " * 20_000,
    "long keys": ".".join("a" * 20_000) + " = 1",
    "many tables": "".join(f"[{'.'.join('a' * 100)}.b{number}]\n" for number in range(1000)),
    "large": "#" * (1 << 19),
    "a date": "name = 0000-00-00",
    "nulls": "name = \0",
}


@pytest.mark.parametrize("case", TOML)
def test_toml_that_the_parser_cannot_take(tmp_path: Path, case: str) -> None:
    (tmp_path / "it.toml").write_text(TOML[case], encoding="utf-8")
    assert len(refused("study", tmp_path / "it.toml")) < 2000


@pytest.mark.parametrize("text", ["ledger = 0x" + "f" * 5000, "checklists = [0x" + "f" * 5000 + "]"])
def test_a_number_that_has_no_decimal_text_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.ptyproof.docs]\n{text}\n", encoding="utf-8")
    said = refused("settings", path)
    assert names(said, "pyproject.toml", "[tool.ptyproof.docs]", text.partition(" ")[0])
    assert len(said) < 1000


@pytest.mark.parametrize("piece", ["[", '{"a":', "9", '"\\u0041', "-", "[1,", '{"a":1},', " ", "1e", '"a":1,', "\n"])
def test_json_of_sixteen_megabytes_is_refused_in_linear_time(tmp_path: Path, piece: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(piece * ((1 << 24) // len(piece) - 1), encoding="utf-8")
    with within(30.0, 4 << 30), pytest.raises(PtyproofError):
        read_json(path)


def test_the_watch_sees() -> None:
    with pytest.raises(MemoryError), within():
        np.zeros(1 << 30)
    with pytest.raises(TookTooLongError), within(0.05):
        signal.pause()
