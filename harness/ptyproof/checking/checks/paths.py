"""Whether paths lead somewhere on another machine: relative, inside the folder, to the right cell's place."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import replace
from urllib.parse import unquote

from ptyproof.checking.model.document import Document, Findings, count, folder_of, listed, mapping, number, text
from ptyproof.checking.model.findings import printable
from ptyproof.checking.model.reference import Reference
from ptyproof.checking.model.references import references

_ABSOLUTE = re.compile(r"/|\\|[A-Za-z]:|~|[A-Za-z][A-Za-z0-9+.-]*://")
_ODD = re.compile(r"[\x00-\x1f\x7f\\\u2028\u2029\ud800-\udfff]")
_DOSE = re.compile(r"dose_[0-9][0-9.e+-]*(_r[0-9]+)?")
_GRIDSIZE = re.compile(r"gs([0-9]{1,2})")
_OTHER_HALF = {"train_data_path": "test", "test_data_path": "train"}
_ROOTS = ("$.phase_c_root", "$.phase_d_root", "$.artifact_root", "$.hub")
_MAX_DECODED = 4
_SHOWN = 80
_OF_JOB = ("train_data_path", "test_data_path", "log_path", "artifact_dir", "input_npz", "output_dir", "phase_c_npz")


def _short(path: str) -> str:
    """Return a path for a sentence: its start and its end where it is long."""
    half = _SHOWN // 2
    return printable(path if len(path) <= _SHOWN else f"{path[:half]}...{path[-half:]}")


def check(doc: Document) -> Findings:
    """Yield paths that are absolute, climb out of their folder, or hold characters that no path should have."""
    depth = None
    home = doc.home
    if (
        doc.folder is not None
        and home is not None
        and (home / "hub.json").is_file()
        and doc.folder.is_relative_to(home)
    ):
        depth = len(doc.folder.relative_to(home).parts)
    roots = _absolute_roots(doc)
    for found in references(doc):
        if found.json_path in roots:
            sentence = f"{_short(found.path)} is an absolute path, which does not exist on another machine"
            yield replace(doc.finding("PM401", found.json_path, sentence), cause=roots[found.json_path])
            continue
        if _ODD.search(found.path) and doc.kind != "hub_index":  # an index has whatever names the files have
            said = f"{_short(found.path)} has a backslash or an unprintable character"
            yield doc.finding("PM405", found.json_path, said)
        if ".." in found.path or ".." in (found.base or ""):
            yield from _climbing(doc, found, depth)
        elif _climbs(_as_others_read(found.path)):
            said = f"{_short(found.path)} leads out of its folder for programs that decode percent signs"
            yield doc.finding("PM402", found.json_path, said)
    yield from _of_root(doc)


def _absolute_roots(doc: Document) -> dict[str, str]:
    """Return of every absolute path, by its JSON path, what it has in common with those below the same folder."""
    together: dict[str, dict[str, str]] = {}
    for found in references(doc):
        start = _ABSOLUTE.match(found.path)
        if start is not None:
            parts = found.path.split("/")
            anchor = "/".join(parts[:3]) if found.path.startswith("/") else start[0].upper()
            together.setdefault(anchor, {})[found.json_path] = found.path
    said: dict[str, str] = {}
    for anchor, paths in together.items():
        root = posixpath.commonpath(paths.values()) if anchor.startswith("/") else anchor
        sentence = f"{_short(root)} is an absolute root, which does not exist on another machine"
        said |= dict.fromkeys(paths, sentence)
    return said


def _climbing(doc: Document, found: Reference, depth: int | None) -> Findings:
    name = found.name
    climbs = name is not None and _climbs(name)
    if (found.role in ("artifact", "indexed") or doc.is_foreign) and (climbs or _climbs(_as_others_read(found.path))):
        yield doc.finding(
            "PM402", found.json_path, f"{_short(found.path)} leads out of the folder that must contain it"
        )
    elif name is None and found.role != "artifact" and not _is_in_a_root(doc, found):
        said = f"{_short(found.path)} leads out of the folder that paths are relative to, and out of every root"
        yield doc.finding("PM402", found.json_path, said)
    elif climbs and depth is not None and name is not None:
        ups = len(re.match(r"(?:\.\.(?:/|$))*", name)[0].split("..")) - 1  # type: ignore[index]
        if ups > depth:
            yield doc.finding("PM402", found.json_path, f"{_short(found.path)} leads out of the artifact hub")


def _climbs(path: str) -> bool:
    """Tell whether a path leads out of the folder that it is relative to."""
    normal = posixpath.normpath(path)
    return normal == ".." or normal.startswith(("../", "/"))


def _as_others_read(path: str) -> str:
    """Return a path as a less careful program may read it: percent signs decoded, backslashes taken for slashes."""
    for _ in range(_MAX_DECODED):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    path = path if path.isascii() else unicodedata.normalize("NFKC", path)
    return path.replace("\\", "/")


def _is_in_a_root(doc: Document, found: Reference) -> bool:
    """Tell whether a path of an earlier generation lies below a folder that the file names as a root, or is one."""
    own = posixpath.normpath(_as_others_read(found.path))
    if not _climbs(own) or found.json_path in _ROOTS:
        return True
    roots = [text(doc.root, key.removeprefix("$.")) for key in _ROOTS]
    return any(root is not None and own.startswith(f"{posixpath.normpath(root)}/") for root in roots)


def _of_root(doc: Document) -> Findings:
    """Yield a path that repeats the folder that it is relative to."""
    root = text(doc.root, "artifact_root")
    path = text(doc.root, "skip_summary_path")
    if doc.is_legacy and root is not None and path is not None and path.startswith(root.rstrip("/") + "/"):
        said = f"{_short(path)} is not relative to artifact_root, {_short(root)}: it names that folder again"
        yield doc.finding("PM403", "$.skip_summary_path", said)
    for place, job in doc.entries("jobs"):
        result, folder = job.get("result"), text(job, "artifact_dir")
        for key in ("bundle_path", "checkpoint_path"):
            named = text(result, key)
            if (
                named is not None
                and folder is not None
                and folder != "."
                and named.startswith(folder.rstrip("/") + "/")
            ):
                said = f"{_short(named)} is not relative to artifact_dir, {_short(folder)}: it names that folder again"
                yield doc.finding("PM403", f"{place}.result.{key}", said)


def of_cell(doc: Document) -> Findings:
    """Yield paths of a job that lead to another cell's place, or to the other phase's data."""
    roots = [f"{str(text(doc.root, f'phase_{phase}_root')).rstrip('/')}/" for phase in "cd"]
    phases: dict[str, str | None] = {}
    trained_at = _doses_of_trainings(doc)
    for place, job in doc.entries("jobs"):
        view, gridsize = text(job, "view"), count(job, "gridsize")
        cell = folder_of(job), view, gridsize
        trained = folder_of({**job, "dose": trained_at[view]}) if view in trained_at else cell[0], view, gridsize
        for key in _OF_JOB:
            path = text(job, key)
            said = None if path is None else _misplaced(key, path, trained if key == "train_data_path" else cell)
            if said is not None:
                yield doc.finding("PM406", f"{place}.{key}", said)
        if view is not None and roots[0] != roots[1]:
            if view not in phases:
                phases[view] = _phase_of(doc, view)
            yield from _of_phase(doc, place, job, view, phases[view], roots)
        log, folder = text(job, "log_path"), text(job, "artifact_dir")
        if log is not None and folder is not None and not log.startswith(folder.rstrip("/") + "/"):
            yield doc.finding(
                "PM406", f"{place}.log_path", f"{_short(log)} is not in the job's folder, {_short(folder)}"
            )


def _doses_of_trainings(doc: Document) -> dict[str | None, object]:
    """Return the doses of the trainings of those views that have one dose for all their cells."""
    views = listed(mapping(doc.root, "design"), "views")
    return {text(view, "name"): view["trained_at"] for view in views if number(view, "trained_at") is not None}


def _misplaced(key: str, path: str, cell: tuple[str | None, str | None, int | None]) -> str | None:
    """Return why a path is not the one of a cell, as far as its folders tell, or None."""
    folder, view, gridsize = cell
    parts = path.split("/")
    # the last folder of that form: one above may be another study's
    doses = [part for part in parts if part[:5] == "dose_" and _DOSE.fullmatch(part)]
    gridsizes = [part[2:] for part in parts if part[:2] == "gs" and _GRIDSIZE.fullmatch(part)]
    if doses and folder is not None and doses[-1] != folder:
        return f"{_short(path)} is below {doses[-1]}, but the job's dose belongs to {folder}"
    if gridsizes and gridsize is not None and int(gridsizes[-1]) != gridsize:
        return f"{_short(path)} is below gs{gridsizes[-1]}, but the job has gridsize {gridsize}"
    if doses and view is not None and key != "phase_c_npz":
        after = path.rpartition(doses[-1])[2].strip("/").split("/")
        named = after[0] if len(after) > 1 or key in ("artifact_dir", "output_dir") else None
        if named and named != view:
            return f"{_short(path)} is below {named}, but the job's view is {view}"
    other = _OTHER_HALF.get(key)
    stem = parts[-1].removesuffix(".npz")
    if other is not None and (stem == other or stem.endswith(f"_{other}")):
        return f"{_short(path)} is the archive of the {other} half"
    return None


def _of_phase(
    doc: Document, place: str, job: dict[str, object], view: str, wanted: str | None, roots: list[str]
) -> Findings:
    """Yield a baseline that does not read Phase C's data, and another view that does."""
    if wanted is None or "None/" in roots:
        return
    own, wrong = roots if wanted == "c" else reversed(roots)
    for key in ("train_data_path", "test_data_path", "input_npz"):
        path = text(job, key)
        if path is not None and path.startswith(wrong) and not path.startswith(own):
            other = "D" if wanted == "c" else "C"
            said = f"{view} reads data of Phase {wanted.upper()}, but {_short(path)} belongs to Phase {other}"
            yield doc.finding("PM407", f"{place}.{key}", said)


def _phase_of(doc: Document, view: str) -> str | None:
    """Return the phase whose data a view reads: c where it selects all positions."""
    if doc.is_legacy:
        return {"baseline": "c", "dense": "d", "sparse": "d"}.get(view)
    design = doc.root.get("design")
    views = design.get("views") if isinstance(design, dict) else None
    for entry in views if isinstance(views, list) else ():
        if text(entry, "name") == view:
            return "c" if text(entry, "selection") == "all" else "d"
    return None
