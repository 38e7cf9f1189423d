"""L5: the phases of a study, each with its files and its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptyproof.evidence.checking.findings import Finding


def check(path: Path | str, *, hash_files: bool = True, manifest_only: bool = False) -> list[Finding]:
    """Return everything that is wrong with a manifest, worst first; an empty list if it is sound.

    Parameters
    ----------
    path
        The file; what it is, is recognised from its content.
    hash_files
        Whether files that it names are read and compared with their recorded sha256.
    manifest_only
        Whether no file is looked at but the manifest: for one whose artifacts were not handed on with it.

    Examples
    --------
    >>> from ptyproof.evidence import check
    >>> for finding in check("training_manifest.json"):
    ...     print(finding.code, finding.json_path, finding.message)
    """
    # Here, as who imports a phase should not wait for the schemas.
    from ptyproof.evidence.checking.run import check_manifest

    return list(check_manifest(path, hash_files=hash_files, manifest_only=manifest_only).findings)
