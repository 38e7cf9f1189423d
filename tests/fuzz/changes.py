"""Changes to valid files, from single bits to the structures that a format has."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.fuzz.manifests import ODD, odd

Change = Callable[[bytes, random.Random], bytes]
LENGTHS = (
    0,
    1,
    7,
    255,
    256,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 2,
    2**32 - 1,
    2**40,
    2**62,
    2**63,
    2**64 - 1,
)
DTYPES = (
    "<f8",
    "|O",
    "<U1",
    "<U999999",
    "|S0",
    "<M8[s]",
    "|V7",
    "<c16",
    "<i8",
    "|u1",
    ">f4",
    "<f2",
    "|b1",
    "<q9",
    "<f16",
)
SHAPES = (
    "()",
    "(0,)",
    "(-1,)",
    "(2**40,)",
    "(1099511627776,)",
    "(65536, 65536)",
    "(7, 8, 10)",
    "(1,) * 40",
    "(True,)",
    "(1e3,)",
)
NAMES = (
    "../a.npy",
    "/a.npy",
    "a/b.npy",
    "a\n.npy",
    "a\x1b[2J.npy",
    "\u202ea.npy",
    "a.txt",
    "probeGuess.npy",
    "diff3d.npy",
)
CODE = b"cposix\nsystem\n(X\x04\x00\x00\x00truetR."
BYTEARRAY = b"c__builtin__\nbytearray\n(\x8a\x06\x00\x00\x00\x00\x00\x10tR."


def bytes_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return bytes with one place changed."""
    spot, end = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
    match rng.randrange(8):
        case 0:
            return raw[:spot]
        case 1:
            return raw[:spot] + rng.randbytes(rng.choice((1, 2, 4, 64))) + raw[spot:]
        case 2:
            return raw[:spot] + raw[end:]
        case 3:
            return raw[:spot] + raw[spot:end] * 2 + raw[end:]
        case 4 | 5:
            size = rng.choice((1, 2, 4, 8))
            number = (rng.choice(LENGTHS) % (1 << 8 * size)).to_bytes(size, "little")
            return raw[:spot] + number + raw[spot + size :]
        case 6:
            return raw[:spot] + bytes(end - spot) + raw[end:]
    return raw[:spot] + bytes([rng.randrange(256)]) + raw[spot + 1 :]


def members_of(raw: bytes) -> list[tuple[str, bytes]]:
    """Return names and contents of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def packed(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive."""
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w", method) as archive:  # of equal names
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def archive_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return an archive of arrays with members that lie about themselves."""
    members = members_of(raw)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(members))
        name, content = members[at]
        match rng.randrange(9):
            case 0:
                members[at] = (rng.choice(NAMES), content)
            case 1:
                members.pop(at)
            case 2:
                members.append((rng.choice((name, rng.choice(NAMES))), content))
            case 3 | 4:
                members[at] = (name, _header_changed(content, rng))
            case 5:
                members[at] = (name, _array(rng))
            case 6 if name.startswith("_"):
                members[at] = (name, _record_changed(content, rng))
            case 7:
                members[at] = (name, _values_changed(content, rng))
            case _:
                members[at] = (name, bytes_changed(content, rng))
        members = members or [("a.npy", content)]
    changed = packed(members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return bytes_changed(changed, rng) if rng.random() < 0.25 else changed


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """Return an .npy file with a header of any text."""
    text = header.encode("latin1", "replace") + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text) % (65536 if version == 1 else 2**32))
    return b"\x93NUMPY" + bytes((version, 0)) + length + text + data


def _header_changed(content: bytes, rng: random.Random) -> bytes:
    shape, descr = rng.choice(SHAPES), rng.choice(DTYPES)
    header = f"{{'descr': '{descr}', 'fortran_order': {rng.choice(('False', 'True', '3'))}, 'shape': {shape}, }}"
    data = content[128:] if rng.random() < 0.5 else bytes(rng.choice((0, 8, 4480, 2_000_000)))
    return npy(header, data, rng.choice((1, 1, 2, 3)))


def _array(rng: random.Random) -> bytes:
    """Return a sound array of odd values, now and then a large one that packs well."""
    shapes: list[tuple[int, ...]] = [
        (),
        (0,),
        (7,),
        (7, 8, 10),
        (8, 10),
        (10, 8, 7),
        (1, 6, 2),
        (2000, 2000),
        (3_000_000,),
    ]
    shape, kind = rng.choice(shapes), rng.choice(("f8", "f4", "c8", "i8", "U3", "u1", "b1", "c16", "i4", "f2"))
    fill: Any = rng.choice((0, 1, -1, 1e300, float("nan"), float("inf"), 7, 2**31))
    stream = io.BytesIO()
    with np.errstate(all="ignore"):
        try:
            array = np.full(shape, fill).astype(kind)
        except (ValueError, OverflowError):
            array = np.zeros(shape, kind)
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def _values_changed(content: bytes, rng: random.Random) -> bytes:
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        flat = array.reshape(-1)
        with np.errstate(all="ignore"):
            flat[rng.randrange(len(flat))] = rng.choice((0, -1, 1e38, float("nan"), float("inf"), 2**31, 1e300))
    except Exception:  # noqa: BLE001 - numpy's reader and its arrays raise much; there is no such value to change
        return bytes_changed(content, rng)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def _record_changed(content: bytes, rng: random.Random) -> bytes:
    try:
        text = str(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))
    except Exception:  # noqa: BLE001 - as above
        return bytes_changed(content, rng)
    changed = json_changed(text.encode(), rng).decode("utf-8", "replace").replace("\0", "0")
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array(changed), allow_pickle=False)
    return stream.getvalue()


def json_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return JSON text with an odd value in it, or broken."""
    try:
        if rng.random() < 0.8:
            return json.dumps(odd(json.loads(raw), rng), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        pass
    if rng.random() < 0.1:
        piece = rng.choice((b"[", b'{"a":', b"[[],", b'"\\ud800', b"1", b"-", b'"a":1,', b" ", b"1e9"))
        times = rng.choice((10, 100, 1_000, 10_000, 100_000))
        spot = rng.randrange(len(raw) + 1)
        return raw[:spot] + piece * times + raw[spot:]
    return bytes_changed(raw, rng)


def safetensors_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return a safetensors file whose header lies, or whose record is odd."""
    length = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    match rng.randrange(6):
        case 0:
            return bytes_changed(raw, rng)
        case 1:
            return rng.choice(LENGTHS).to_bytes(8, "little") + raw[8:]
        case 2 | 3:
            record = header["__metadata__"]["ptyproof"].encode()
            header["__metadata__"]["ptyproof"] = json_changed(record, rng).decode("utf-8", "replace")
        case 4:
            key = rng.choice([name for name in header if name != "__metadata__"])
            entry = header[key]
            odd: dict[str, list[Any]] = {
                "dtype": ["F64", "F16", "I8", "BOOL", "O", 3, "F4", "C64"],
                "shape": [[2**40], [], [-1], [0], [2**32, 2**32], "x", [1.5], [2**63, 2]],
                "data_offsets": [[0, 2**40], [8, 0], [0, 0], [-1, 4], [0], [2**64 - 1, 2**64 - 1], [0, len(data)]],
            }
            field = rng.choice(list(odd))
            entry[field] = rng.choice(odd[field])
        case _:
            for number in range(rng.choice((1, 1000, 30_000))):
                header[f"more{number}"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(data), len(data)]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def checkpoint_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return a checkpoint with another pickle or other storages."""
    members = members_of(raw)
    places = {name.rpartition("/")[2]: at for at, (name, _) in enumerate(members)}
    at = places["data.pkl"] if rng.random() < 0.75 else rng.randrange(len(members))
    name, content = members[at]
    match rng.randrange(8):
        case 0:
            content = content[:-1] + CODE
        case 1:
            content = content[:-1] + BYTEARRAY
        case 2:
            spot = rng.randrange(len(content) + 1)
            content = (
                content[:spot]
                + rng.choice((CODE[:-1], BYTEARRAY[:-1], b"(", b"t", b"\x86q\xff", b"}", b"R"))
                + content[spot:]
            )
        case 3:
            content = b"\x80\x02}N" + b"q\x01h\x01\x86" * rng.choice((5, 40)) + b"Ns."  # a key that takes ages to hash
        case 4:
            content = bytes(rng.choice((0, 10, 5_000_000)))
        case _:
            for _ in range(rng.choice((1, 1, 3))):
                content = bytes_changed(content, rng)
    members[at] = (name, content)
    if rng.random() < 0.1:
        members.append(rng.choice(members))
    method = zipfile.ZIP_DEFLATED if rng.random() < 0.1 else zipfile.ZIP_STORED
    changed = packed(members, method)
    return bytes_changed(changed, rng) if rng.random() < 0.1 else changed


TOML = (
    *(
        "1e999",
        "nan",
        "inf",
        "-1",
        "0xffffffffffffffffffff",
        "[[[]]]",
        "{}",
        "''",
        "'''a\n'''",
        '"\\u0000"',
        "2020-01-01",
        "true",
    ),
    *(
        "9" * 5000,
        "0x" + "f" * 5000,
        "1e-400",
        "[1, 'a']",
        "{a = {b = 1}}",
        "07:32:00",
        '"\\U0010ffff"',
        '"\\u001b[2J"',
        "1_000",
    ),
    *(
        '"' + "a" * 70000 + '"',
        "[" * 300,
        "[" * 5000,
        "{a=" * 300,
        "[" + "1," * 20000 + "]",
        "0b1",
        "1979-05-27T07:32:00Z",
        "1e300",
    ),
)


def toml_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return a TOML file with odd values, keys or tables."""
    lines = raw.decode().splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines))
        key = lines[at].partition("=")[0]
        match rng.randrange(8):
            case 0 | 1 | 2:
                lines[at] = f"{key}= {rng.choice(TOML)}"
            case 3:
                lines.insert(
                    at,
                    rng.choice(
                        ("[a]", "[[views]]", "[views]", "a.b.c = 1", ".".join("a" * 2000) + " = 1", "\x1b[2J = 1")
                    ),
                )
            case 4:
                lines.pop(at)
                lines = lines or [""]
            case 5:
                lines.insert(at, lines[at])
            case 6:
                lines[at] = lines[rng.randrange(len(lines))]
            case _:
                return bytes_changed("\n".join(lines).encode(), rng)
    return "\n".join(lines).encode()


def table_changed(raw: bytes, rng: random.Random) -> bytes:
    """Return a file of any kind in a hub with something odd in it: JSON, lines of JSON, tables, text."""
    if raw[:1] == b"{" and raw.count(b"\n{") == 0:
        return json_changed(raw, rng)
    if rng.random() < 0.3:
        spot = rng.randrange(len(raw) + 1)
        return raw[:spot] + str(rng.choice(ODD)).encode("utf-8", "surrogatepass") * rng.choice((1, 1, 3)) + raw[spot:]
    return bytes_changed(raw, rng)
