"""Whether a manifest says what the files beside it say: bundles, losses, metrics, and the index of its hub.

Files are opened only where digests are wanted, too, and only those inside the manifest's home; a file that cannot be
read is the business of the checks of files.
"""

from __future__ import annotations

import csv
import io
import os
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.checks.experiments import FLAWS, flaws_of
from ptyproof.checking.model.document import (
    INDEX,
    Document,
    Findings,
    cell_of,
    entries,
    halves_of,
    listed,
    mapping,
    number,
    text,
)
from ptyproof.checking.model.files import real_path
from ptyproof.checking.model.findings import printable
from ptyproof.errors import ManifestError, PtyproofError
from ptyproof.io import strict_json
from ptyproof.io.hashing import sha256_bytes
from ptyproof.study.layout import HALVES

_MAX_BYTES = 4 << 20
_BUNDLE_END = ".safetensors"
_BUNDLE_KEY = "ptyproof"
_METRICS = "{}_metrics.json"
_METRICS_BUNDLE = "metrics_bundle.json"
_OF_METRICS = (
    *("n_images_total", "n_images_selected", "acceptance_rate", "spacing_before_selection"),
    *("spacing_after_selection", "selection", "grouping", "overlap"),
)
_OF_RESULT = ("recipe_sha256", "epochs_completed", "bundle_epoch", "final_loss", "validation_loss")
_OF_JOB = ("job", "dose", "replicate", "view", "gridsize", "neighbor_count", "training")
_OF_HALF = ("photons_per_pattern_requested", "photons_per_pattern_measured", "seed")


def model(doc: Document) -> Findings:
    """Yield where the readable record of a network is not the one in the bundle beside it."""
    name = f"model{_BUNDLE_END}"
    record = _bundle_record(doc, name)
    for key in sorted({*record, *doc.root} if record else ()):
        yield from same(doc, f"$.{key}", doc.root.get(key), record.get(key), name)


def trainings(doc: Document) -> Findings:
    """Yield where a job is not what its bundle and its table of losses say."""
    for place, job in doc.entries("jobs"):
        result, folder = mapping(job, "result"), text(job, "artifact_dir")
        bundle, table = text(result, "bundle_path"), text(result, "metrics_path")
        if folder is None:
            continue
        if bundle is not None and bundle.endswith(_BUNDLE_END):
            name = posixpath.join(folder, bundle)
            yield from _of_bundle(doc, place, job, _bundle_record(doc, name), name)
        if table is not None:
            name = posixpath.join(folder, table)
            yield from _of_losses(doc, f"{place}.result", result, _last_losses(doc, name), name)


def metrics(doc: Document) -> Findings:
    """Yield where the metrics of a half are not the same in the bundle and in the file beside it."""
    if doc.kind == "metrics_bundle":
        for half in HALVES:
            other = json_beside(doc, _METRICS.format(half))
            yield from _same_metrics(doc, f"$.{half}", mapping(doc.root, half), other, _METRICS.format(half))
            yield from same_keys(doc, "$", doc.root, other, ("dose", "view", "tool"), _METRICS.format(half))
        return
    own = text(doc.root, "split")
    other = json_beside(doc, _METRICS_BUNDLE)
    if own in HALVES and other:
        yield from _same_metrics(doc, "$", doc.root, mapping(other, own), _METRICS_BUNDLE)
        yield from same_keys(doc, "$", doc.root, other, ("dose", "view", "tool"), _METRICS_BUNDLE)


def views(doc: Document) -> Findings:
    """Yield where the metrics of a view in an overlap manifest are not those of the file that it names."""
    for key in ("views", "rejected_views"):
        for place, view in doc.entries(key):
            for half in HALVES:
                here = mapping(view, half)
                name = text(mapping(here, "metrics_file"), "path")
                if name is not None:
                    yield from _same_metrics(doc, f"{place}.{half}", here, json_beside(doc, name), name)


def datasets(doc: Document) -> Findings:
    """Yield where a dataset in a run manifest is not what the archive says of itself."""
    for place, dataset in doc.entries("datasets"):
        for at, half, here in halves_of(dataset, place):
            name = text(mapping(here, "file"), "path")
            if name is None:
                continue
            record = _archive_record(doc, name)
            yield from same_keys(doc, at, here, record, _OF_HALF, name)
            steps = [entry for _, entry in entries(record, "transformations", "$") if entry.get("step") == "simulate"]
            for step in steps[-1:]:
                wanted, found = flaws_of(doc, here, half == "test"), mapping(step, "detail")
                for key in FLAWS if mapping(doc.root, "design") else ():
                    yield from same(doc, f"{at}.{key}", wanted.get(key), found.get(key), name)


def in_hub(doc: Document) -> Findings:
    """Yield a file that is not the one that the index of its hub has."""
    if doc.home is None or doc.folder is None or doc.text is None or not doc.hash_files or doc.kind == "hub_index":
        return
    if doc.of_hub:
        return  # the hub's own checks ask
    if not doc.folder.is_relative_to(doc.home):
        return
    index = _read_json(doc.home / INDEX) if (doc.home / INDEX).is_file() else None
    if not isinstance(index, dict) or any(run.get("status") == "running" for _, run in entries(index, "runs", "$")):
        return  # a hub in use is ahead of its index
    name = (doc.folder / Path(doc.file).name).relative_to(doc.home).as_posix()
    for _, record in entries(index, "files", "$"):
        if record.get("path") == name and record.get("sha256") != sha256_bytes(doc.text.encode()):
            yield doc.finding("PM210", "$", f"the file was changed: {INDEX} has another sha256 for {printable(name)}")


def _of_bundle(doc: Document, place: str, job: dict[str, object], record: Mapping[str, Any], name: str) -> Findings:
    yield from same_keys(doc, place, {**job, **_trained(doc, job)}, record, _OF_JOB, name)
    yield from same_keys(doc, f"{place}.result", mapping(job, "result"), record, _OF_RESULT, name)
    yield from same_keys(doc, "$", doc.root, record, ("study", "design_digest"), name)


def _trained(doc: Document, job: dict[str, object]) -> dict[str, object]:
    """Return the keys that a bundle has of a training that several views share; none for the view's own training."""
    views = {text(view, "name"): view for view in listed(mapping(doc.root, "design"), "views")}
    view = mapping(views, text(job, "view") or "")
    own = {"view": text(view, "trained_as"), "dose": number(view, "trained_at")}
    named = {key: value for key, value in own.items() if value is not None}
    return {**named, "job": cell_of({**job, **named})} if named else {}


def _of_losses(doc: Document, place: str, result: dict[str, object], last: Mapping[str, Any], name: str) -> Findings:
    wanted = {"epochs_completed": last.get("epoch"), "final_loss": last.get("train_loss")}
    wanted["validation_loss"] = last.get("validation_loss")
    for key, said in wanted.items():
        if said is not None and key in result:
            yield from same(doc, f"{place}.{key}", result[key], said, name)


def _same_metrics(doc: Document, place: str, here: Mapping[str, Any], other: Mapping[str, Any], name: str) -> Findings:
    for key in _OF_METRICS:
        mine, others = here.get(key), other.get(key)
        if isinstance(mine, dict) and isinstance(others, dict):
            for inner in sorted({*mine, *others}):
                yield from same(doc, f"{place}.{key}.{inner}", mine.get(inner), others.get(inner), name)
        elif key in here and key in other:
            yield from same(doc, f"{place}.{key}", mine, others, name)


def same_keys(
    doc: Document, place: str, here: Mapping[str, Any], other: Mapping[str, Any], keys: tuple[str, ...], name: str
) -> Findings:
    for key in keys:
        if key in here and key in other:
            yield from same(doc, f"{place}.{key}", here[key], other[key], name)


def same(doc: Document, place: str, mine: Any, others: Any, name: str) -> Findings:
    if mine != others:  # one program has written both, so to the last digit
        said = f"is {_shown(mine)}, but {printable(name[-120:])} has {_shown(others)}"
        yield doc.finding("PM306", place, said)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"another {'object' if isinstance(value, dict) else 'list'}"
    return "null" if value is None else repr(value)[:80]


def inside(doc: Document, name: str) -> Path | None:
    """Return a regular file by its name relative to the manifest, if files may be read and it is in the home."""
    if doc.folder is None or doc.home is None or not doc.reads_files or name.startswith("/"):
        return None
    try:
        path = Path(os.path.normpath(doc.folder / name))
        inside = path.is_relative_to(doc.home) and real_path(path).is_relative_to(doc.home)
        return path if inside and path.is_file() else None
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


def _bytes(path: Path | None, limit: int) -> bytes:
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError:
        return b""


def json_beside(doc: Document, name: str) -> dict[str, object]:
    path = inside(doc, name)
    value = None if path is None else _read_json(path)
    return value if isinstance(value, dict) else {}


def _read_json(path: Path) -> Any:
    try:
        return strict_json.read_json(path)
    except ManifestError:
        return None


def _bundle_record(doc: Document, name: str) -> dict[str, object]:
    """Return the model record in the header of a safetensors file: 8 bytes of length, then JSON."""
    path = inside(doc, name)
    length = int.from_bytes(_bytes(path, 8), "little")
    if not 0 < length <= _MAX_BYTES:
        return {}
    try:
        header = strict_json.parse_bytes(_bytes(path, 8 + length)[8:])
        record = strict_json.parse_json(text(mapping(header, "__metadata__"), _BUNDLE_KEY) or "{}")
    except ManifestError:
        return {}
    return record if isinstance(record, dict) else {}


def _last_losses(doc: Document, name: str) -> dict[str, object]:
    """Return the last row of a table of losses, with the numbers in it."""
    raw = _bytes(inside(doc, name), _MAX_BYTES)
    rows = list(_rows(raw.decode("utf-8", "replace")))
    return rows[-1] if rows else {}


def _rows(table: str) -> Iterator[dict[str, object]]:
    try:
        for row in csv.DictReader(io.StringIO(table)):
            yield {key: _number(value) for key, value in row.items() if isinstance(key, str)}
    except csv.Error:
        return


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _archive_record(doc: Document, name: str) -> Mapping[str, object]:
    """Return what a dataset's archive says of itself."""
    path = inside(doc, name)
    if path is None:
        return {}
    # here, as numpy is wanted for archives alone
    from ptyproof.io.metadata import read_metadata
    from ptyproof.io.npz import NpzArchive

    try:
        with NpzArchive(path) as archive:
            return read_metadata(archive) or {}
    except (PtyproofError, OSError):
        return {}
