"""Findings as people read them: one cause is told once, with all its places.

A missing value breaks the schema and, as a success without it, is a claim without ground: the second tells the first.
Nine paths below one absolute root are one mistake. Programs that want each place by itself have `Checked.findings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ptyproof.checking.model.findings import Finding

_FORM = "PM101"
# Codes that are about a record as a whole, where the schema misses single keys of it.
_OF_RECORDS = frozenset({"PM612"})


@dataclass(frozen=True)
class Cause:
    """Something that is wrong at one or more places: the code, one sentence, and the JSON paths, worst cause first."""

    file: str
    code: str
    severity: str
    group: str
    message: str
    places: tuple[str, ...]


def causes(findings: Iterable[Finding]) -> list[Cause]:
    """Return findings, which stand worst first, by their causes, in that order."""
    found = list(findings)
    told = {finding.json_path for finding in found if finding.severity == "error" and finding.code != _FORM}
    of_records = {finding.json_path for finding in found if finding.code in _OF_RECORDS}
    together: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        place = finding.json_path
        if finding.code == _FORM and (place in told or place.rpartition(".")[0] in of_records):
            continue
        together.setdefault((finding.file, finding.code, finding.cause or finding.message), []).append(finding)
    return [_cause(said, group) for (_, _, said), group in together.items()]


def _cause(said: str, group: list[Finding]) -> Cause:
    first = group[0]
    places = tuple(dict.fromkeys(finding.json_path for finding in group))
    message = said if len(places) > 1 else first.message
    return Cause(first.file, first.code, first.severity, first.group, message, places)
