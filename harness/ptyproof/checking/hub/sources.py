"""Whether trainings and reconstructions of a hub were made from the datasets that its phases have recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.checking.hub.studies import short
from ptyproof.checking.model.document import Findings, cell_of, finding_about
from ptyproof.hub.layout import OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.study.exposures import exposure_of
from ptyproof.study.layout import HALVES, halves_of

Manifests = Mapping[str, Mapping[str, Any]]
_CELL = ("dose", "replicate", "view", "gridsize")


def check(manifests: Manifests) -> Findings:
    """Yield what was made from other datasets than the phases have recorded, or from none that they have."""
    if not {RUN, OVERLAP} <= manifests.keys():
        return
    recorded = _Recorded(manifests)
    if TRAINING in manifests:
        for number, job in enumerate(manifests[TRAINING]["jobs"]):
            for half in HALVES if job["datasets"] is not None else ():
                place = f"$.jobs[{number}].datasets.{half}.sha256"
                yield from recorded.other(TRAINING, place, job, half, job["datasets"][half]["sha256"])
    if RECONSTRUCTION in manifests:
        for number, job in enumerate(manifests[RECONSTRUCTION]["jobs"]):
            if job["result"]["status"] == "success" and job["dataset"] is not None:
                place = f"$.jobs[{number}].dataset.sha256"
                yield from recorded.other(RECONSTRUCTION, place, job, job["split"], job["dataset"]["sha256"])


class _Recorded:
    """The datasets that Phases C and D have recorded, by dose and replicate, and by cell."""

    def __init__(self, manifests: Manifests) -> None:
        self.exposures = {exposure_of(entry): entry for entry in manifests[RUN]["datasets"]}
        self.views = {cell_of(entry): entry for entry in manifests[OVERLAP]["views"]}
        self.design = {view["name"]: view for view in manifests[RUN]["design"]["views"]}

    def other(self, name: str, place: str, job: dict[str, Any], half: str, used: str) -> Findings:
        """Yield that a job used another dataset than the recorded one of its cell, or that none is recorded."""
        view = self.design.get(job["view"], {})
        cell = {key: job[key] for key in _CELL if key in job}
        if half == "train":
            cell["dose"] = view.get("trained_at", job["dose"])
        record = self._record(cell, half, view.get("object") or view.get("experiment"))
        if record is None:
            yield finding_about(name, "PM906", place, f"no phase recorded data of {job['job'][:120]}")
        elif record["sha256"] != used:
            said = f"{job['job'][:120]} was made from {short(used)}, but its phase recorded {short(record['sha256'])}"
            yield finding_about(name, "PM906", place, said)

    def _record(self, cell: dict[str, Any], half: str, test_half: str | None) -> Mapping[str, Any] | None:
        """Return the record of the file of a half, None without one."""
        view = self.views.get(cell_of(cell))
        if view is None or not view["reads_phase_c"]:
            return None if view is None else view[half]["file"]
        exposure = self.exposures.get(exposure_of(cell))
        found = () if exposure is None else halves_of(exposure)
        of_half = (own["file"] for name, of, own in found if name == half and (name == "train" or of == test_half))
        return next(of_half, None)
