"""The last lines of a run: the accounts, each reason once, networks and methods by dose, and where the results are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ptyproof.errors import PtyproofError
from ptyproof.io.file_record import file_is_whole
from ptyproof.metrics.definitions import MetricDefinition
from ptyproof.metrics.limits import GOT_WORSE, HEADLINE, NOT_CONVERGED, Course, behind_controls, course_of
from ptyproof.metrics.ranking import CONTROLS, FLAT, by_method, spread
from ptyproof.phases.g_compare.tables import comparable_of
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import read_recorded
from ptyproof.study.exposures import exposure_of
from ptyproof.study.layout import METRICS_SUMMARY, cell_of, replicate_of
from ptyproof.text_table import text_table

if TYPE_CHECKING:
    from pathlib import Path

    from ptyproof.runs.folder import RunFolder
    from ptyproof.study.reconstruction import Split

_Key = tuple[tuple[float, str, int, "Split"], str]  # what is comparable, and the method
_MOST_NAMES = 6  # of cells in a line; the manifest names all
_NO_VALUE = "–"
_NOT_CONVERGED, _GOT_WORSE, _BEHIND, _AHEAD = "~", "^", "!", "*"
_MEANINGS = {
    _NOT_CONVERGED: NOT_CONVERGED,
    _GOT_WORSE: GOT_WORSE,
    _BEHIND: f"worse than the control {FLAT}",
    _AHEAD: "ahead of every other method",
}
_DEFINITION = MetricDefinition("complex NRMSE", "1", "lower")


def summary(folder: RunFolder, width: int) -> list[str]:
    """Return the last lines of the run in a folder, for a terminal of `width` characters."""
    try:
        trained = _read(folder.manifest_path, "training_manifest")
        reconstructed = _read(folder.reconstruction_manifest_path, "reconstruction_manifest")
        compared = _compared(folder)
    except PtyproofError as error:
        return [f"a manifest cannot be read: {error}"]
    lines: list[str] = []
    if trained is not None:
        lines.append(f"study {trained['study']}: {_account(trained, 'trained')}")
    if reconstructed is not None:
        lines.append(f"reconstructions: {_account(reconstructed, 'reconstructed')}")
    lines += reasons(trained, reconstructed)
    if trained is not None:
        lines += _networks(trained, width)
    if compared is not None:
        lines += _methods(*compared, width)
    lines += [""] if compared is not None else []
    paths = {"trainings": folder.manifest_path, "reconstructions": folder.reconstruction_manifest_path}
    paths["comparison"] = folder.comparison_manifest_path
    if trained is not None:
        paths = {"skips": folder.real_run / trained["skip_summary_path"], **paths}
    lines += [f"{what}: {path}" for what, path in paths.items() if path.exists()]
    lines.append(f"hub: {folder.hub}")
    return lines


def reasons(trained: Mapping[str, Any] | None, reconstructed: Mapping[str, Any] | None) -> list[str]:
    """Return a line for each state and reason of cells without a result: what they are, the reason, and their names."""
    cells: dict[tuple[str, str], list[str]] = {}
    for manifest in (trained, reconstructed):
        for entry in () if manifest is None else manifest["jobs"]:
            if entry["result"]["status"] != "success":
                cells.setdefault((entry["result"]["status"], entry["result"]["error"]), []).append(entry["job"])
    for skip in () if trained is None else trained["skipped_views"]:
        cells.setdefault(("skipped", skip["reason"]), []).append(cell_of(skip))
    for skip in () if reconstructed is None else reconstructed["skipped"]:
        name = f"{cell_of(skip)}-{skip['split']}-{skip['method']}"
        cells.setdefault(("skipped", skip["reason"]), []).append(name)
    return [_reason(status, reason, names) for (status, reason), names in cells.items()]


def _reason(status: str, reason: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{status} {names[0]}: {reason}"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{status} {len(names)} cells: {reason} ({', '.join(names[:_MOST_NAMES])}{more})"


def _read(path: Path, kind: str) -> Any:
    return read_recorded(path, kind) if path.exists() else None


def _compared(folder: RunFolder) -> tuple[Mapping[str, Any], Mapping[_Key, list[Course]]] | None:
    """Return the tables of the comparison, and how the epochs of each method went.

    None if there are none, or if reconstructions have changed since.
    """
    path = folder.comparison_manifest_path
    if not path.exists():
        return None
    comparison = read_manifest(path, "comparison_manifest")
    if not file_is_whole(comparison["reconstruction_manifest"], path.parent):
        return None
    tables = path.with_name(METRICS_SUMMARY)
    if not tables.exists():
        return None
    courses: dict[_Key, list[Course]] = {}
    for cell in comparison["cells"]:
        courses.setdefault((comparable_of(cell), cell["method"]), []).append(course_of(cell))
    return read_manifest(tables, "metrics_summary"), courses


def _account(manifest: Mapping[str, Any], done: str) -> str:
    account = manifest["account"]
    return (
        f"{account['n_enumerated']} cells, {account['n_success']} {done}, {account['n_failed']} failed, "
        f"{account['n_lost']} lost, {account['n_skipped']} skipped, {account['n_not_selected']} not selected"
    )


def _networks(manifest: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield how the networks compare with their initial estimates: a number, and the error of each by dose."""
    scored = [(entry, entry["scores"]) for entry in manifest["jobs"] if entry["scores"] is not None]
    if not scored:
        return
    better = sum(scores["beats_start"] for _, scores in scored)
    yield f"held-out errors below those of the initial estimate: {better} of {len(scored)} trainings"
    rows: dict[tuple[str], dict[str, str]] = {}
    for entry, scores in scored:
        change = scores["complex_error"]["improvement"]  # None: no truth, or a perfect initial estimate
        text = _NO_VALUE if change is None else f"{-change:+.1%}"
        rows.setdefault((_place(entry),), {})[str(exposure_of(entry))] = text + ("" if scores["beats_start"] else " !")
    yield from _by_dose(("complex error, network against initial estimate",), rows, width)
    if better < len(scored):
        yield "! this error or the Poisson loss is NOT below that of the initial estimate"


def _methods(found: Mapping[str, Any], courses: Mapping[_Key, list[Course]], width: int) -> Iterator[str]:
    """Yield the error of each method by dose, a table for each protocol; views with the same values share a row."""
    for table in found["tables"]:
        texts: dict[tuple[str, str], dict[str, str]] = {}
        for (comparable, method), text in _errors(table, courses, has_rule="rule" in found).items():
            dose, view, gridsize, _ = comparable
            texts.setdefault((method, f"{view} (gs{gridsize})"), {})[f"dose {dose:g}"] = text
        views: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
        for (method, view), by_dose in texts.items():
            views.setdefault((method, tuple(by_dose.items())), []).append(view)
        rows = {(_method(method), ", ".join(of)): dict(by_dose) for (method, by_dose), of in views.items()}
        yield from _by_dose((f"complex NRMSE, {table['parts']['split']}", "view"), rows, width)
        yield from _marks("".join(text for by_dose in rows.values() for text in by_dose.values()), table)


def _errors(table: Mapping[str, Any], courses: Mapping[_Key, list[Course]], has_rule: bool) -> dict[_Key, str]:
    """Return the median of the replicates with its marks, by what is comparable and method."""
    best = {
        (comparable_of(one), method)
        for one in table["best"]
        if one["metric"] == HEADLINE and has_rule  # older files mark the best value, without a rule
        for method in one["methods"]
    }
    rows: dict[_Key, list[Mapping[str, Any]]] = {}
    values: dict[object, list[tuple[str, int, float | None]]] = {}
    for row in table["rows"]:
        rows.setdefault((comparable_of(row), row["method"]), []).append(row)
        own = row["method"], replicate_of(row), row["values"].get(HEADLINE)
        values.setdefault(comparable_of(row), []).append(own)
    here = {place: by_method(of_place) for place, of_place in values.items()}
    found = {}
    for key, replicates in rows.items():
        median = spread([row["values"].get(HEADLINE) for row in replicates]).median
        behind = behind_controls(key[1], here[key[0]], _DEFINITION)
        known = {
            _NOT_CONVERGED: not all(row.get("converged", True) for row in replicates),
            _GOT_WORSE: any(course.got_worse for course in courses.get(key, ())),
            _BEHIND: any(one.control == FLAT for one in behind),
            _AHEAD: key in best,
        }
        marks = "".join(mark for mark, is_so in known.items() if is_so)
        found[key] = (_NO_VALUE if median is None else f"{median:#.4g}") + marks
    return found


def _marks(texts: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line that says what the marks of a table mean."""
    n = len({replicate_of(row) for row in table["rows"]})
    said = [f"medians of {n} replicates"] if n > 1 else []
    said += [f"{mark} {meaning}" for mark, meaning in _MEANINGS.items() if mark in texts]
    if said:
        yield "; ".join(said)


def _by_dose(
    names: Sequence[str],
    rows: Mapping[tuple[str, str], Mapping[str, str]] | Mapping[tuple[str], Mapping[str, str]],
    width: int,
) -> Iterator[str]:
    doses = list(dict.fromkeys(dose for row in rows.values() for dose in row))
    cells = [[*name, *(row.get(dose, _NO_VALUE) for dose in doses)] for name, row in rows.items()]
    yield ""
    yield from text_table([*names, *doses], cells, len(names), width)


def _method(name: str) -> str:
    return f"{name} (control)" if name in CONTROLS else name


def _place(cell: Mapping[str, Any]) -> str:
    return f"{cell['view']} (gs{cell['gridsize']})"
