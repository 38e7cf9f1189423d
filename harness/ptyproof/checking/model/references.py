"""The files and folders that a manifest names: where, relative to what, with which recorded digest and size.

The one place that knows this of each kind; the checks of paths and of files both read it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from ptyproof.checking.model import foreign
from ptyproof.checking.model.document import Document, count, entries, halves_of, mapping, text
from ptyproof.checking.model.reference import Reference
from ptyproof.io.json_reader import path_of

# Kinds of today whose files are named below; of others, every record of a file is looked at.
_KNOWN = frozenset({"training_manifest", "skip_summary", "run_manifest", "overlap_manifest", "hub_index", "figures"})
# Of kinds whose records are looked at wherever they stand: the role of one below a key; `data` below none of these.
_ROLES = {
    "reconstruction_manifest": {"reconstruction": "artifact", "product": "artifact"},
    "comparison_manifest": {
        "reconstruction": "record",
        "reconstruction_manifest": "record",
        "files": "artifact",
        "figures": "artifact",
    },
    "assessment": {"reconstructions": "artifact", "figures": "artifact", "networks": "artifact"},
}
_MEMO = "$references"
_DATASETS = "../../work/"  # from the folder of a report's pictures
_JOB_PATHS = ("train_data_path", "test_data_path", "log_path", "artifact_dir")
_ARTIFACTS = ("bundle_path", "checkpoint_path", "metrics_path", "loss_curve_path")
_FOLDERS = frozenset({"artifact_dir", "output_dir"})
_OF_LEGACY_JOB = frozenset(
    {
        *_JOB_PATHS,
        "input_npz",
        "output_dir",
        "phase_c_npz",
        "pinn_checkpoint",
        "baseline_checkpoint",
        "phase_f_manifest",
    }
)


def references(doc: Document) -> list[Reference]:
    """Return the files and folders that a manifest names, in the order of the file."""
    found: list[Reference] | None = doc.memo.get(_MEMO)
    if found is None:
        found = doc.memo[_MEMO] = list(_references(doc))
    return found


def _references(doc: Document) -> Iterator[Reference]:
    root = doc.root
    if doc.is_foreign:
        yield from foreign.named(doc)
        return
    if "migrated" in root and root.get("artifact_root") is None:
        # it was not put beside the earlier file, so it is not known where its paths lead
        for place, job in doc.entries("jobs"):
            yield from _nowhere(mapping(job, "result"), f"{place}.result")
        return
    yield from _roots(doc, root)
    if doc.kind not in _KNOWN and not doc.is_legacy:
        yield from _recorded(doc)
        return
    for place, job in doc.entries("jobs"):
        yield from _legacy_job(doc, job, place) if doc.is_legacy else _job(job, place)
    if doc.is_legacy:
        yield from _legacy_others(doc)
    else:
        yield from _others(doc)


def _roots(doc: Document, root: dict[str, Any]) -> Iterator[Reference]:
    yield from _record(mapping(root, "migrated"), "$.migrated", "source", "data")
    for key in ("phase_c_root", "phase_d_root", "artifact_root"):
        yield from _of(root, "$", key, None if doc.is_legacy else ".", "folder")
    yield from _of(root, "$", "skip_summary_path", ".", "artifact")
    yield from _of(root, "$", "training_manifest_path", ".", "artifact")


def _recorded(doc: Document) -> Iterator[Reference]:
    """Yield every record of a file, {path, sha256, ...}, in a kind that nothing more is known of here."""
    waiting: list[tuple[list[str | int], Any]] = [([], doc.root)]
    while waiting:
        steps, here = waiting.pop()
        if isinstance(here, dict):
            if {"path", "sha256"} <= here.keys():
                yield from _file(here, path_of(steps), _role(doc.kind, steps))
            # what an earlier result has left was written over by the one that replaced it
            inside = [(key, inner) for key, inner in here.items() if _holds(inner) and key != "earlier_results"]
            waiting.extend(([*steps, key], inner) for key, inner in reversed(inside))
        elif isinstance(here, list):
            numbered = reversed(list(enumerate(here)))
            waiting.extend(([*steps, number], inner) for number, inner in numbered if _holds(inner))


def _role(kind: str, steps: list[str | int]) -> str:
    """Return the role of a record of a file from the place where it stands."""
    named = {step for step in steps if isinstance(step, str)}
    return next((role for key, role in _ROLES.get(kind, {}).items() if key in named), "data")


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)


def _others(doc: Document) -> Iterator[Reference]:
    for key in ("datasets", "views", "rejected_views"):
        for place, entry in doc.entries(key):
            for at, _, half in halves_of(entry, place):
                yield from _record(half, at, "file", "data")
                yield from _record(half, at, "metrics_file", "record")
            yield from _record(entry, place, "metrics_bundle", "record")
    for place, run in doc.entries("runs"):
        yield from _of(run, place, "log_path", ".", "artifact")
        yield from _of(run, place, "reports_path", ".", "artifact")
        yield from _of(run, place, "files_path", ".", "artifact")
        yield from _of(run, place, "blocked_path", ".", "artifact")
    for place, entry in doc.entries("files"):
        # bytes of a name that are not text stand escaped in an index
        escaped = "\\" in (text(entry, "path") or "")
        yield from _file(entry, place, "indexed" if doc.is_index_of_its_hub else "data" if escaped else "artifact")
    for place, picture in doc.entries("pictures"):
        yield from _picture(picture, place)


def _picture(picture: dict[str, Any], place: str) -> Iterator[Reference]:
    """Yield a picture and what it was made from; of that, datasets may be gone."""
    name = text(picture, "file")
    if name is not None:
        yield Reference(f"{place}.file", name, ".", "artifact", text(picture, "sha256"), None, f"{place}.sha256")
    for at, source in entries(picture, "sources", place):
        is_dataset = posixpath.normpath(text(source, "path") or "").startswith(_DATASETS)
        yield from _file(source, at, "data" if is_dataset else "record")


def _job(job: dict[str, Any], place: str) -> Iterator[Reference]:
    result = mapping(job, "result")
    done = result.get("status") == "success"
    for key in ("train_data_path", "test_data_path"):
        yield from _of(job, place, key, ".", "data")
    yield from _of(job, place, "log_path", ".", "artifact" if done else "folder")
    yield from _of(job, place, "artifact_dir", ".", "folder")
    for half in ("train", "test"):
        yield from _record(mapping(job, "datasets"), f"{place}.datasets", half, "data")
    folder = text(job, "artifact_dir")
    if folder is not None:
        yield from _results(result, f"{place}.result", folder)


def _results(result: dict[str, Any], place: str, folder: str) -> Iterator[Reference]:
    for key in _ARTIFACTS:
        path = text(result, key)
        if path is None:
            continue
        if key != "bundle_path":
            yield Reference(f"{place}.{key}", path, folder, "artifact")
            continue
        digest, size = text(result, "bundle_sha256"), count(result, "bundle_size_bytes")
        paths = f"{place}.bundle_sha256", f"{place}.bundle_size_bytes"
        yield Reference(f"{place}.{key}", path, folder, "artifact", digest, size, *paths)


def _legacy_job(doc: Document, job: dict[str, Any], place: str) -> Iterator[Reference]:
    """Yield a job's paths; the manifest lay in artifact_root, so folders under that are below the manifest's own."""
    for key in _OF_LEGACY_JOB & job.keys():
        if key in _FOLDERS:
            yield from _of(job, place, key, None, "folder")
        else:
            yield from _of_earlier(doc, job, place, key)
    folder = text(job, "artifact_dir")
    below = None if folder is None else _below(doc, folder)
    if below is not None:
        yield from _results(mapping(job, "result"), f"{place}.result", below)
    else:
        yield from _nowhere(mapping(job, "result"), f"{place}.result")


def _nowhere(result: dict[str, Any], place: str) -> Iterator[Reference]:
    """Yield a job's results where it is not known which folder they are relative to."""
    for found in _results(result, place, "."):
        known = (found.sha256, found.size_bytes, found.digest_path, found.size_path)
        yield Reference(found.json_path, found.path, None, "artifact", *known)


def _below(doc: Document, path: str) -> str | None:
    """Return a path of an earlier generation relative to artifact_root, which the file lay in; None elsewhere."""
    root = text(doc.root, "artifact_root")
    start = None if root is None else root.rstrip("/") + "/"
    if start is None or not path.startswith(start):
        return None
    below = posixpath.normpath(path[len(start) :].lstrip("/"))
    return None if below.startswith("..") else below


def _of_earlier(doc: Document, holder: Any, place: str, key: str) -> Iterator[Reference]:
    """Yield a path of an earlier generation; what lies under artifact_root is below the manifest's own folder."""
    path = text(holder, key)
    if path is not None:
        found = Reference(f"{place}.{key}", path, None, "data")
        found.name = None if path.startswith("/") else _below(doc, path)
        yield found


def _legacy_others(doc: Document) -> Iterator[Reference]:
    for place, result in doc.entries("execution_results"):
        yield from _of_earlier(doc, result, place, "log_path")
    if doc.kind == "legacy_run_manifest_c":
        for key, record in doc.root.items():
            for name in ("train", "test", "intermediate_dir"):
                yield from _of(record, f"$.{key}", name, None, "data")
    if doc.kind == "legacy_hub_verification_g":
        yield from _of(doc.root, "$", "hub", None, "folder")
        for place, entry in doc.entries("validations"):
            yield from _of(entry, place, "path", None, "data")
    for dose, halves in mapping(doc.root, "phase_c_metadata_compliance").items():
        for half, entry in halves.items() if isinstance(halves, dict) else ():
            yield from _of(entry, f"$.phase_c_metadata_compliance.{dose}.{half}", "npz_path", None, "data")


def _of(holder: Any, place: str, key: str, base: str | None, role: str) -> Iterator[Reference]:
    path = text(holder, key)
    if path is not None:
        yield Reference(f"{place}.{key}", path, base, role)


def _record(holder: dict[str, Any], place: str, key: str, role: str) -> Iterator[Reference]:
    if isinstance(holder.get(key), dict):
        yield from _file(holder[key], f"{place}.{key}", role)


def _file(record: dict[str, Any], place: str, role: str) -> Iterator[Reference]:
    path = text(record, "path")
    if path is not None:
        digest, size = text(record, "sha256"), count(record, "size_bytes")
        yield Reference(f"{place}.path", path, ".", role, digest, size, f"{place}.sha256", f"{place}.size_bytes")
