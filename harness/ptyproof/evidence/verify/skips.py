"""Skips are the same in the training manifest, the skip summary, the lines of the documents, and the newest run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptyproof.errors import ManifestError
from ptyproof.evidence.checking.document import Document
from ptyproof.evidence.checking.skips import differences
from ptyproof.evidence.hub import INDEX
from ptyproof.evidence.hub_layout import SKIP_KEYS, SKIP_LINES, SKIPS, TRAINING
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems
from ptyproof.io import strict_json
from ptyproof.study.layout import cell_of


def skip_problems(files: HubFiles, manifests: Mapping[str, Any], index: Mapping[str, Any] | None) -> Problems:
    """Yield skips that are not the same in the training manifest, the skip summary, the lines, and the newest run."""
    training = manifests[TRAINING]
    skips = training["skipped_views"]
    if SKIPS in manifests:
        summary = Document(manifests[SKIPS], SKIPS, "skip_summary", "1")
        for finding in differences(summary, training, TRAINING):
            yield Problem(SKIPS, finding.json_path, finding.message)
    elif SKIPS not in files.paths:
        yield Problem(SKIPS, WHOLE, "is missing")
    if SKIP_LINES in files.paths:
        yield from _skip_lines(files.paths[SKIP_LINES], [{key: skip[key] for key in SKIP_KEYS} for skip in skips])
    elif SKIP_LINES not in files.faulty:
        yield Problem(SKIP_LINES, WHOLE, "is missing; `ptyproof report` writes it")
    reasons = {cell_of(skip): skip["reason"] for skip in skips}
    newest = [number for number, run in enumerate(index["runs"]) if run["real_run"]][-1:] if index else []
    for number in newest:
        assert index is not None
        for at, skip in enumerate(index["runs"][number]["skips"]):
            cell, _, reason = skip["reason"].partition(": ")
            if re.fullmatch(r"dose[0-9.e-]+-\S+-gs\d+", cell) and reasons.get(cell) != reason:
                sentence = f"{cell} was skipped for another reason than {TRAINING} has, or is no skip there"
                yield Problem(INDEX, f"$.runs[{number}].skips[{at}].reason", sentence)


def _skip_lines(path: Path, expected: list[dict[str, Any]]) -> Problems:
    lines = path.read_bytes().split(b"\n")
    if lines.pop():
        yield Problem(SKIP_LINES, f"line {len(lines) + 1}", "has no line end")
        return
    if len(lines) != len(expected):
        yield Problem(SKIP_LINES, WHOLE, f"has {len(lines)} lines, {TRAINING} has {len(expected)} skips")
    for number, (line, skip) in enumerate(zip(lines, expected, strict=False), start=1):
        try:
            value = strict_json.parse_json(line.decode("utf-8"), SKIP_LINES)
        except ManifestError as error:
            yield Problem(SKIP_LINES, f"line {number}", error.reason)
        except UnicodeDecodeError as error:
            yield Problem(SKIP_LINES, f"line {number}", f"is not UTF-8: byte {error.start}")
        else:
            if value != skip:
                yield Problem(SKIP_LINES, f"line {number}", f"is not what {TRAINING} has for {cell_of(skip)}")
