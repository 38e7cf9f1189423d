"""Imports that documents of version 0.1 named. They work until version 0.3, with a warning; use `ptyproof.api`."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType

from ptyproof import api

_PROMISED = {
    "certify": ("certify_job",),
    "checking": ("Document", "Finding", "ManifestKind", "check_manifest"),
    "half_scans": ("HalfScan", "half_scan_agreement", "half_scan_indices"),
    "measures": ("compare_objects",),
    "reconstruction_archive": ("read_archive",),
}


class _Moved(ModuleType):
    """A module of version 0.1 that gives its documented names from `ptyproof.api`."""

    def __getattr__(self, name: str) -> object:
        if name not in _PROMISED[self.__name__.rpartition(".")[2]]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return _from_api(name, self.__name__)


def _from_api(name: str, module: str) -> object:
    warnings.warn(
        f"import {name} from ptyproof.api instead of {module}, which goes in version 0.3",
        DeprecationWarning,
        stacklevel=3,
    )
    return getattr(api, name)


for _name in _PROMISED:
    sys.modules[f"{__name__}.{_name}"] = _Moved(f"{__name__}.{_name}")


def __getattr__(name: str) -> object:
    """Return `check` of `ptyproof.api`."""
    if name != "check":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _from_api(name, __name__)
