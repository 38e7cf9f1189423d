"""Whether the files that a manifest names are there, and are the recorded ones. Nothing outside the home is read."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from ptyproof.checking.model.document import Document, Findings, count, is_taken_over, mapping
from ptyproof.checking.model.findings import Finding, printable
from ptyproof.checking.model.reference import Reference
from ptyproof.checking.model.references import references
from ptyproof.io.pictures import fault_of, is_picture

_SHOWN = 200
_MEMO = "real folders"
_STATES = "states of files"
NAMED = "named files"
_MAX_LEVELS = 100


@dataclass(frozen=True)
class Named:
    """How many files a manifest names, of how many it was seen that they are `there` or `absent`, how many `unseen`.

    A dataset that is not there is `not_shipped`: hubs are handed on without them. A file is unseen if it lies outside
    the folder that may be read, if the folder of its path is not known, or if no file may be read.
    """

    n: int = 0
    there: int = 0
    absent: int = 0
    unseen: int = 0
    not_shipped: int = 0


def check(doc: Document) -> Findings:
    """Yield files that are absent although they must be there, changed, or links that lead outside."""
    states: dict[str, str] = {}
    may_look = doc.folder is not None and doc.home is not None and not doc.manifest_only
    folder, home = str(doc.folder), str(doc.home)
    for found in references(doc):
        if found.role in ("folder", "text") or (found.role == "data" and doc.without_data):
            continue
        state = "unseen"
        if found.role == "indexed":
            state = _indexed(found, folder) if may_look else state
        elif may_look and found.name is not None and not found.name.startswith("/"):
            state = yield from _file(doc, found, folder, home)
        states[found.name or found.path] = state
    doc.memo[_STATES] = states
    seen = Counter(states.values())
    doc.memo[NAMED] = Named(len(states), *(seen[state] for state in ("there", "absent", "unseen", "not shipped")))


def _indexed(found: Reference, folder: str) -> str:
    """Return whether a file of an index exists; the checks of the index report everything else."""
    if str(found.name).startswith(("/", "..")):
        return "unseen"
    # a name with escapes for bytes that are not UTF-8 is not the file's own: the index knows it by that name
    is_there = "\\" in found.path or os.path.lexists(os.path.join(folder, found.path))  # noqa: PTH118
    return "there" if is_there else "absent"


def claimed(doc: Document) -> Findings:
    """Yield bundles of successes that cannot be looked at, since the manifest does not say where they lie."""
    if doc.folder is None or doc.manifest_only:
        return
    unseen = {found.json_path: found for found in references(doc) if found.role == "artifact" and found.name is None}
    for place, job in doc.entries("jobs"):
        found = unseen.get(f"{place}.result.bundle_path")
        if found is not None and mapping(job, "result").get("status") == "success" and not found.path.startswith("/"):
            said = f"{_shown(found)} is the result of a success, but the file does not say which folder contains it"
            yield doc.finding("PM308", found.json_path, said)
    yield from _logs(doc)


def _logs(doc: Document) -> Findings:
    """Yield processes of earlier tools that ended with 0 and of which not even the log can be looked at."""
    states = doc.memo.get(_STATES, {})
    found = {each.json_path: each for each in references(doc)} if doc.entries("execution_results") else {}
    for place, result in doc.entries("execution_results"):
        log = found.get(f"{place}.log_path")
        if log is None or count(result, "returncode") != 0 or log.path.startswith("/"):
            continue
        state = states.get(log.name or log.path)
        if state != "there":
            where = "is missing" if state == "absent" else "cannot be read from here"
            said = f"the process is recorded with exit status 0, but its log {where}: {_shown(log)}"
            yield doc.finding("PM309", log.json_path, said)


def shared(doc: Document) -> Findings:
    """Yield a bundle that two jobs name as theirs."""
    by_digest: dict[str, str] = {}
    by_name: dict[str, str] = {}
    copies = {f"{place}.result.bundle_path" for place, job in doc.entries("jobs") if is_taken_over(job)}
    for found in references(doc):
        if not found.json_path.endswith(".bundle_path") or found.json_path in copies:
            continue
        if found.sha256 is not None and found.sha256 in by_digest:
            said = f"is also the bundle of {by_digest[found.sha256]}; two trainings do not give the same bytes"
            yield doc.finding("PM304", found.digest_path, f"{found.sha256[:16]}... {said}")
        elif found.name is not None and found.name in by_name:
            said = f"{found.name[:_SHOWN]} is also the bundle of {by_name[found.name]}"
            yield doc.finding("PM304", found.json_path, said)
        place = found.json_path.removesuffix(".result.bundle_path")
        if found.sha256 is not None:
            by_digest.setdefault(found.sha256, place)
        if found.name is not None:
            by_name.setdefault(found.name, place)


def _file(doc: Document, found: Reference, folder: str, home: str) -> Generator[Finding, None, str]:
    """Yield what is wrong with a file; return whether it is there, absent, not shipped, or was not looked at."""
    try:
        path = f"{folder}{os.sep}{found.name}"
        path = os.path.normpath(path) if path.startswith("//") or os.pardir in path else path
        if not _is_below(path, home):
            return "unseen"  # judged by the checks of paths; never opened
        real, status = _real(doc.memo.setdefault(_MEMO, {}), path)
        if real != path and not _is_below(real, home):
            said = f"{_shown(found)} is a link that points out of {os.path.basename(home)}; it was not read"  # noqa: PTH119
            yield doc.finding("PM305", found.json_path, said)
            return "unseen"
        if status is None or not stat.S_ISREG(status.st_mode):
            if found.role in ("artifact", "record") or status is not None:
                where = "" if found.name == found.path else f": {printable(str(found.name)[:_SHOWN])}"
                absent = f"is missing{where}"
                said = absent if status is None else "is not a regular file"
                yield doc.finding("PM301", found.json_path, f"{_shown(found)} {said}")
            is_dataset = status is None and found.role == "data" and not doc.is_legacy and not doc.is_foreign
            return "not shipped" if is_dataset else "absent"
        yield from _contents(doc, found, Path(real), status.st_size)
        return "there"
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        said = str(error.strerror if isinstance(error, OSError) else error)
        yield doc.finding("PM301", found.json_path, f"{_shown(found)} cannot be read: {said}")
        return "unseen"


def real_path(path: Path) -> Path:
    """Return a path without links; of links that lead in a circle, one of them (`Path.resolve` raises there)."""
    return Path(os.path.realpath(path))


def _shown(found: Reference) -> str:
    return printable(found.path[:_SHOWN])


def _is_below(path: str, home: str) -> bool:
    return path == home or path.startswith(home if home.endswith(os.sep) else home + os.sep)


def _real(folders: dict[str, tuple[str, bool]], path: str) -> tuple[str, os.stat_result | None]:
    """Return a path without links, and its status if it is there; a folder is asked for once."""
    folder, _, name = path.rpartition(os.sep)
    if folder not in folders:
        if not folder or folder.count(os.sep) > _MAX_LEVELS:
            folders[folder] = os.path.realpath(folder or os.sep).rstrip(os.sep), True
        else:
            real, found = _real(folders, folder)
            folders[folder] = real, found is not None
    above, is_there = folders[folder]
    real = f"{above}{os.sep}{name}"
    if not is_there:
        return real, None
    try:
        found = os.lstat(real)
        if stat.S_ISLNK(found.st_mode):
            real = os.path.realpath(real)
            found = os.stat(real)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return real, None
    return real, found


def _contents(doc: Document, found: Reference, path: Path, size: int) -> Findings:
    if found.size_bytes is not None and size != found.size_bytes:
        said = f"{_shown(found)} has {size} bytes, but {found.size_bytes} are recorded"
        yield doc.finding("PM302", found.size_path or found.json_path, said)
        return
    if not doc.hash_files:
        return
    if found.sha256 is not None and (digest := doc.digest(path)) != found.sha256:
        said = f"{_shown(found)} has the sha256 {digest[:16]}..., but {found.sha256[:16]}... is recorded"
        yield doc.finding("PM303", found.digest_path or found.json_path, said)
        return
    if not doc.of_hub and is_picture(found.path):  # of a hub, every picture is looked at once
        fault = fault_of(path)
        if fault is not None:
            yield doc.finding("PM312", found.json_path, f"{_shown(found)} {fault}")
