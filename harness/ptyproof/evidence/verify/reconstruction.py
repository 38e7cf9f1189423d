"""Phase F of a hub: archives, data, bundles, skips and account are those that its manifest and the others have."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ptyproof.evidence.hub import INDEX
from ptyproof.evidence.hub_layout import OVERLAP, REAL_RUN, RECONSTRUCTION, RUN, TRAINING
from ptyproof.evidence.ledger import STATUSES
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems, short
from ptyproof.study.layout import RECONSTRUCTIONS, cell_of


def reconstruction_problems(files: HubFiles, manifests: Mapping[str, Any], index: Mapping[str, Any] | None) -> Problems:
    """Yield everything that is wrong with Phase F of a hub."""
    manifest = manifests[RECONSTRUCTION]
    yield from _account_problems(manifest)
    yield from _file_problems(files, manifest)
    yield from _source_problems(manifests)
    yield from _skip_problems(manifests, index)


def _account_problems(manifest: Mapping[str, Any]) -> Problems:
    statuses = Counter(entry["result"]["status"] for entry in manifest["jobs"])
    counted = {f"n_{status}": statuses[status] for status in STATUSES}
    counted |= {"n_skipped": len(manifest["skipped"]), "n_not_selected": len(manifest["not_selected"])}
    for key, number in {"n_enumerated": sum(counted.values()), **counted}.items():
        if manifest["account"][key] != number:
            sentence = f"is {manifest['account'][key]}, counted {number}"
            yield Problem(RECONSTRUCTION, f"$.account.{key}", sentence)
    design = manifest["design"]
    cells = {
        cell_of({"dose": dose, "view": view["name"], "gridsize": view["gridsize"]})
        for dose in design["doses_photons_per_pattern"]
        for view in design["views"]
    }
    seen = set()
    for key in ("jobs", "skipped", "not_selected"):
        for number, record in enumerate(manifest[key]):
            name = _name(record)
            if name in seen or cell_of(record) not in cells:
                reason = "is there twice" if name in seen else "is no cell of the study"
                yield Problem(RECONSTRUCTION, f"$.{key}[{number}]", f"{name} {reason}")
            if record.get("job", name) != name:
                sentence = f"{record['job']} is not the name of the cell {name}"
                yield Problem(RECONSTRUCTION, f"$.{key}[{number}].job", sentence)
            seen.add(name)


def _file_problems(files: HubFiles, manifest: Mapping[str, Any]) -> Problems:
    named = set()
    for number, entry in enumerate(manifest["jobs"]):
        result = entry["result"]
        for key in ("reconstruction", "product") if result["status"] == "success" else ():
            if result[key] is None:
                continue
            name = posixpath.normpath(posixpath.join(REAL_RUN, result[key]["path"]))
            named.add(name)
            if name not in files.paths:
                if name not in files.faulty:
                    yield Problem(RECONSTRUCTION, f"$.jobs[{number}].result.{key}.path", f"{name} is missing")
                continue
            difference = files.differs(name, result[key], f"{RECONSTRUCTION} {entry['job']}")
            if difference is not None:
                yield Problem(name, WHOLE, difference)
    for name in files.paths:
        if name.startswith(f"{REAL_RUN}/{RECONSTRUCTIONS}/") and name not in named:
            yield Problem(name, WHOLE, f"is named by no reconstruction of {RECONSTRUCTION}")


def _source_problems(manifests: Mapping[str, Any]) -> Problems:
    """Yield reconstructions whose dataset or bundle is not the one that its phase has recorded."""
    manifest = manifests[RECONSTRUCTION]
    trained = {entry["job"]: entry["result"] for entry in manifests[TRAINING]["jobs"]} if TRAINING in manifests else {}
    jobs = {entry["job"]: entry for entry in manifest["jobs"]}
    for number, entry in enumerate(manifest["jobs"]):
        if entry["result"]["status"] != "success":
            continue
        place, used = f"$.jobs[{number}]", entry["dataset"]["sha256"]
        recorded = _recorded_dataset(manifests, entry)
        if recorded is not None and used != recorded:
            sentence = f"{entry['job']} was made from {short(used)}, its phase has recorded {short(recorded)}"
            yield Problem(RECONSTRUCTION, f"{place}.dataset.sha256", sentence)
        if entry["needs_training"]:
            bundle = trained.get(cell_of(entry), {}).get("bundle_sha256")
            own = None if entry["bundle"] is None else entry["bundle"]["sha256"]
            if TRAINING in manifests and own != bundle:
                sentence = f"{entry['job']} used a bundle that {TRAINING} does not have for {cell_of(entry)}"
                yield Problem(RECONSTRUCTION, f"{place}.bundle", sentence)
        twin = entry["result"]["reused_from"]
        if twin is not None and (
            twin not in jobs or jobs[twin]["result"]["arrays_sha256"] != entry["result"]["arrays_sha256"]
        ):
            sentence = f"{twin} has no reconstruction with the arrays of {entry['job']}"
            yield Problem(RECONSTRUCTION, f"{place}.result.reused_from", sentence)


def _recorded_dataset(manifests: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    """Return the sha256 of the dataset that a reconstruction must have been made from, where it is recorded."""
    if not {RUN, OVERLAP} <= manifests.keys():
        return None
    views = [view for view in manifests[OVERLAP]["views"] if cell_of(view) == cell_of(entry)]
    if views and views[0]["reads_phase_c"]:
        views = [dose for dose in manifests[RUN]["datasets"] if dose["dose"] == entry["dose"]]
    return str(views[0][entry["split"]]["file"]["sha256"]) if views else "nothing"


def _skip_problems(manifests: Mapping[str, Any], index: Mapping[str, Any] | None) -> Problems:
    """Yield skips of views that are not those of the training manifest, and skips that the newest run has otherwise."""
    manifest = manifests[RECONSTRUCTION]
    views = {cell_of(skip): skip for skip in manifests[TRAINING]["skipped_views"]} if TRAINING in manifests else {}
    for number, skip in enumerate(manifest["skipped"]):
        cell = cell_of(skip)
        if skip["code"] == "rejected_by_phase_d" and TRAINING in manifests:
            other = views.get(cell)
            if other is None or any(skip[key] != other[key] for key in ("code", "reason", "measured")):
                sentence = f"{_name(skip)} is not skipped as {TRAINING} has it for {cell}"
                yield Problem(RECONSTRUCTION, f"$.skipped[{number}]", sentence)
    reasons = {_name(skip): skip["reason"] for skip in manifest["skipped"]}
    known = reasons.keys() | {entry["job"] for entry in manifest["jobs"]}
    newest = [number for number, run in enumerate(index["runs"]) if run["real_run"]][-1:] if index else []
    for number in newest:
        assert index is not None
        for at, skip in enumerate(index["runs"][number]["skips"]):
            cell, _, reason = skip["reason"].partition(": ")
            if cell in known and reasons.get(cell) != reason:
                sentence = f"{cell} was skipped for another reason than {RECONSTRUCTION} has, or is no skip there"
                yield Problem(INDEX, f"$.runs[{number}].skips[{at}].reason", sentence)


def _name(record: Mapping[str, Any]) -> str:
    return f"{cell_of(record)}-{record['split']}-{record['method']}"
