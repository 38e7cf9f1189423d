"""Judging manifests that exist already: what a file is, whether it is well-formed, whether it says what it claims.

`check_manifest` judges a file, `check_value` a value that was parsed already, `codes.CODES` says what each code means.
"""

from ptyproof.evidence.checking.document import Document
from ptyproof.evidence.checking.findings import GROUPS, SEVERITIES, Finding
from ptyproof.evidence.checking.own_kinds import ManifestKind
from ptyproof.evidence.checking.run import Checked, check_manifest, check_value

__all__ = ["GROUPS", "SEVERITIES", "Checked", "Document", "Finding", "ManifestKind", "check_manifest", "check_value"]
