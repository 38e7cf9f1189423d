"""Whether the skips of a hub are the same in its manifests, in the lines of its documents, and in its newest run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.model.document import INDEX, Findings, cell_of, finding_about
from ptyproof.checking.model.hub_files import HubFiles
from ptyproof.errors import ManifestError
from ptyproof.hub.layout import RECONSTRUCTION, SKIP_LINES, TRAINING, cell_and_reason, skip_line
from ptyproof.io import strict_json

Manifests = Mapping[str, Mapping[str, Any]]
_CELL = re.compile(r"dose[0-9.e+-]+-\S+-gs\d+(-r\d+)?")


def check(files: HubFiles | None, manifests: Manifests, index: Mapping[str, Any] | None) -> Findings:
    """Yield skips that the lines of the documents, or the newest real run, have otherwise than the manifests.

    Without `files` the lines are not looked at.
    """
    if TRAINING in manifests:
        skips = manifests[TRAINING]["skipped_views"]
        if files is not None and SKIP_LINES in files.paths:
            yield from _lines(files.paths[SKIP_LINES], [skip_line(skip) for skip in skips])
        reasons = {cell_of(skip): skip["reason"] for skip in skips}
        for place, cell, reason in _of_the_newest_run(index):
            if _CELL.fullmatch(cell) and reasons.get(cell) != reason:
                yield _otherwise(place, cell, TRAINING)
    if RECONSTRUCTION in manifests:
        reasons = {cell_of(skip): skip["reason"] for skip in manifests[RECONSTRUCTION]["skipped"]}
        known = reasons.keys() | {job["job"] for job in manifests[RECONSTRUCTION]["jobs"]}
        for place, cell, reason in _of_the_newest_run(index):
            if cell in known and reasons.get(cell) != reason:
                yield _otherwise(place, cell, RECONSTRUCTION)


def _otherwise(place: str, cell: str, name: str) -> Any:
    said = f"{cell[:120]} has another reason than in {name}, or is not a skip there"
    return finding_about(INDEX, "PM802", place, said)


def _of_the_newest_run(index: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """Yield place, cell and reason of each skip of a cell in the newest real run, unless it was merged.

    A run that was merged is about the manifests of its own hub, with which it was verified before the merge.
    """
    newest = [number for number, run in enumerate(index["runs"]) if run["real_run"]][-1:] if index else []
    for number in newest:
        assert index is not None
        if "merged_from" in index["runs"][number]:
            return
        for at, skip in enumerate(index["runs"][number]["skips"]):
            cell, reason = cell_and_reason(skip)
            if cell is not None:
                yield f"$.runs[{number}].skips[{at}].reason", cell, reason


def _lines(path: Path, expected: list[dict[str, object]]) -> Findings:
    """Yield where the lines of the documents are not the skips of the training manifest, by their place in the list."""
    lines = path.read_bytes().split(b"\n")
    if lines.pop():
        yield finding_about(SKIP_LINES, "PM802", f"$[{len(lines)}]", f"line {len(lines) + 1} has no line end")
        return
    if len(lines) != len(expected):
        said = f"has {len(lines)} lines, but {TRAINING} has {len(expected)} skips"
        yield finding_about(SKIP_LINES, "PM802", "$", said)
    for number, (line, skip) in enumerate(zip(lines, expected, strict=False), start=1):
        fault = _of_line(line, skip)
        if fault is not None:
            code, said = fault
            yield finding_about(SKIP_LINES, code, f"$[{number - 1}]", f"line {number} {said}")


def _of_line(line: bytes, skip: dict[str, object]) -> tuple[str, str] | None:
    """Return code and sentence of what is wrong with a line, or None."""
    try:
        value = strict_json.parse_json(line.decode("utf-8"), SKIP_LINES)
    except ManifestError as error:
        return "PM004", error.reason
    except UnicodeDecodeError as error:
        return "PM003", f"is not UTF-8: byte {error.start}"
    return None if value == skip else ("PM802", f"differs from {TRAINING} for {cell_of(skip)}")
