"""What a reader's process is asked to read, as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

PositionUnit = Literal["m", "px"]
ARRAY_ROLES = ("patterns", "positions", "probe", "mask", "dark")
CXI, ARRAYS, COLUMNS = "CXI", "arrays", "columns"
OWN = (CXI, ARRAYS, COLUMNS)  # the readers that are not those of ptychodus
Kind = Literal["patterns", "positions", "probe", "mask"]


@dataclass(frozen=True)
class Request:
    """One file to be read.

    Parameters
    ----------
    kind
        What is wanted of it.
    reader
        Name of the reader.
    path
        The file.
    arrays
        For the reader `arrays`: the name of the array of each role.
    position_unit
        For the reader `arrays`: unit of its positions.
    """

    kind: Kind
    reader: str
    path: str
    arrays: Mapping[str, str] = field(default_factory=dict)
    position_unit: PositionUnit = "m"


def write_requests(path: Path, requests: list[Request]) -> None:
    """Write requests for `read_requests`."""
    path.write_text(json.dumps([asdict(request) for request in requests]), encoding="utf-8")


def read_requests(path: Path) -> list[Request]:
    """Return the requests that `write_requests` wrote."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [Request(**request) for request in found]
