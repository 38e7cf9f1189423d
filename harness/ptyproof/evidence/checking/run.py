"""Judging one manifest: read it, recognise it, validate it, and run the checks of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.errors import ManifestError
from ptyproof.evidence.checking.codes import CODES
from ptyproof.evidence.checking.findings import Finding
from ptyproof.io import schema, strict_json


@dataclass(frozen=True)
class Checked:
    """The judgement on a file.

    `kind` and `generation` are None where the file is of no known kind; `headline` is one line that says what the file
    is; `findings` stand worst first; `groups` are the groups of checks that apply to the kind, in their order.
    """

    file: str
    kind: str | None
    generation: str | None
    headline: str
    findings: tuple[Finding, ...]
    groups: tuple[str, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def check_manifest(path: Path | str, *, hash_files: bool = True, digests: dict[Path, str] | None = None) -> Checked:
    """Judge a file.

    Parameters
    ----------
    path
        The file.
    hash_files
        Whether files that the manifest names are read and compared with their recorded sha256; their presence and size
        are looked at in any case.
    digests
        Digests of files that were read already, by resolved path; shared between calls, each file is read once.
    """
    try:
        value = strict_json.read_json(Path(path))
    except ManifestError as error:
        found = (_finding(str(path), "PM004", "$", error.reason),)
        return Checked(str(path), None, None, "no JSON", found, ("json",))
    return check_value(value, file=str(path), folder=Path(path).parent, hash_files=hash_files, digests=digests)


def check_value(
    value: Any,
    *,
    file: str = "<value>",
    folder: Path | None = None,
    hash_files: bool = True,
    digests: dict[Path, str] | None = None,
) -> Checked:
    """Judge a value that was parsed already.

    Without a `folder` nothing is read: whether the files that it names are there is not asked.
    """
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in {name for name, _ in schema.kinds()}:
        found = [_finding(file, "PM102", "$", "is of no known kind")]
        return Checked(file, None, None, "unknown kind of file", tuple(found), ("json", "schema"))
    found = [_finding(file, "PM101", error.json_path, error.message) for error in schema.schema_errors(value, kind)]
    return Checked(file, kind, "1", kind, tuple(sorted(found)), ("json", "schema"))


def _finding(file: str, code: str, json_path: str, message: str) -> Finding:
    entry = CODES[code]
    return Finding(file, code, entry.severity, json_path, message, entry.group)
