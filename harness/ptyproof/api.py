"""The public names of ptyproof: what its documents tell users to import.

Every name is loaded when it is first used, so `import ptyproof.api` loads neither numpy nor torch. Other modules may
change between minor versions; these names do not change within a major version.

Examples
--------
>>> from ptyproof.api import check
>>> for finding in check("training_manifest.json"):
...     print(finding.code, finding.json_path, finding.message)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptyproof.assessment.half_scans import HalfScan, half_scan_agreement, half_scan_indices
    from ptyproof.certificate.repeat_training import certify_job
    from ptyproof.checking import Document, Finding, ManifestKind, check, check_manifest
    from ptyproof.io.dataset import read_dataset
    from ptyproof.io.importers import import_foreign
    from ptyproof.metrics.against_truth import compare_objects
    from ptyproof.physics.metamorphic import metamorphic_violations
    from ptyproof.physics.objects import make_object
    from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction, illumination
    from ptyproof.reconstruction.options import Option
    from ptyproof.records.archive import read_archive

__all__ = [
    "BlindScan",
    "Budget",
    "Document",
    "Finding",
    "HalfScan",
    "ManifestKind",
    "Needs",
    "Option",
    "Reconstruction",
    "certify_job",
    "check",
    "check_manifest",
    "compare_objects",
    "half_scan_agreement",
    "half_scan_indices",
    "illumination",
    "import_foreign",
    "make_object",
    "metamorphic_violations",
    "read_archive",
    "read_dataset",
]

_MODULES = {
    "ptyproof.assessment.half_scans": ("HalfScan", "half_scan_agreement", "half_scan_indices"),
    "ptyproof.certificate.repeat_training": ("certify_job",),
    "ptyproof.checking": ("Document", "Finding", "ManifestKind", "check", "check_manifest"),
    "ptyproof.io.dataset": ("read_dataset",),
    "ptyproof.io.importers": ("import_foreign",),
    "ptyproof.metrics.against_truth": ("compare_objects",),
    "ptyproof.physics.metamorphic": ("metamorphic_violations",),
    "ptyproof.physics.objects": ("make_object",),
    "ptyproof.reconstruction.method": ("BlindScan", "Budget", "Needs", "Reconstruction", "illumination"),
    "ptyproof.reconstruction.options": ("Option",),
    "ptyproof.records.archive": ("read_archive",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its module."""
    if name not in _HOME:
        raise AttributeError(f"module 'ptyproof.api' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
