"""Remedies for libraries that do not load together; the one place for them."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ptyproof.extras import missing

_MISSING = "torchvision::nms"
_REMEDY = (
    "torchvision: its compiled operators do not load beside this build of torch; the schemas of nms and qnms were "
    "declared, so that it could be imported for its transforms"
)
_SCHEMAS = tuple(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms"))
# The declarations hold as long as the library object lives.
_declared: list[Any] = []


def import_torchvision() -> str | None:
    """Make torchvision importable if it is installed; return the remedy that was needed, or None.

    PyPI's torchvision is built for PyPI's torch. With a CPU build of torch its compiled operators do not load, and
    its import ends at the first of them. What imports it ends with it: pty-chi, for one blur, and Lightning, whose
    torchmetrics imports it wherever it is installed. Its transforms need no compiled operator.

    Raises
    ------
    RuntimeError
        If the import fails for another reason.
    """
    if missing(("torchvision",)):
        return None
    if "torchvision" not in sys.modules:
        try:
            importlib.import_module("torchvision")
        except RuntimeError as error:
            if _MISSING not in str(error):
                raise
            _declare_operators()
    return _REMEDY if _declared else None


def _declare_operators() -> None:
    import torch

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)
    importlib.import_module("torchvision")
