"""Archives written by NpzWriter: what numpy reads from them, their bytes, and what a full disk leaves."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ptyproof.errors import DataError, InputError, RunError
from ptyproof.io.hashing import sha256_array
from ptyproof.io.npz import NpzArchive, NpzWriter
from tests.helpers.messages import names, naming

DTYPES = ["<f4", ">f4", "f8", "c8", ">c16", "?", "u2", ">i8", "U5", "S3"]


def read_names(path: Path) -> list[str]:
    with NpzArchive(path) as archive:
        return list(archive.members)


def arrays_of(dtype: str) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays=st.lists(st.sampled_from(DTYPES).flatmap(arrays_of), min_size=1, max_size=4))
def test_round_trip_is_exact_and_equal_arrays_give_equal_bytes(tmp_path: Path, arrays: list[np.ndarray]) -> None:
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for path in paths:
        with NpzWriter(path) as writer:
            for k, array in enumerate(arrays):
                writer.add(f"array_{k}", array)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with np.load(paths[0], allow_pickle=False) as numpy_archive, NpzArchive(paths[0]) as archive:
        for k, array in enumerate(arrays):
            name = f"array_{k}"
            for found in (numpy_archive[name], archive.read(name), archive.memmap(name)):
                assert found.dtype == array.dtype.newbyteorder("<")
                assert found.shape == array.shape
                assert found.tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
            assert writer.digests[name] == sha256_array(array)


@pytest.mark.parametrize("layout", ["C", "F", "strided", "reversed", "big-endian"])
def test_bytes_do_not_depend_on_memory_layout(tmp_path: Path, layout: str) -> None:
    array = np.arange(60, dtype="<f4").reshape(5, 4, 3)
    variants = {
        "C": array,
        "F": np.asfortranarray(array),
        "strided": np.repeat(array, 2, axis=1)[:, ::2],
        "reversed": array[::-1].copy()[::-1],
        "big-endian": array.astype(">f4"),
    }
    for name, values in (("plain", array), ("variant", variants[layout])):
        with NpzWriter(tmp_path / f"{name}.npz") as writer:
            writer.add("a", values)
    assert (tmp_path / "plain.npz").read_bytes() == (tmp_path / "variant.npz").read_bytes()


def test_no_clock_system_or_user_is_written(tmp_path: Path) -> None:
    with NpzWriter(tmp_path / "a.npz") as writer:
        writer.add("a", np.zeros(3))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        (info,) = archive.infolist()
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert (info.create_system, info.external_attr >> 16) == (3, 0o100644)


def test_blocks_give_the_same_bytes_as_the_whole(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(11, 3, 4)).astype(np.float32)
    with NpzWriter(tmp_path / "whole.npz") as whole:
        whole.add("a", array)
    with NpzWriter(tmp_path / "blocks.npz") as blocks:
        blocks.add_blocks("a", array.shape, np.float32, (array[k : k + 4] for k in range(0, 11, 4)))
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "blocks.npz").read_bytes()
    assert whole.digests == blocks.digests == {"a": sha256_array(array)}


@pytest.mark.parametrize(
    ("blocks", "parts"),
    [
        ([np.zeros((2, 3))], [4, 2]),
        ([np.zeros((3, 3)), np.zeros((3, 3))], [4]),
        ([np.zeros((4, 2))], ["(4, 2)"]),
        ([np.zeros((4, 3, 1))], ["(4, 3, 1)"]),
        ([np.zeros((4, 3), np.float32)], ["float64", "float32"]),
    ],
)
def test_blocks_that_do_not_fit_are_refused_and_leave_nothing(
    tmp_path: Path, blocks: list[np.ndarray], parts: list[object]
) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(InputError, match=naming("some_array", *parts)), NpzWriter(path) as writer:
        writer.add_blocks("some_array", (4, 3), np.float64, blocks)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b", "../a", "/a", "a\\b", "C:a", "a\nb", "", "a\0"])
def test_names_that_a_reader_would_refuse_are_not_written(tmp_path: Path, name: str) -> None:
    shown = name if name and name.isprintable() else repr(name)
    with pytest.raises(InputError, match=naming(shown)), NpzWriter(tmp_path / "a.npz") as writer:
        writer.add(name, np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_objects_and_repeated_names_are_not_written(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=naming("some_array", "object", "allow_pickle=False")),
        NpzWriter(tmp_path / "a.npz") as writer,
    ):
        writer.add("some_array", np.array([{}, None], dtype=object))
    with NpzWriter(tmp_path / "twice.npz") as writer:
        writer.add("some_array", np.zeros(3))
        with pytest.raises(InputError, match="some_array"):
            writer.add("some_array", np.zeros(3))
    with pytest.raises(InputError, match=naming(tmp_path / "no" / "a.npz")), NpzWriter(tmp_path / "no" / "a.npz"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "twice.npz"]
    assert read_names(tmp_path / "twice.npz") == ["some_array"]


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with NpzWriter(path) as writer:
        writer.add("a", np.arange(3))
    before = path.read_bytes()

    def failing() -> Iterator[npt.NDArray[np.float64]]:
        yield np.zeros((1, 2))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), NpzWriter(path) as writer:
        writer.add_blocks("a", (4, 2), np.float64, failing())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("limit", [100, 5_000, 100_000, 1_099_000])
def test_a_full_disk_is_a_run_error_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    resource = pytest.importorskip("resource", reason="limits on file size exist on Unix only")
    del resource
    program = f"""
        import resource, signal, sys
        import numpy as np
        from ptyproof.errors import RunError
        from ptyproof.io.npz import NpzWriter
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        try:
            with NpzWriter(sys.argv[1]) as writer:
                writer.add("small", np.arange(10.0))
                writer.add_blocks("large", (11, 100_000), np.uint8, (np.ones((1, 100_000), np.uint8),) * 11)
        except RunError as error:
            print("refused:", error)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), str(tmp_path / "a.npz")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("refused: ")
    assert names(done.stdout, tmp_path / "a.npz", os.strerror(errno.EFBIG))
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_a_run_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("ptyproof.io.atomic.tempfile.mkstemp", refuse)
    path = tmp_path / "a.npz"
    with pytest.raises(RunError, match=naming(path, os.strerror(errno.EACCES))), NpzWriter(path):
        pass


def test_mapped_arrays_are_read_only_aligned_and_survive_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with NpzWriter(path) as writer:
        writer.add("x", np.arange(5, dtype=np.uint8))
        writer.add("stack", np.arange(24, dtype=np.complex64).reshape(2, 3, 4))
    with NpzArchive(path) as archive:
        stack = archive.memmap("stack")
    assert isinstance(stack, np.memmap)
    assert stack.offset % 64 == 0
    assert stack.flags.aligned
    assert not stack.flags.writeable
    np.testing.assert_array_equal(stack, np.arange(24).reshape(2, 3, 4))


def test_compressed_and_fortran_members_of_numpy_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    array = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    for save, stored in ((np.savez, True), (np.savez_compressed, False)):
        save(path, array=array)
        with NpzArchive(path) as archive:
            assert archive.members["array"].stored is stored
            assert archive.members["array"].fortran_order
            archive.verify("array")
            for found in (archive.read("array"), archive.memmap("array")):
                np.testing.assert_array_equal(found, array)


def test_a_large_member_gets_zip64_fields_and_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    path = tmp_path / "a.npz"
    array = np.arange(4000, dtype=np.int64)
    with NpzWriter(path) as writer:
        writer.add("first", array)
        writer.add("second", array)
    with NpzArchive(path) as archive:
        mapped = archive.memmap("second")
        assert isinstance(mapped, np.memmap)
        assert mapped.offset % 64 == 0
        np.testing.assert_array_equal(mapped, array)
    with np.load(path) as archive:
        np.testing.assert_array_equal(archive["second"], array)


def test_a_missing_array_is_named_with_those_that_exist(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, beta=np.zeros(1), alpha=np.zeros(1))
    with NpzArchive(path) as archive, pytest.raises(DataError, match=naming(path, "alpha, beta")) as caught:
        archive.read("gamma")
    assert caught.value.member == "gamma"
