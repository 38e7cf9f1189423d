"""Judging manifests that exist already: what a file is, whether it is well-formed, whether it says what it claims.

`check` returns the findings of a file. `check_manifest` judges a file, `check_value` a value that was parsed already.
`model.codes` explains each code.
"""

from __future__ import annotations

from pathlib import Path

from ptyproof.checking.judge import Checked, check_manifest, check_value
from ptyproof.checking.model.document import Document
from ptyproof.checking.model.findings import GROUPS, SEVERITIES, Finding
from ptyproof.checking.own_kinds import ManifestKind

__all__ = [
    "GROUPS",
    "SEVERITIES",
    "Checked",
    "Document",
    "Finding",
    "ManifestKind",
    "check",
    "check_manifest",
    "check_value",
]


def check(path: Path | str, *, hash_files: bool = True, manifest_only: bool = False) -> list[Finding]:
    """Return everything that is wrong with a manifest, worst first; an empty list if it is sound.

    Parameters
    ----------
    path
        The file; what it is, is recognized from its content.
    hash_files
        Whether files that it names are read and compared with their recorded sha256.
    manifest_only
        Whether no file is looked at but the manifest: for one whose artifacts were not handed on with it.

    Examples
    --------
    >>> from ptyproof.api import check
    >>> for finding in check("training_manifest.json"):
    ...     print(finding.code, finding.json_path, finding.message)
    """
    return list(check_manifest(path, hash_files=hash_files, manifest_only=manifest_only).findings)
