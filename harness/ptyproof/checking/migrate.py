"""Training manifests of earlier generations (E4 to E7) in the form of the current one, with nothing invented.

What the earlier file says is taken over; what it does not say is null, with a reason under `migrated.unknown`; what it
says and the current form has no place for is named under `migrated.left_out`. What the checks find in the earlier file
is kept under `migrated.findings`, so that no verdict becomes milder. Paths become relative to the artifact root, by
their text alone.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.judge import Checked, check_manifest
from ptyproof.checking.model.findings import Finding
from ptyproof.errors import InputError
from ptyproof.io.hashing import sha256_file
from ptyproof.io.strict_json import read_json
from ptyproof.io.whole_numbers import with_whole_numbers
from ptyproof.records.manifest import timed_head, write_manifest
from ptyproof.study.layout import cell_key
from ptyproof_schemas.types.training_manifest import Success

KIND = "training_manifest"
_LEGACY = "legacy_training_manifest_"
_NOT_RECORDED = "earlier generations do not record it"
_PORTABLE = re.compile(r"(?!/)(?![A-Za-z]:)[^\\\x00-\x1f]{1,1024}")
_OF_FILE = {
    "$.study": "earlier generations do not name their study",
    "$.design": "earlier generations do not record the study's design",
    "$.design_digest": "earlier generations do not record the study's design",
    "$.calls": "earlier generations record their latest call alone, without a name or options",
    "$.not_selected": _NOT_RECORDED,
    "$.account.n_enumerated": "cells that were not selected are not recorded",
    "$.account.n_lost": "earlier generations write no record of a job before it has ended",
    "$.account.n_not_selected": _NOT_RECORDED,
}
_OF_JOBS = {
    "neighbor_count": _NOT_RECORDED,
    "datasets": "earlier generations do not record hashes of datasets",
    "training": "earlier generations do not record network and budget",
    "environment": _NOT_RECORDED,
    "scores": "earlier generations do not score their networks when they are trained",
    "earlier_results": "earlier generations overwrite their manifest, and with it the results before",
}
_OF_SUCCESS = (
    *("validation_loss", "bundle_epoch", "resumed_from_epoch"),
    *("metrics_path", "loss_curve_path", "recipe_sha256", "started", "finished"),
)
_SKIP_KEYS = ("dose", "view", "gridsize", "code", "reason", "selected", "measured")
_OF_SKIPS = ("gridsize", "code", "selected", "measured")


def migrate(source: Path, target: Path) -> dict[str, Any]:
    """Write the training manifest `source` of an earlier generation to `target` in the current form; return it.

    Raises
    ------
    InputError
        If `target` exists, or `source` is no training manifest of generations E4 to E7, is damaged, or breaks the
        schema of its generation; nothing is written then.
    """
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already; name a file that does not")
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is no folder")
    checked = check_manifest(source)
    _refuse(source, checked)
    value = with_whole_numbers(read_json(source), str(checked.kind))
    beside = source.resolve().parent == target.resolve().parent
    # files that lie beside are looked at whenever the new file is checked
    found = [finding for finding in checked.findings if not (beside and finding.group == "files")]
    record = {"path": source.name, "sha256": sha256_file(source), "size_bytes": source.stat().st_size}
    manifest = migrated(value, str(checked.generation), record, beside, found)
    write_manifest(target, manifest)
    return manifest


def _refuse(source: Path, checked: Checked) -> None:
    """Raise InputError unless a file is a training manifest of an earlier generation that obeys its schema."""
    kind = checked.kind or ""
    damage = [finding for finding in checked.findings if finding.group in ("json", "schema")]
    if damage and (kind.startswith(_LEGACY) or not kind):
        first = min(damage)
        raise InputError(f"{source} cannot be migrated, {first.json_path}: {first.message}")
    if kind == KIND:
        raise InputError(f"{source} is a training manifest of the current generation; there is nothing to migrate")
    if not kind.startswith(_LEGACY):
        raise InputError(f"{source} is no training manifest of an earlier generation, but: {checked.headline}")


def migrated(
    value: Mapping[str, Any],
    generation: str,
    source: Mapping[str, Any],
    beside: bool = True,
    findings: Iterable[Finding] = (),
) -> dict[str, object]:
    """Return a training manifest of an earlier generation, which obeys its schema, in the current form.

    Parameters
    ----------
    value
        The earlier manifest.
    generation
        E4, E5, E6 or E7.
    source
        Name, sha256 and size of its file.
    beside
        Whether the new file will lie beside it, in the artifact root.
    findings
        What the checks have found in the earlier file; it holds for the new one, too.
    """
    notes = _Notes(value["artifact_root"])
    skips = value.get("skipped_views")
    notes.of_file(generation, beside, skips)
    jobs = [_job(job, number, notes) for number, job in enumerate(value["jobs"])]
    statuses = Counter(job["result"]["status"] for job in jobs if job["result"] is not None)
    body = {
        "study": None,
        "design": None,
        "design_digest": None,
        "phase_c_root": notes.path("$.phase_c_root", value["phase_c_root"]),
        "phase_d_root": notes.path("$.phase_d_root", value["phase_d_root"]),
        "artifact_root": "." if beside else None,
        "filters": {key: None if wanted is None else [wanted] for key, wanted in value["filters"].items()},
        "dry_run": value["dry_run"],
        "calls": None,
        "jobs": jobs,
        "not_selected": None,
        "skipped_views": None if skips is None else [dict.fromkeys(_SKIP_KEYS) | skip for skip in skips],
        "skipped_count": value.get("skipped_count"),
        "skip_summary_path": _skip_summary(value, generation, notes),
        "account": {
            "n_enumerated": None,
            "n_success": statuses["success"],
            "n_failed": statuses["failed"],
            "n_lost": None,
            "n_skipped": None if skips is None else len(skips),
            "n_not_selected": None,
        },
    }
    migration = {
        "source": dict(source),
        "generation": generation,
        "timestamp": value["timestamp"],
        "unknown": _listed(notes.unknown),
        "left_out": _listed(notes.left_out),
        "findings": [
            {"code": finding.code, "severity": finding.severity, "json_path": finding.json_path} for finding in findings
        ],
    }
    return timed_head(KIND) | {"migrated": migration} | body


class _Notes:
    """Reasons by JSON path: of what is null in the new manifest, and of what was left out of the earlier one."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.unknown: dict[str, str] = {}
        self.left_out: dict[str, str] = {}

    def of_file(self, generation: str, beside: bool, skips: list[Any] | None) -> None:
        """Note what no file of the generation says."""
        self.unknown.update(_OF_FILE)
        if not beside:
            self.unknown["$.artifact_root"] = "the file was not put beside the earlier one"
        if skips is None:
            for path in ("$.skipped_views", "$.skipped_count", "$.account.n_skipped"):
                self.unknown[path] = f"generation {generation} does not record skips"
        elif skips:
            self.unknown.update({f"$.skipped_views[*].{key}": _NOT_RECORDED for key in _OF_SKIPS})

    def path(self, place: str, path: str) -> str | None:
        """Return a path relative to the artifact root, as far as the texts of the two allow it."""
        result = _relative(path, self.root)
        return self.portable(place, result, "its place relative to the artifact root is not to be told from the file")

    def portable(self, place: str, path: str | None, reason: str) -> str | None:
        """Return a path that a manifest may have; note the reason if there is no such path."""
        if path is not None and _PORTABLE.fullmatch(path):
            return path
        self.unknown[place] = reason
        return None


def _job(job: Mapping[str, Any], number: int, notes: _Notes) -> dict[str, Any]:
    place = f"$.jobs[{number}]"
    for key, reason in _OF_JOBS.items():
        notes.unknown[f"$.jobs[*].{key}"] = reason
    if "backend" not in job:
        notes.unknown["$.jobs[*].backend"] = _NOT_RECORDED
    paths = ("train_data_path", "test_data_path", "log_path", "artifact_dir")
    return {
        "job": cell_key(job["dose"], job["view"], job["gridsize"]),
        "dose": job["dose"],
        "view": job["view"],
        "gridsize": job["gridsize"],
        "neighbor_count": None,
        **{key: notes.path(f"{place}.{key}", job[key]) for key in paths},
        "backend": job.get("backend"),
        "datasets": None,
        "training": None,
        "environment": None,
        "result": _result(job["result"], f"{place}.result", notes),
        "scores": None,
        "earlier_results": None,
    }


def _result(result: Mapping[str, Any], place: str, notes: _Notes) -> dict[str, object] | None:
    if "status" not in result:
        notes.unknown[place] = "the job was only named, in a dry run"
        return None
    required = [key for key, kind in Success.__annotations__.items() if "NotRequired" not in str(kind)]
    taken = dict.fromkeys(required) | {"status": result["status"]}
    if result["status"] == "failed":
        taken["error"] = result["error"]
        notes.unknown.update({f"$.jobs[*].result.{key}": _NOT_RECORDED for key in ("started", "finished")})
        return taken
    notes.unknown.update({f"$.jobs[*].result.{key}": _NOT_RECORDED for key in _OF_SUCCESS})
    for key in ("final_loss", "epochs_completed", "bundle_sha256", "bundle_size_bytes"):
        taken[key] = result.get(key)
    for key in ("checkpoint_path", "bundle_path"):
        if result.get(key) is not None:
            path = None if _climbs(result[key]) else posixpath.normpath(result[key])
            taken[key] = notes.portable(f"{place}.{key}", path, "it is not relative to the job's folder")
    for key in ("checkpoint_path", "bundle_path", "bundle_sha256", "bundle_size_bytes"):
        if key not in result:
            notes.unknown[f"{place}.{key}"] = "the file does not say it"
    if "training_results" in result:
        notes.left_out[f"{place}.training_results"] = "what the training program returned has no form"
    return taken


def _skip_summary(value: Mapping[str, Any], generation: str, notes: _Notes) -> str | None:
    path = value.get("skip_summary_path")
    if path is None:
        notes.unknown["$.skip_summary_path"] = f"the file of generation {generation} names none"
        return None
    inside = None if _climbs(path) else posixpath.normpath(path)
    return notes.portable("$.skip_summary_path", inside, "it is not relative to the artifact root")


def _relative(path: str, root: str) -> str | None:
    """Return `path` relative to `root`: both relative to one unknown folder, or absolute with a folder in common."""
    if posixpath.isabs(path) != posixpath.isabs(root) or "\\" in path + root:
        return None
    parts, base = (
        [part for part in posixpath.normpath(name).split("/") if part not in ("", ".")] for name in (path, root)
    )
    shared = 0
    while shared < min(len(parts), len(base)) and parts[shared] == base[shared]:
        shared += 1
    if ".." in (*parts[shared:], *base[shared:]) or (posixpath.isabs(path) and not shared):
        return None
    return "/".join([*[".."] * (len(base) - shared), *parts[shared:]]) or "."


def _climbs(path: str) -> bool:
    return posixpath.normpath(path).startswith("..")


def _listed(reasons: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"json_path": path, "reason": reason} for path, reason in reasons.items()]
