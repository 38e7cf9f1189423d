"""Reads the files of a scan in a process of its own, and puts together what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from ptyproof.beamlines.raw_scan import RawScan, SetUp, read_raw_scan
from ptyproof.beamlines.reader_process import NAMES, REFUSED
from ptyproof.beamlines.request import Request, write_requests
from ptyproof.errors import DataError, InputError

MEMORY_BYTES = 2 << 30  # that reading may take beside the file's own size
_OF_KIND = {
    "patterns": ("patterns", "pattern_index", "valid_pixels", "dark"),
    "positions": ("positions", "position_index", "position_unit"),
    "probe": ("probe",),
    "mask": ("valid_pixels",),
}


@contextmanager
def scan_of_files(requests: list[Request], scratch: Path) -> Iterator[RawScan]:
    """Read files, and give the scan that they describe together; its arrays are mapped while the block lasts.

    What a later file says replaces what an earlier one said; masks exclude together.

    Parameters
    ----------
    requests
        The files; the first is that of the patterns.
    scratch
        Folder with room for the unpacked patterns; nothing stays in it.

    Raises
    ------
    DataError
        If a file is missing or damaged, or its reader refuses it.
    InputError
        If a reader is not known.
    """
    for request in requests:
        if not Path(request.path).is_file():
            raise DataError(request.path, "is no file")
    with TemporaryDirectory(prefix=".import-", dir=scratch) as name:
        folder = Path(name)
        write_requests(folder / "requests.json", requests)
        size = sum(Path(request.path).stat().st_size for request in requests)
        _run(folder, MEMORY_BYTES + size, requests)
        scan = read_raw_scan(folder / "0")
        for number, request in enumerate(requests[1:], 1):
            scan = _with(scan, read_raw_scan(folder / str(number)), request.kind)
        yield scan


def reader_names(scratch: Path) -> dict[str, dict[str, str]]:
    """Return for each kind of file the names of the readers of ptychodus, with what they read."""
    with TemporaryDirectory(prefix=".import-", dir=scratch) as name:
        folder = Path(name)
        _run(folder, MEMORY_BYTES, [])
        found: dict[str, dict[str, str]] = json.loads((folder / NAMES).read_text(encoding="utf-8"))
        return found


def _with(scan: RawScan, other: RawScan, kind: str) -> RawScan:
    """Return a scan with what a file of one kind says; of the set-up it adds what was not known."""
    changed = {name: getattr(other, name) for name in _OF_KIND[kind] if getattr(other, name) is not None}
    if kind == "mask" and scan.valid_pixels is not None and other.valid_pixels is not None:
        changed["valid_pixels"] = _both(scan.valid_pixels, other.valid_pixels)
    notes = (*scan.notes, *(note for note in other.notes if note not in scan.notes))
    known = {field.name: getattr(scan.set_up, field.name) for field in fields(SetUp)}
    added = {name: getattr(other.set_up, name) for name, value in known.items() if value is None}
    return replace(scan, **changed, set_up=replace(scan.set_up, **added), notes=notes)


def _both(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if one.shape != other.shape:
        raise InputError(f"the masks have the shapes {one.shape} and {other.shape}; those of one detector are alike")
    return one & other


def _run(folder: Path, limit_bytes: int, requests: list[Request]) -> None:
    command = [sys.executable, "-m", "ptyproof.beamlines.reader_process", str(folder), str(limit_bytes)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    refused = folder / REFUSED
    if refused.exists():
        reason = json.loads(refused.read_text(encoding="utf-8"))
        if "sentence" in reason:
            raise InputError(reason["sentence"])
        raise DataError(reason["path"], reason["reason"], reason["member"])
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
        how = f"signal {signal.Signals(-done.returncode).name}" if done.returncode < 0 else last
        file = requests[0].path if requests else "ptychodus"
        raise DataError(file, f"ended the process that read it ({how})")
