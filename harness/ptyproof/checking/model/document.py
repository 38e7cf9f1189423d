"""A manifest while it is checked: its value, where it lies, and ways to look into it that no value can upset."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ptyproof import clock
from ptyproof.checking.model.codes import codes
from ptyproof.checking.model.findings import Finding
from ptyproof.io.file_digests import FileDigests
from ptyproof.study.layout import cell_key, dose_folder

INDEX = "hub.json"
Findings = Iterator[Finding]
LARGEST_DOSE = 1e12
_LARGEST = 2**63


@dataclass(frozen=True)
class Document:
    """A manifest that is being checked.

    Parameters
    ----------
    value
        What was read; of a file that was cut off, the part that was readable.
    file
        The file as it was named.
    kind, generation
        What it was recognized as.
    folder
        The folder that its paths are relative to, resolved; None where nothing may be read beside it.
    home
        The folder that limits reading, resolved: the artifact hub, or `folder` without a hub.
    now
        The present, for times that lie in the future.
    hash_files
        Whether files are compared with their recorded sha256.
    manifest_only
        Whether no file is looked at but the manifest itself.
    digests
        Digests of files that were read already, by resolved path.
    cut
        JSON paths of the objects and arrays that a file which was cut off leaves open.
    faults
        Code and JSON path of what was wrong in the text itself, and is told.
    text
        The file's text, where there is a file.
    own
        The kind that a user has brought and that the file is of (a `ManifestKind`), or None.
    of_hub
        Whether the whole hub is judged, so that what its index has of each file is asked there.
    without_data
        Whether datasets are left out, which may be gone: neither their size nor their sha256 is looked at.
    memo
        What several checks ask for, found once.
    """

    value: Any
    file: str
    kind: str
    generation: str
    folder: Path | None = None
    home: Path | None = None
    now: datetime = field(default_factory=clock.utc_now)
    hash_files: bool = True
    manifest_only: bool = False
    digests: FileDigests = field(default_factory=FileDigests)
    cut: frozenset[str] = frozenset()
    faults: frozenset[tuple[str, str]] = frozenset()
    text: str | None = None
    own: Any = None
    of_hub: bool = False
    without_data: bool = False
    memo: dict[str, Any] = field(default_factory=dict)

    def finding(self, code: str, json_path: str, message: str) -> Finding:
        """Return a finding about this file."""
        return finding_about(self.file, code, json_path, message)

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file by its path without links; a file is read once."""
        return self.digests.of(path)

    @property
    def root(self) -> dict[str, Any]:
        """The value, if it is an object; an empty one otherwise."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def reads_files(self) -> bool:
        """Whether files beside the manifest may be opened."""
        return self.hash_files and not self.manifest_only

    @property
    def is_legacy(self) -> bool:
        """Whether the file is of a generation before `kind` and `schema_version`."""
        return self.kind.startswith("legacy_")

    @property
    def is_foreign(self) -> bool:
        """Whether the file is of no kind of ptyproof's: of one that a user has brought, or of none that is known."""
        return not self.kind or self.own is not None

    @property
    def is_index_of_its_hub(self) -> bool:
        """Whether the file is the index of the hub that it lies in."""
        return self.folder is not None and Path(self.file).name == INDEX and (self.folder / INDEX).is_file()

    def is_cut(self, json_path: str) -> bool:
        """Tell whether an object or array is incomplete because the file was cut off inside it."""
        return json_path in self.cut

    def entries(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        """Return JSON path and value of the objects in a list at the root."""
        found: list[tuple[str, dict[str, object]]] | None = self.memo.get(key)
        if found is None:
            found = self.memo[key] = list(entries(self.root, key, "$"))
        return found


def finding_about(file: str, code: str, json_path: str, message: str) -> Finding:
    """Return a finding about a file, with the severity and group of its code."""
    entry = codes()[code]
    return Finding(file, code, entry.severity, json_path, message, entry.group)


def entries(holder: Any, key: str, place: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield JSON path and value of the objects in a list that an object holds."""
    for number, entry in enumerate(listed(holder, key)):
        if isinstance(entry, dict):
            yield f"{place}.{key}[{number}]", entry


def mapping(holder: Any, key: str) -> dict[str, Any]:
    """Return the object under a key, or an empty one."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def listed(holder: Any, key: str) -> list[Any]:
    """Return the list under a key, or an empty one."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def text(holder: Any, key: str) -> str | None:
    """Return the text under a key, or None."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else None


def number(holder: Any, key: str) -> float | None:
    """Return the finite number under a key, or None."""
    return as_number(holder.get(key)) if isinstance(holder, dict) else None


def as_number(value: Any) -> float | None:
    """Return a finite number of a size that is one, or None."""
    kind = type(value)
    if kind is float or kind is int:
        return float(value) if -_LARGEST < value < _LARGEST else None  # of NaN neither holds
    return None


def count(holder: Any, key: str) -> int | None:
    """Return the whole number under a key, or None."""
    value = number(holder, key)
    return int(value) if value is not None and value.is_integer() else None


def is_close(left: float, right: float, relative: float = 1e-6, absolute: float = 1e-9) -> bool:
    """Tell whether two numbers are the same but for rounding."""
    return math.isclose(left, right, rel_tol=relative, abs_tol=absolute)


def cell_of(record: dict[str, object]) -> str | None:
    """Return the name of the cell that a record is about, with half and method where it has them."""
    dose, view, gridsize = number(record, "dose"), text(record, "view"), count(record, "gridsize")
    if dose is None or view is None:
        return None
    split = text(record, "split")
    name = cell_key(dose, view, gridsize or 0, replicate_of(record))
    if gridsize is None:
        name = cell_key(dose, view, 0).removesuffix("-gs0")
    method = text(record, "method")
    return "-".join(part for part in (name, split, method) if part is not None)


def is_taken_over(job: dict[str, object]) -> bool:
    """Tell whether a job says that its result is that of another job."""
    return text(mapping(job, "result"), "reused_from") is not None


def halves_of(dataset: dict[str, object], place: str) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield each half of an exposure in a run manifest: its place, `train` or `test`, and its record."""
    yield f"{place}.train", "train", mapping(dataset, "train")
    yield f"{place}.test", "test", mapping(dataset, "test")
    for at, half in entries(dataset, "further_tests", place):
        yield at, "test", half


def object_of_half(half: dict[str, object]) -> str | None:
    """Return the name of the test object of a half in a run manifest; None where it names no object."""
    return next((text(made, "name") for _, made in entries(half, "objects", "$")), None)


def name_of_test_half(record: dict[str, object]) -> str | None:
    """Return the experiment of a half in a run manifest, or the object or experiment of a view; None without one."""
    return text(record, "object") or text(record, "experiment")


def replicate_of(record: dict[str, object]) -> int:
    """Return the number of the replicate that a record is about; one that names none is about the first."""
    return count(record, "replicate") or 1


def folder_of(record: dict[str, object]) -> str | None:
    """Return the folder of the dose and replicate that a record is about; None without a dose that has a folder."""
    dose = number(record, "dose")
    return None if dose is None or not 0 < dose < LARGEST_DOSE else dose_folder(dose, replicate_of(record))


def plural(n: int, noun: str) -> str:
    """Return a number with its noun: `1 job`, `2 jobs`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
