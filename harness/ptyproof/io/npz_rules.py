"""What an archive of arrays may hold: names, types, sizes and headers, each judged without reading any data.

A function that ends in `_fault` returns what is wrong as the end of a sentence, or None.
"""

from __future__ import annotations

import io
import math
import stat
import tokenize
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

Array = npt.NDArray[Any]

SUFFIX = ".npy"
LOCAL_MAGIC = b"PK\x03\x04"
HEAD_BYTES = 1 << 14  # numpy's own limit for a header is 10,000 characters
MAX_RATIO = 1100  # deflate cannot do better than 1032 : 1
BAD_HEADER = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    tokenize.TokenError,
)
_KINDS = "biufcSU"
_MAX_AXES = 32
_ENCRYPTED = 0x1
_READERS = "`ptyproof import --reader list` shows what reads such files"
_LOOKS = (
    (b"\x93NUMPY", "a single .npy array; save it with numpy.savez under the name that the contract gives it"),
    (b"\x89HDF\r\n\x1a\n", f"an HDF5 file, as CXI and NeXus are: --reader CXI, arrays or another; {_READERS}"),
    (b"\x1f\x8b", "gzip data; unpack it first"),
    (b"BZh", "bzip2 data; unpack it first"),
    (b"MATLAB", f"a MATLAB file; {_READERS}"),
    (b"version https://git-lfs", "a git LFS pointer; fetch the real file with `git lfs pull`"),
    (b"\x80", "a Python pickle, which is never read"),
)


@dataclass(frozen=True)
class Member:
    """One array of an archive, as its header describes it.

    `data_offset` is where the array's first byte lies inside the member; `stored` says that the member is
    not compressed.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    stored: bool
    data_offset: int

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def parse_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return (shape, fortran_order, dtype) of the .npy header at the start of `stream`.

    Numpy's own readers do it, which evaluate nothing. Raises one of BAD_HEADER where it is no header.
    """
    with warnings.catch_warnings():
        # numpy warns of headers that Python 2 wrote, and repairs them by guessing
        warnings.simplefilter("error")
        version = npy.read_magic(stream)
        if version == (1, 0):
            return npy.read_array_header_1_0(stream)
        if version in {(2, 0), (3, 0)}:  # they differ only in the field names of structured arrays
            return npy.read_array_header_2_0(stream)
    raise ValueError(f"unknown version {version} of the .npy format")


def entry_fault(info: zipfile.ZipInfo, max_bytes: int) -> str | None:
    """Judge an entry of the zip directory: its name, kind, method and sizes."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    fault = name_fault(info.orig_filename)
    if fault is None and kind not in {0, stat.S_IFREG}:
        fault = "is a link, a folder or a device; only arrays are allowed"
    if fault is None and info.flag_bits & _ENCRYPTED:
        fault = "is encrypted, which is not supported"
    if fault is None and info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        fault = f"is compressed by method {info.compress_type}; only stored and deflated members are read"
    if fault is not None:
        return fault
    if info.file_size > max_bytes:
        return f"claims {info.file_size} bytes; at most {max_bytes} are accepted"
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return f"claims {info.file_size} bytes, but {info.compress_size} are stored"
    if info.file_size > MAX_RATIO * info.compress_size:
        packed = info.compress_size
        return f"claims {info.file_size} bytes from {packed} compressed ones, more than deflate can give"
    return None


def name_fault(name: str) -> str | None:
    """Judge the file name of a member: NAME.npy, printable, nothing that a path could be made of."""
    if not name.isprintable() or not name:
        return "has a name with unprintable characters"
    if any(mark in name for mark in "/\\:") or ".." in name:
        return "has a path as its name, but must have a plain name"
    if not name.endswith(SUFFIX) or name == SUFFIX:
        return "is not an array: members must be named NAME.npy"
    return None


def type_fault(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str | None:
    """Judge shape and dtype: plain numbers, booleans or text, of a size that can exist."""
    if dtype.hasobject:
        wanted = "JSON text in a 0-d unicode array" if name == "_metadata" else "a plain numeric array"
        return (
            "contains pickled Python objects (dtype object), which could run arbitrary code when loaded and are "
            f"never read; save it again as {wanted}, with allow_pickle=False"
        )
    if dtype.kind not in _KINDS or dtype.subdtype is not None:
        return f"has the dtype {dtype}; numbers, booleans and text are allowed"
    if any(isinstance(length, bool) or length < 0 for length in shape):
        return f"has the shape {shape}; lengths must be whole numbers >= 0"
    if len(shape) > _MAX_AXES or math.prod(length or 1 for length in shape) * max(1, dtype.itemsize) >= 1 << 62:
        return f"has the shape {str(shape)[:100]}, which is too large for any memory"
    return None


def size_fault(member: Member, found: int) -> str | None:
    """Compare the `found` bytes of data with what the array's header asks for."""
    if found == member.nbytes:
        return None
    relation = "too few" if found < member.nbytes else "too many"
    return f"has {found} bytes of data, {relation} for shape {member.shape} of {member.dtype} ({member.nbytes} bytes)"


def is_text(code_points: Array) -> bool:
    """Tell whether all UTF-32 code units of an array (...) of uint32 are characters; Python aborts on others."""
    surrogates = (code_points >= 0xD800) & (code_points <= 0xDFFF)
    return not (surrogates | (code_points > 0x10FFFF)).any()


def looks_like(head: bytes) -> str:
    """Say what a file that begins with `head` seems to be."""
    for magic, text in _LOOKS:
        if head.startswith(magic):
            return f"it looks like {text}"
    if LOCAL_MAGIC in head:
        return "it has other bytes before the zip archive's first member"
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore")
    except UnicodeDecodeError:
        return f"it begins with the bytes {head[:8].hex(' ')}"
    if all(mark.isprintable() or mark.isspace() for mark in text):
        return f"it looks like text, beginning with {text[:40]!r}"
    return f"it begins with the bytes {head[:8].hex(' ')}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def shown(name: str) -> str:
    """Return a name fit for a message, whatever is in it."""
    return name if name.isprintable() and name else ascii(name)


def listing(names: Iterable[str]) -> str:
    """Return names as a sorted list in words."""
    return ", ".join(sorted(names)) or "nothing"
