"""Whether the pictures in a hub can be shown: those of report, comparison and trainings, and any other."""

from __future__ import annotations

from ptyproof.checking.model.document import Findings, finding_about
from ptyproof.checking.model.hub_files import HubFiles
from ptyproof.io.pictures import fault_of, is_picture


def check(files: HubFiles) -> Findings:
    """Yield the pictures that are cut off, changed, of another format than their names say, or too small."""
    for name, path in files.paths.items():
        fault = fault_of(path) if is_picture(name) else None
        if fault is not None:
            yield finding_about(name, "PM312", "$", fault)
