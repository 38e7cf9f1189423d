"""A hostile file of any kind ends `ptyproof import` in one sentence, with nothing written, inside the budget of memory.

Each command runs in a process of its own, whose peak, with that of the reader's process, is measured.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.beamlines.readers import MEMORY_BYTES
from ptyproof.extras import BEAMLINES, missing
from tests.helpers.beamline_files import Scan, write_csv
from tests.helpers.beamline_formats import (
    GEOMETRY,
    Files,
    Write,
    cxi,
    fold_slice,
    fold_slice_mat,
    named,
    nexus,
    npy,
    npz,
    tiff_series,
    tiff_stack,
)
from tests.helpers.bombs import packed_zeros, zip_of_zeros
from tests.helpers.hostile_hdf5 import LARGE, SPOILS, Spoil, cut, external_link, large_chunk, soft_loop, unknown_filter
from tests.helpers.hostile_hdf5 import unwritten as never_written
from tests.helpers.measured_command import measured

PROGRAM_BYTES = 256 << 20  # of code and libraries, beside what reading may take
BOMB_BYTES = 3 << 30  # more than the budget

needs_ptychodus = pytest.mark.skipif(
    bool(missing(BEAMLINES)), reason="needs ptychodus: pip install 'pytest-ptyproof[beamlines]'"
)


def check_refused(files: Files, folder: Path, names: str) -> None:
    """Import files that must be refused in a sentence that names a file."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    size = sum(path.stat().st_size for path in before if path.is_file())
    ended = measured(["import", files.patterns, "--reader", files.reader, "--out", folder / "out.npz", *files.options])
    assert ended.status == 2, ended
    assert "Traceback" not in ended.err
    sentences = ended.err.strip().splitlines()
    assert len(sentences) == 1, sentences
    assert names in sentences[0]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert ended.peak_bytes <= MEMORY_BYTES + PROGRAM_BYTES + size


def two(write: Callable[..., Files], folder: Path, scan: Scan) -> tuple[Files, Files]:
    """Write a scan twice, in folders of their own."""
    for name in ("scan", "other"):
        (folder / name).mkdir()
    return write(folder / "scan", scan), write(folder / "other", scan)


CXI_DATA, NEXUS_DATA, FOLD_SLICE_DATA, MAT_DATA = (
    "entry_1/instrument_1/detector_1/data",
    "entry/data/data",
    "dp",
    "det_data",
)


def matlab_73(folder: Path, scan: Scan) -> Files:
    """MATLAB's version 7.3 is HDF5 behind a block of 512 bytes."""
    import h5py

    path = folder / "scan.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file[MAT_DATA], file["det_pixel_size"] = scan.counts, 75.0
    csv = write_csv(folder / "positions.csv", scan)
    return Files(path, "NSLS_II_MATLAB", ("--positions-file", str(csv), *GEOMETRY))


SOME = (external_link, soft_loop, never_written, unknown_filter, cut)
KINDS: list[tuple[Write, str, tuple[Spoil, ...]]] = [
    (nexus, NEXUS_DATA, SOME),
    (fold_slice, FOLD_SLICE_DATA, SOME),
    (matlab_73, MAT_DATA, SOME),
]


@pytest.mark.parametrize("spoil", [spoil for spoil in SPOILS if spoil is not large_chunk], ids=lambda one: one.__name__)
def test_a_hostile_cxi_file_is_refused(spoil: Spoil, scan: Scan, tmp_path: Path) -> None:
    files, other = two(cxi, tmp_path, scan)
    spoil(files.patterns, other.patterns, CXI_DATA)
    check_refused(files, tmp_path, files.patterns.name)


@needs_ptychodus
@pytest.mark.parametrize(
    ("write", "data", "spoil"),
    [
        pytest.param(write, data, spoil, id=f"{write.__name__}-{spoil.__name__}")
        for write, data, spoils in KINDS
        for spoil in spoils
    ],
)
def test_a_hostile_hdf5_file_of_another_layout_is_refused(
    write: Write, data: str, spoil: Spoil, scan: Scan, tmp_path: Path
) -> None:
    files, other = two(write, tmp_path, scan)
    spoil(files.patterns, other.patterns, data)
    check_refused(files, tmp_path, files.patterns.name)


@needs_ptychodus
def test_hostile_positions_are_refused(scan: Scan, tmp_path: Path) -> None:
    files, _ = two(fold_slice, tmp_path, scan)
    path = tmp_path / "scan" / "scan_para.hdf5"
    external_link(path, tmp_path / "other" / "scan_para.hdf5", "ppX")
    check_refused(files, tmp_path, path.name)


@needs_ptychodus
def test_the_other_files_of_a_series_are_examined_as_well(scan: Scan, tmp_path: Path) -> None:
    import h5py

    for number in range(1, 4):
        with h5py.File(tmp_path / f"fly001_{number:06d}.h5", "w") as file:
            file["entry/data/data"] = scan.counts
    external_link(tmp_path / "fly001_000003.h5", tmp_path / "fly001_000001.h5", "entry/data/data")
    options = ("--positions-file", str(write_csv(tmp_path / "positions.csv", scan)), *GEOMETRY)
    check_refused(Files(tmp_path / "fly001_000001.h5", "APS_2IDD", options), tmp_path, "fly001_000003.h5")


def header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return the head of an .npy file."""
    import io

    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def zip_bomb(path: Path, member: str) -> None:
    """Three GiB of zeros in three MB."""
    zip_of_zeros(path, member, header("|u1", (BOMB_BYTES >> 16, 256, 256)), BOMB_BYTES)


def zip_claim(path: Path, member: str) -> None:
    """A header of 128 GiB, and no bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, header("<u2", (LARGE >> 17, 256, 256)) + bytes(100))


def pickled(path: Path, member: str) -> None:
    """An array of Python objects."""
    key = member.removesuffix(".npy")
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=True, **{key: np.array([{}], dtype=object)})
    else:
        np.save(path, np.array([{}], dtype=object), allow_pickle=True)


def halved(path: Path, member: str) -> None:
    """Half of the file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def claim(path: Path, member: str) -> None:
    """A header of 128 GiB, and no bytes."""
    path.write_bytes(header("<u2", (LARGE >> 17, 256, 256)))


ARCHIVES = (zip_bomb, zip_claim, pickled, halved)


@pytest.mark.parametrize(
    ("write", "member", "spoil"),
    [
        *(pytest.param(named, "counts.npy", spoil, id=f"arrays-{spoil.__name__}") for spoil in ARCHIVES),
        *(
            pytest.param(npz, "patterns.npy", spoil, id=f"npz-{spoil.__name__}", marks=needs_ptychodus)
            for spoil in ARCHIVES
        ),
        *(
            pytest.param(npy, "", spoil, id=f"npy-{spoil.__name__}", marks=needs_ptychodus)
            for spoil in (claim, pickled, halved)
        ),
    ],
)
def test_a_hostile_file_of_numpy_is_refused(
    write: Write, member: str, spoil: Callable[[Path, str], None], scan: Scan, tmp_path: Path
) -> None:
    files = write(tmp_path, scan)
    spoil(files.patterns, member)
    check_refused(files, tmp_path, files.patterns.name)


def matlab_bomb(path: Path) -> None:
    """Three GiB of zeros, packed: an element of version 5 whose sizes are those of a matrix of uint8."""
    rows, columns = BOMB_BYTES >> 16, 1 << 16
    body = struct.pack("<IIII", 6, 8, 9, 0)  # flags: uint8
    body += struct.pack("<IIii", 5, 8, rows, columns)
    body += struct.pack("<II8s", 1, 6, b"object")
    body += struct.pack("<II", 2, BOMB_BYTES)
    packed = packed_zeros(struct.pack("<II", 14, len(body) + BOMB_BYTES) + body, BOMB_BYTES)
    head = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + struct.pack("<HH", 0x0100, 0x4D49)
    path.write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)


def matlab_claim(path: Path) -> None:
    """A matrix of version 4 that claims 128 GiB."""
    path.write_bytes(struct.pack("<5i", 0, LARGE >> 18, 1 << 15, 0, 7) + b"object\0" + bytes(100))


def matlab_halved(path: Path) -> None:
    """Half of the file."""
    halved(path, "")


@needs_ptychodus
@pytest.mark.parametrize("spoil", [matlab_bomb, matlab_claim, matlab_halved], ids=lambda one: one.__name__)
def test_a_hostile_matlab_file_is_refused(spoil: Callable[[Path], None], scan: Scan, tmp_path: Path) -> None:
    files = fold_slice_mat(tmp_path, scan)
    spoil(tmp_path / "result.mat")
    check_refused(files, tmp_path, "result.mat")


def tiff_of(data: bytes = bytes(100), following: int = 0, **changed: int) -> bytes:
    """Return a TIFF file of one page of 16 bits, 10 x 5, with other values of its tags, by number after `t`."""
    tags = {256: 10, 257: 5, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: 5, 279: len(data)}
    tags |= {int(key[1:]): value for key, value in changed.items()}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    page = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + page


def tiff_claim(path: Path) -> None:
    """A page of 128 GiB."""
    path.write_bytes(tiff_of(t256=1 << 18, t257=1 << 18, t278=1 << 18))


def tiff_unknown_packing(path: Path) -> None:
    """A compression that does not exist."""
    path.write_bytes(tiff_of(t259=31999))


def tiff_circle(path: Path) -> None:
    """A page that is followed by itself."""
    path.write_bytes(tiff_of(following=108))


def tiff_bomb(path: Path) -> None:
    """A page of 3 GiB of zeros, packed."""
    rows, columns = BOMB_BYTES >> 17, 1 << 16
    path.write_bytes(tiff_of(packed_zeros(b"", BOMB_BYTES), t256=columns, t257=rows, t259=8, t278=rows))


def tiff_halved(path: Path) -> None:
    """Half of the file."""
    halved(path, "")


def no_tiff(path: Path) -> None:
    """The first bytes of one, and zeros."""
    path.write_bytes(b"II*\x00" + bytes(100))


@needs_ptychodus
@pytest.mark.parametrize(
    "spoil",
    [tiff_claim, tiff_unknown_packing, tiff_circle, tiff_bomb, tiff_halved, no_tiff],
    ids=lambda one: one.__name__,
)
def test_a_hostile_tiff_file_is_refused(spoil: Callable[[Path], None], scan: Scan, tmp_path: Path) -> None:
    files = tiff_stack(tmp_path, scan)
    spoil(files.patterns)
    check_refused(files, tmp_path, files.patterns.name)


@needs_ptychodus
@pytest.mark.parametrize("spoil", [tiff_claim, tiff_halved], ids=lambda one: one.__name__)
def test_a_hostile_file_in_the_middle_of_a_series_is_refused(
    spoil: Callable[[Path], None], scan: Scan, tmp_path: Path
) -> None:
    files = tiff_series(tmp_path, scan)
    spoil(tmp_path / "scan_11.tif")
    check_refused(files, tmp_path, files.patterns.name)


@pytest.mark.parametrize("content", [b"\x00" * 4096, b"x,y\n" + b"1" * (1 << 20) + b"\n", b"x,y\n1e999,0\n1,2\n"])
def test_hostile_columns_are_refused(content: bytes, scan: Scan, tmp_path: Path) -> None:
    files = cxi(tmp_path, scan)
    path = tmp_path / "positions.csv"
    path.write_bytes(content)
    check_refused(replace(files, options=("--positions-file", str(path))), tmp_path, path.name)
