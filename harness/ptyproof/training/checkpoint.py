"""Reading a checkpoint of unknown origin: nothing in it runs, and its memory is bounded before torch reads it.

`torch.load` with `weights_only` calls no code of a file's choice, but its unpickler makes a `bytearray` of any length,
unpacks members of any size, hashes any nest of tuples, and makes an object of 100 bytes of one byte of a pickle. What a
training writes needs none of that, so a file is refused before torch reads it unless it has the form of one of ours.
Arrays then take as much memory as the file; the record around them, 150 MB at most.
"""

from __future__ import annotations

import io
import math
import pickletools
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from ptyproof.errors import DataError
from ptyproof.io.atomic import atomic_path

_MAX_MEMBERS = 100_000
_MAX_PICKLE_BYTES = 1 << 21  # the record of a training has 10 KB, and about 60 bytes more for each epoch
_MAX_CONTAINERS = 100_000  # two more for each epoch
_MAX_WEIGHT = 10_000_000
_MAX_EPOCH = 10**9
_STORAGES = {f"torch {name}Storage" for name in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Byte", "Bool")}
_GLOBALS = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2", *_STORAGES}
_OPCODES = {
    *(
        "PROTO",
        "STOP",
        "MARK",
        "POP",
        "POP_MARK",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
    ),
    *(
        "BINFLOAT",
        "BINUNICODE",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
    ),
    *("EMPTY_DICT", "SETITEM", "SETITEMS", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT", "GLOBAL", "REDUCE"),
    *("BUILD", "BINPERSID"),
}
# what makes an object much larger than its instruction, tensors by REDUCE; for a MARK torch makes a list
_CONTAINERS = {"MARK", "EMPTY_LIST", "EMPTY_DICT", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_CONTAINERS |= {"REDUCE", "BUILD", "BINPERSID"}
_OF_A_MARK = (pickletools.markobject, pickletools.stackslice)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state in a checkpoint of a training, on the CPU.

    Raises
    ------
    DataError
        If the file is missing, damaged, or not of the form that a training writes.
    """
    state = read_state(path)
    if not _is_epoch(state.get("epoch")):
        raise DataError(path, "has no epoch, so that it is the checkpoint of no training")
    return state


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state: the file is whole or absent, and equal states give equal bytes.

    Pickle writes a text that is one object in two places as a reference to the first, and which texts are one object is
    not the same in a training that was resumed.
    """
    stream = io.BytesIO()
    torch.save(_interned(state), stream)
    with atomic_path(path) as temporary:
        temporary.write_bytes(stream.getbuffer())


def read_state(path: Path) -> dict[str, Any]:
    """Return a state that `write_state` wrote, on the CPU.

    Raises
    ------
    DataError
        If the file is missing, damaged, or not of the form that a training writes.
    """
    if not path.is_file():
        raise DataError(path, "is missing, or no file")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            if archive.testzip() is not None:  # torch does not compare the checksums
                raise DataError(path, "is damaged: a checksum does not agree")
            _check_pickle(_pickle(archive, path), path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(path, f"is no whole checkpoint: {error}") from error
    except Exception as error:  # torch's reader and unpickler raise what a damaged file leads to
        raise DataError(path, f"cannot be read as a checkpoint ({type(error).__name__})") from error
    _check_tensors(state, path)
    if not isinstance(state, dict):
        raise DataError(path, "has no table of values, so that it is the checkpoint of no training")
    return state


def _interned(value: Any) -> Any:
    """Return the same value, whose equal texts are one object each."""
    if isinstance(value, dict):
        return type(value)((_interned(key), _interned(part)) for key, part in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_interned(part) for part in value)
    return sys.intern(value) if type(value) is str else value


def _is_epoch(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_EPOCH


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse members that are compressed or share bytes: what is read is never more than the file."""
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS or len({info.filename for info in infos}) < len(infos):
        raise DataError(path, f"has {len(infos)} members, too many or two of one name")
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise DataError(path, "has compressed members, as no checkpoint of a training has")
    if sum(info.file_size for info in infos) > path.stat().st_size:
        raise DataError(path, "has members that share bytes")


def _pickle(archive: zipfile.ZipFile, path: Path) -> bytes:
    """Return the one pickle of a checkpoint, unless it is too large for one."""
    names = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
    if len(names) != 1:
        raise DataError(path, f"has {len(names)} records data.pkl; a checkpoint has one")
    if (size := archive.getinfo(names[0]).file_size) > _MAX_PICKLE_BYTES:
        raise DataError(path, f"has a record of {size} bytes; that of a training has at most {_MAX_PICKLE_BYTES}")
    return archive.read(names[0])


def _check_pickle(code: bytes, path: Path) -> None:
    """Refuse a pickle that names anything but tensors, makes too many objects, or one whose hashing never ends."""
    stack: list[int] = []
    marks: list[int] = []
    memo: dict[int, int] = {}
    containers = 0
    for opcode, argument, _ in pickletools.genops(code):
        name = opcode.name
        if name not in _OPCODES or (name == "GLOBAL" and argument not in _GLOBALS):
            what = f"{name} {argument}" if name == "GLOBAL" else name
            raise DataError(path, f"asks for {what[:80]!a}, which no checkpoint of a training does")
        containers += name in _CONTAINERS
        if containers > _MAX_CONTAINERS:
            raise DataError(path, f"holds more than {_MAX_CONTAINERS} values, as no checkpoint of a training does")
        if name == "MARK":
            marks.append(len(stack))
        elif name in {"BINPUT", "LONG_BINPUT"}:
            memo[int(argument or 0)] = stack[-1]
        elif name in {"BINGET", "LONG_BINGET"}:
            stack.append(memo[int(argument or 0)])
        else:
            below = marks.pop() if pickletools.markobject in opcode.stack_before else len(stack)
            fixed = [kind for kind in opcode.stack_before if kind not in _OF_A_MARK]
            start = below - len(fixed)
            if start < 0:
                raise DataError(path, "holds no whole record")
            weight = 1 + sum(stack[start:])
            stack[start:] = [weight] * len(opcode.stack_after)
            if weight > _MAX_WEIGHT:
                raise DataError(path, "holds a nest of values that unfolds to more than any checkpoint has")


def _check_tensors(state: Any, path: Path) -> None:
    """Refuse tensors that are views of less memory than their shape has, which would grow when they are copied."""
    todo, seen = [state], {id(state)}
    while todo:
        value = todo.pop()
        if isinstance(value, torch.Tensor):
            wanted = math.prod(value.shape) * value.element_size()
            if value.layout is not torch.strided or wanted > value.untyped_storage().nbytes():
                raise DataError(path, f"has a tensor of shape {tuple(value.shape)} with less data than that")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        for part in inner:
            if id(part) not in seen:
                seen.add(id(part))
                todo.append(part)
