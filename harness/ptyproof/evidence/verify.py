"""Whether an artifact hub is what its index and its manifests say: every file, every account, every reference.

Nothing is read that lies outside the hub. A problem names the file, the place in it, and what is wrong.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof._version import __version__
from ptyproof.errors import DesignError, InputError, ManifestError, RunError
from ptyproof.evidence.hub import DATASETS, INDEX, is_incomplete, own_digest, walk
from ptyproof.evidence.ledger import STATUSES
from ptyproof.evidence.manifest import migrated_sentence
from ptyproof.io import schema, strict_json
from ptyproof.io.hashing import sha256_file
from ptyproof.study.design import design_from_dict
from ptyproof.study.jobs import cell_key
from ptyproof.study.layout import HALVES, OVERLAP_MANIFEST, RUN_MANIFEST, SKIP_SUMMARY, TRAINING_MANIFEST

RUN = f"{DATASETS}/phase_c/{RUN_MANIFEST}"
OVERLAP = f"{DATASETS}/phase_d/{OVERLAP_MANIFEST}"
REAL_RUN = "real_run"
TRAINING = f"{REAL_RUN}/{TRAINING_MANIFEST}"
SKIPS = f"{REAL_RUN}/{SKIP_SUMMARY}"
SKIP_LINES = "docs/skipped_views.jsonl"
SUMMARY = "docs/summary.md"
MADE_AGAIN = (SUMMARY, SKIP_LINES)
SKIP_KEYS = ("dose", "view", "gridsize", "code", "reason", "measured")
WHOLE = "whole file"
_KINDS = {RUN: "run_manifest", OVERLAP: "overlap_manifest", TRAINING: "training_manifest", SKIPS: "skip_summary"}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Problems = Iterator["Problem"]


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong with a hub: the file (relative to the hub), a JSON path or line in it, and a sentence."""

    file: str
    place: str
    sentence: str

    def __str__(self) -> str:
        return printable(f"{self.file}: {self.place}: {self.sentence}")


@dataclass(frozen=True)
class HubFiles:
    """The regular files in a hub by name; links that lead out of it, and what is no file, are problems instead."""

    paths: dict[str, Path]
    problems: list[Problem]
    _digests: dict[str, str] = field(default_factory=dict)

    @property
    def faulty(self) -> set[str]:
        """Names of what is there and is no readable file of the hub."""
        return {problem.file for problem in self.problems}

    def differs(self, name: str, record: Mapping[str, Any], of: str) -> str | None:
        """Return in what a file is another than the recorded one, or None."""
        size = self.paths[name].stat().st_size
        if size != record["size_bytes"]:
            return f"was changed: it has {size} bytes, {of} has {record['size_bytes']}"
        digest = self.digest(name)
        if digest != record["sha256"]:
            return f"was changed: its sha256 is {_short(digest)}, {of} has {_short(record['sha256'])}"
        return None

    def digest(self, name: str) -> str:
        """Return the sha256 of a file; a file is read once."""
        if name not in self._digests:
            self._digests[name] = sha256_file(self.paths[name])
        return self._digests[name]


def printable(text: str) -> str:
    """Return a text as one line that every terminal can show."""
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def verify_hub(root: Path) -> list[Problem]:
    """Return everything that is wrong with the hub `root`, in the order of the files' names; nothing if it is sound.

    Raises
    ------
    InputError
        If the folder is no hub.
    """
    files = hub_files(root)
    index, found = read_index(root)
    found += files.problems
    if index is not None:
        found += index_problems(root, index, files)
        found += _runs(index, files)
    manifests, damaged = _manifests(files)
    found += damaged
    found += _phase_files(files, manifests)
    found += _one_study(manifests)
    found += _overlap_account(manifests)
    if TRAINING in manifests:
        found += _bundles(files, manifests[TRAINING])
        found += _account(manifests[TRAINING])
        found += _datasets(manifests)
        found += _models(manifests)
        found += _skips(files, manifests, index)
    return sorted(set(found))


def refuse_changed(root: Path) -> None:
    """Refuse a hub whose recorded files are changed or missing although every run has ended.

    Whoever writes to a hub takes stock of it, and the index would have the changed files from then on.

    Raises
    ------
    InputError
        If the folder is no hub.
    RunError
        If a file is not the recorded one.
    """
    files = hub_files(root)
    index, problems = read_index(root)
    if index is not None and all(run["status"] == "ended" for run in index["runs"]):
        recorded = {record["path"] for record in index["files"]} - set(MADE_AGAIN)
        problems += [problem for problem in index_problems(root, index, files) if problem.file in recorded]
    if problems:
        raise RunError(f"{root} is not as it was recorded, and nothing was written: {min(problems)}")


def hub_files(root: Path) -> HubFiles:
    """Return the files in a hub.

    Raises
    ------
    InputError
        If the folder is no hub.
    """
    if not (root / INDEX).is_file():
        raise InputError(f"{root} is no artifact hub: it has no {INDEX}")
    home = root.resolve()
    paths: dict[str, Path] = {}
    problems = []

    def unreadable(error: OSError) -> None:
        name = _recorded_name(Path(error.filename).relative_to(home).as_posix())
        problems.append(Problem(name, "folder", f"cannot be read: {error.strerror}"))

    for folder, names, files in os.walk(home, onerror=unreadable):
        for entry in sorted(names) + sorted(files):
            path = Path(folder, entry)
            name = _recorded_name(path.relative_to(home).as_posix())
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                problems.append(Problem(name, "link", f"leads out of the hub, to {path.readlink()}"))
            elif entry in files and not path.is_file():
                problems.append(Problem(name, WHOLE, "is neither a file nor a link to one"))
            elif entry in files and not os.access(path, os.R_OK):
                problems.append(Problem(name, WHOLE, "cannot be read: permission denied"))
            elif entry in files:
                paths[name] = path
    return HubFiles(paths, problems)


def read_index(root: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the index of a hub and what is wrong with it; None where too much is wrong to go on with it."""
    index, problems = _read(root / INDEX, INDEX, "hub_index")
    if index is not None:
        # the bytes, not `read_text`: that would take a changed line end for the old one
        digest = own_digest((root / INDEX).read_bytes().decode("utf-8"), index["index_sha256"])
        if digest != index["index_sha256"]:
            sentence = f"the index was changed after it was written: its digest is {_short(digest)}"
            problems.append(Problem(INDEX, "$.index_sha256", sentence))
    return index, problems


def index_problems(root: Path, index: Mapping[str, Any], files: HubFiles) -> Problems:
    """Yield the files that the index has and that are missing or changed, and those that it does not have."""
    recorded = set()
    for number, record in enumerate(index["files"]):
        name = record["path"]
        if name != posixpath.normpath(name) or name.startswith("..") or name in recorded:
            reason = "is there twice" if name in recorded else "is no plain path in the hub"
            yield Problem(INDEX, f"$.files[{number}].path", f"{name} {reason}")
            continue
        recorded.add(name)
        if name not in files.paths:
            if name not in files.faulty:
                yield Problem(name, WHOLE, f"is missing: the index has it with {record['size_bytes']} bytes")
            continue
        difference = files.differs(name, record, "the index")
        if difference is not None:
            yield Problem(name, WHOLE, difference)
    for name in {_recorded_name(name) for name, _ in walk(root)} & files.paths.keys() - recorded:
        yield Problem(name, WHOLE, "is not in the index")
    for name in files.paths:
        if posixpath.basename(name).startswith(".") and name.endswith(".part") and name not in recorded:
            yield Problem(name, WHOLE, "is a temporary file that was left unfinished")


def _recorded_name(name: str) -> str:
    """Return a file's name as the index has it: with escapes for bytes that are no UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def _runs(index: Mapping[str, Any], files: HubFiles) -> Problems:
    """Yield runs without an end, and what the index says of runs that is not so."""
    kinds: dict[str, str] = {}
    for number, run in enumerate(index["runs"]):
        place = f"$.runs[{number}]"
        fault = _unfinished(run)
        if fault is not None:
            yield Problem(INDEX, f"{place}.status", fault)
        if run["id"] in kinds:
            yield Problem(INDEX, f"{place}.id", f"{run['id']} is there twice")
        for key in ("log_path", "reports_path"):
            if run[key] is not None and run[key] not in files.paths:
                yield Problem(INDEX, f"{place}.{key}", f"{run[key]} is missing")
        for key in ("red", "collect"):
            if run[key] is not None and kinds.get(run[key]["run"]) != key:
                yield Problem(INDEX, f"{place}.{key}.run", f"{run[key]['run']} is no {key} run before {run['id']}")
        kinds[run["id"]] = run["evidence"]
        n_skips, n_skipped = len(run["skips"]), run["outcomes"].get("skipped", 0)
        if n_skips != n_skipped:
            sentence = f"lists {n_skips} skipped tests, but outcomes counts {n_skipped}"
            yield Problem(INDEX, f"{place}.skips", sentence)


def _unfinished(run: Mapping[str, Any]) -> str | None:
    if is_incomplete(run):
        return f"{run['id']} is incomplete: it began {run['started']} and no end is recorded"
    if run["status"] == "running":
        return f"{run['id']} is under way, so the hub is not finished: process {run['process']['pid']}"
    if run["ended"] is None or run["exit_status"] is None:
        return f"{run['id']} is ended, but has no time or exit status of its end"
    return None


def _read(path: Path, name: str, kind: str | None) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return a manifest of a kind (None: the one that it says) and every violation of its schema."""
    try:
        value = strict_json.read_json(path)
    except ManifestError as error:
        line = re.search(r"\bline \d+", error.reason)
        return None, [Problem(name, error.member or (line[0] if line else WHOLE), error.reason)]
    said = value.get("kind") if isinstance(value, dict) else None
    known = {known for known, _ in schema.kinds()}
    if not isinstance(value, dict) or said not in known or (kind is not None and said != kind):
        expected = kind or f"one of {', '.join(sorted(known))}"
        return None, [Problem(name, "$.kind", f"expected {expected}, got {said!r}")]
    version = re.match(r"(\d{1,9})\.", str(value.get("schema_version")))
    if version and int(version[1]) > max(major for other, major in schema.kinds() if other == said):
        sentence = f"{value['schema_version']} is newer than ptyproof {__version__} can read; verify with a newer one"
        return None, [Problem(name, "$.schema_version", sentence)]
    violations = [schema.describe(error).partition(": ") for error in schema.schema_errors(value, said)]
    if not violations and "migrated" in value:
        return None, [Problem(name, "$.migrated", migrated_sentence(value))]
    return (None if violations else value), [Problem(name, place, sentence) for place, _, sentence in violations]


def _manifests(files: HubFiles) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """Return the sound manifests by name, and what is wrong with the others."""
    found, problems = {}, []
    for name, path in files.paths.items():
        if not name.endswith(".json") or name == INDEX:
            continue
        if not name.startswith((f"{REAL_RUN}/", f"{DATASETS}/")) and not _says_its_kind(path):
            continue  # somebody's own file
        manifest, damaged = _read(path, name, _KINDS.get(name))
        problems += damaged
        if manifest is not None:
            found[name] = manifest
    return found, problems


def _says_its_kind(path: Path) -> bool:
    try:
        value = strict_json.read_json(path)
    except ManifestError:
        return False
    return isinstance(value, dict) and "kind" in value


def _phase_files(files: HubFiles, manifests: Mapping[str, Any]) -> Problems:
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


def _one_study(manifests: Mapping[str, Any]) -> Problems:
    """Yield manifests that belong to another study than the training manifest, or than Phase C's."""
    present = [name for name in (TRAINING, RUN, OVERLAP) if name in manifests]
    for name in present:
        own, first = manifests[name], manifests[present[0]]
        for key in ("study", "design_digest"):
            if own[key] != first[key]:
                sentence = (
                    f"{_short(own[key])} is not that of {present[0]}, {_short(first[key])}: one is of another hub"
                )
                yield Problem(name, f"$.{key}", sentence)
        try:
            digest = design_from_dict(own["design"]).digest()
        except DesignError as error:
            yield Problem(name, "$.design", str(error))
            continue
        if digest != own["design_digest"]:
            yield Problem(name, "$.design_digest", f"is not the digest of the design, {_short(digest)}")
        if own["study"] != own["design"]["name"]:
            yield Problem(name, "$.study", f"{own['study']} is not the design's name, {own['design']['name']}")
    if {RUN, OVERLAP} <= manifests.keys():
        recipe, wanted = manifests[OVERLAP]["phase_c_recipe_digest"], manifests[RUN]["recipe_digest"]
        if recipe != wanted:
            sentence = f"{_short(recipe)} is not the recipe of {RUN}, {_short(wanted)}: one is of another hub"
            yield Problem(OVERLAP, "$.phase_c_recipe_digest", sentence)


def _overlap_account(manifests: Mapping[str, Any]) -> Problems:
    """Yield where Phase D's account does not add up."""
    if OVERLAP in manifests:
        views, rejected = len(manifests[OVERLAP]["views"]), len(manifests[OVERLAP]["rejected_views"])
        counted = {"n_cells": views + rejected, "n_accepted": views, "n_rejected": rejected}
        yield from _counts(OVERLAP, manifests[OVERLAP]["account"], counted)


def _account(training: Mapping[str, Any]) -> Problems:
    """Yield where the account of the matrix does not add up, and cells that are there twice or that no study has."""
    statuses = Counter(entry["result"]["status"] for entry in training["jobs"])
    counted = {f"n_{status}": statuses[status] for status in STATUSES}
    counted |= {"n_skipped": len(training["skipped_views"]), "n_not_selected": len(training["not_selected"])}
    yield from _counts(TRAINING, training["account"], {"n_enumerated": sum(counted.values()), **counted})
    if training["skipped_count"] != len(training["skipped_views"]):
        sentence = f"is {training['skipped_count']}, counted {len(training['skipped_views'])}"
        yield Problem(TRAINING, "$.skipped_count", sentence)
    design = training["design"]
    cells = {
        cell_key(dose, view["name"], view["gridsize"])
        for dose in design["doses_photons_per_pattern"]
        for view in design["views"]
    }
    seen = set()
    for key in ("jobs", "skipped_views", "not_selected"):
        for number, record in enumerate(training[key]):
            cell = _key(record)
            if cell in seen or cell not in cells:
                reason = "is there twice" if cell in seen else "is no cell of the study"
                yield Problem(TRAINING, f"$.{key}[{number}]", f"{cell} {reason}")
            if record.get("job", cell) != cell:
                yield Problem(TRAINING, f"$.{key}[{number}].job", f"{record['job']} is not the name of the cell {cell}")
            seen.add(cell)


def _counts(name: str, recorded: Mapping[str, int], counted: Mapping[str, int]) -> Problems:
    for key, number in counted.items():
        if recorded[key] != number:
            yield Problem(name, f"$.account.{key}", f"is {recorded[key]}, counted {number}")


def _bundles(files: HubFiles, training: Mapping[str, Any]) -> Problems:
    """Yield trainings whose bundle or other artifacts are missing or not the recorded ones."""
    for number, entry in enumerate(training["jobs"]):
        result, place = entry["result"], f"$.jobs[{number}].result"
        if result["status"] != "success":
            continue
        folder = posixpath.join(REAL_RUN, entry["artifact_dir"])
        for key in ("bundle_path", "checkpoint_path", "metrics_path", "loss_curve_path"):
            if result[key] is None:
                continue
            name = posixpath.normpath(posixpath.join(folder, result[key]))
            if name not in files.paths:
                yield Problem(TRAINING, f"{place}.{key}", f"{name} is missing")
            elif key == "bundle_path":
                record = {"size_bytes": result["bundle_size_bytes"], "sha256": result["bundle_sha256"]}
                difference = files.differs(name, record, f"{TRAINING} {entry['job']}")
                if difference is not None:
                    yield Problem(name, WHOLE, difference)


def _datasets(manifests: Mapping[str, Any]) -> Problems:
    """Yield trainings whose datasets are not those that the phases recorded."""
    if not {RUN, OVERLAP} <= manifests.keys():
        return
    doses = {entry["dose"]: entry for entry in manifests[RUN]["datasets"]}
    views = {_key(entry): entry for entry in manifests[OVERLAP]["views"]}
    for number, entry in enumerate(manifests[TRAINING]["jobs"]):
        for half in HALVES if entry["datasets"] is not None else ():
            source = views.get(entry["job"])
            if source is not None and source["reads_phase_c"]:
                source = doses.get(entry["dose"])
            place = f"$.jobs[{number}].datasets.{half}.sha256"
            if source is None:
                yield Problem(TRAINING, place, f"{entry['job']} was trained, but no phase has recorded data for it")
                continue
            used, recorded = entry["datasets"][half]["sha256"], source[half]["file"]["sha256"]
            if used != recorded:
                sentence = f"{entry['job']} was trained on {_short(used)}, its phase has recorded {_short(recorded)}"
                yield Problem(TRAINING, place, sentence)


def _models(manifests: Mapping[str, Any]) -> Problems:
    """Yield records of networks that are not those of the training manifest."""
    training = manifests[TRAINING]
    for entry in training["jobs"]:
        name = posixpath.normpath(posixpath.join(REAL_RUN, entry["artifact_dir"], "model.json"))
        if entry["result"]["status"] != "success" or name not in manifests:
            continue
        wanted = {"study": training["study"], "design_digest": training["design_digest"], "job": entry["job"]}
        for key, value in (wanted | {"recipe_sha256": entry["result"]["recipe_sha256"]}).items():
            if manifests[name].get(key) != value:
                sentence = f"{_short(manifests[name][key])} is not that of {TRAINING}, {_short(value)}"
                yield Problem(name, f"$.{key}", sentence)


def _skips(files: HubFiles, manifests: Mapping[str, Any], index: Mapping[str, Any] | None) -> Problems:
    """Yield skips that are not the same in the training manifest, the skip summary, the lines, and the newest run."""
    training = manifests[TRAINING]
    skips = training["skipped_views"]
    if SKIPS in manifests:
        summary = manifests[SKIPS]
        for key in ("study", "skipped_count", "skipped_views"):
            if summary[key] != training[key]:
                yield Problem(SKIPS, f"$.{key}", f"is not what {TRAINING} has")
    elif SKIPS not in files.paths:
        yield Problem(SKIPS, WHOLE, "is missing")
    if SKIP_LINES in files.paths:
        yield from _skip_lines(files.paths[SKIP_LINES], [{key: skip[key] for key in SKIP_KEYS} for skip in skips])
    elif SKIP_LINES not in files.faulty:
        yield Problem(SKIP_LINES, WHOLE, "is missing; `ptyproof report` writes it")
    reasons = {_key(skip): skip["reason"] for skip in skips}
    newest = [number for number, run in enumerate(index["runs"]) if run["real_run"]][-1:] if index else []
    for number in newest:
        assert index is not None
        for at, skip in enumerate(index["runs"][number]["skips"]):
            cell, _, reason = skip["reason"].partition(": ")
            if re.fullmatch(r"dose[0-9.e-]+-\S+-gs\d+", cell) and reasons.get(cell) != reason:
                sentence = f"{cell} was skipped for another reason than {TRAINING} has, or is no skip there"
                yield Problem(INDEX, f"$.runs[{number}].skips[{at}].reason", sentence)


def _skip_lines(path: Path, expected: list[dict[str, Any]]) -> Problems:
    lines = path.read_bytes().split(b"\n")
    if lines.pop():
        yield Problem(SKIP_LINES, f"line {len(lines) + 1}", "has no line end")
        return
    if len(lines) != len(expected):
        yield Problem(SKIP_LINES, WHOLE, f"has {len(lines)} lines, {TRAINING} has {len(expected)} skips")
    for number, (line, skip) in enumerate(zip(lines, expected, strict=False), start=1):
        try:
            value = strict_json.parse_json(line.decode("utf-8"), SKIP_LINES)
        except ManifestError as error:
            yield Problem(SKIP_LINES, f"line {number}", error.reason)
        except UnicodeDecodeError as error:
            yield Problem(SKIP_LINES, f"line {number}", f"is not UTF-8: byte {error.start}")
        else:
            if value != skip:
                yield Problem(SKIP_LINES, f"line {number}", f"is not what {TRAINING} has for {_key(skip)}")


def _key(record: Mapping[str, Any]) -> str:
    return cell_key(record["dose"], record["view"], record["gridsize"])


def _short(text: str) -> str:
    """Return a name, or the start of a digest."""
    return f"{text[:16]}..." if len(text) == 64 else text
