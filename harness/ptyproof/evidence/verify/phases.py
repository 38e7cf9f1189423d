"""The files of Phases C and D in a hub: those that the manifests have, and no others."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.evidence.hub import DATASETS
from ptyproof.evidence.hub_layout import OVERLAP, RUN, TRAINING
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems
from ptyproof.study.layout import HALVES


def phase_file_problems(files: HubFiles, manifests: Mapping[str, Any]) -> Problems:
    """Yield files of Phases C and D that are not the recorded ones; datasets may be gone."""
    named = set()
    for manifest_name in (RUN, OVERLAP):
        if manifest_name not in manifests:
            if TRAINING in manifests and manifest_name not in files.paths:
                yield Problem(manifest_name, WHOLE, "is missing: trainings are recorded that it has the data of")
            continue
        for place, record, may_go in _phase_records(manifest_name, manifests[manifest_name]):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(manifest_name), record["path"]))
            named.add(name)
            if name in files.paths:
                difference = files.differs(name, record, manifest_name)
                if difference is not None:
                    yield Problem(name, WHOLE, difference)
            elif not may_go and name not in files.faulty:
                yield Problem(manifest_name, f"{place}.path", f"{name} is missing")
    for name in files.paths:
        folder = posixpath.join(*name.split("/")[:2])
        damaged = any(
            folder == posixpath.dirname(other) and other not in manifests
            for other in files.paths.keys() & {RUN, OVERLAP}
        )
        if name.startswith(f"{DATASETS}/") and name not in named | {RUN, OVERLAP} and not damaged:
            yield Problem(name, WHOLE, "is named by no manifest of its phase")


def _phase_records(manifest_name: str, manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield place and record of each file that a phase's manifest names, and whether the file may be gone."""
    for key in ("datasets",) if manifest_name == RUN else ("views", "rejected_views"):
        for number, entry in enumerate(manifest[key]):
            for half in HALVES:
                for member in ("file", "metrics_file"):
                    if entry[half].get(member) is not None:
                        yield f"$.{key}[{number}].{half}.{member}", entry[half][member], member == "file"
            if entry.get("metrics_bundle") is not None:
                yield f"$.{key}[{number}].metrics_bundle", entry["metrics_bundle"], False
