"""The process that reads the files of a beamline: `python -m ptyproof.beamlines.reader_process FOLDER LIMIT`.

Libraries that read these files import much, log, warn, and may crash or take all memory on a hostile file; all of that
ends with this process. It reads `FOLDER/requests.json` and writes each scan into `FOLDER/0`, `FOLDER/1`, ..., or why
it cannot into `FOLDER/refused.json`.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ptyproof.beamlines import cxi, delimited, named_arrays, ptychodus_readers
from ptyproof.beamlines.hdf5_guard import examine_every_file
from ptyproof.beamlines.raw_scan import write_raw_scan
from ptyproof.beamlines.request import ARRAYS, COLUMNS, CXI, Request, read_requests
from ptyproof.errors import DataError, InputError, PtyproofError

REFUSED = "refused.json"
NAMES = "names.json"


def main(folder: Path, limit_bytes: int) -> int:
    """Read what is asked for; the exit status is 0 if `REFUSED` says all that went wrong."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    logging.disable(logging.CRITICAL)
    if find_spec("hdf5plugin") is not None:
        import_module("hdf5plugin")  # registers the filters of detectors, before h5py is used
    if find_spec("h5py") is not None:
        examine_every_file()
    warnings.simplefilter("ignore")
    try:
        requests = folder / "requests.json"
        if not requests.exists():
            (folder / NAMES).write_text(json.dumps(ptychodus_readers.names()), encoding="utf-8")
            return 0
        for number, request in enumerate(read_requests(requests)):
            part = folder / str(number)
            part.mkdir()
            _read(request, part)
    except DataError as error:
        _refuse(folder, {"path": str(error.path), "member": error.member, "reason": error.reason})
    except InputError as error:
        _refuse(folder, {"sentence": str(error)})
    return 0


def _read(request: Request, folder: Path) -> None:
    path = Path(request.path)
    try:
        scan, blocks = _scan(request, path)
        write_raw_scan(folder, scan, blocks)
    except PtyproofError:
        raise
    except MemoryError as error:
        raise DataError(path, "needs more memory than reading a file of its size may take") from error
    except Exception as error:  # whatever a reader raises
        said = str(error).partition("\n")[0]
        reason = f"is not read by the reader {request.reader}: {type(error).__name__}: {said}"
        raise DataError(path, reason) from error


def _scan(request: Request, path: Path):  # type: ignore[no-untyped-def]
    name = request.reader
    if name == ARRAYS:
        whole = request.kind == "patterns"
        names: Mapping[str, str] = request.arrays if whole else {request.kind: request.arrays[request.kind]}
        return named_arrays.read_arrays(path, names, request.position_unit)
    if name == COLUMNS:
        return delimited.read_columns(path), None
    if name.casefold() == CXI.casefold():
        scan, blocks = cxi.read_scan(path)
        return (scan, blocks) if request.kind == "patterns" else (scan, None)
    if request.kind == "patterns":
        return ptychodus_readers.read_patterns(name, path)
    read = {
        "positions": ptychodus_readers.read_positions,
        "probe": ptychodus_readers.read_probe,
        "mask": ptychodus_readers.read_mask,
    }[request.kind]
    return read(name, path), None


def _refuse(folder: Path, reason: dict[str, str | None]) -> None:
    (folder / REFUSED).write_text(json.dumps(reason), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
