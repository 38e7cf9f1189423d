"""What a process printed, against what its record says: dry runs filed as done, and other work than the job's."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ptyproof.checking.model.document import Document, Findings, count, number, text
from ptyproof.checking.model.findings import printable

_OUTPUTS = ("stdout_preview", "stdout", "output")
# not "dry_run=False", "dry run: off", "--no-dry-run", "not a dry run"; but "dry run: no file was written"
_NOT = r"(?:false\b|disabled\b|(?:no|off|0|none)\b(?!\s+\w+(?![\w=:])))"
_DRY = re.compile(
    r"(?<!no-)(?<!no_)(?<!\bno )(?<!\bnot )(?<!\bnot a )\bdry[ _-]?run\b"
    rf"(?!['\"]?(?:[ _-]mode)?[ \t]*(?:[:=?]|\bis\b)?[ \t]*['\"]?{_NOT})"
    r"|\bwould (?:execute|run|reconstruct|train|compare)\b",
    re.IGNORECASE,
)
_KEYS = {
    **dict.fromkeys(("dataset", "dataset path", "input", "input file", "input npz", "input-npz"), "input_npz"),
    **dict.fromkeys(("algorithm", "method"), "algorithm"),
    **dict.fromkeys(("epochs", "num epochs", "num-epochs"), "num_epochs"),
    **dict.fromkeys(("output", "output dir", "output directory", "output-dir"), "output_dir"),
}
_LINE = re.compile(rf"^[ \t]*({'|'.join(_KEYS)})[ \t]*[:=][ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_LOADED = re.compile(
    r"^[ \t]*loading\b[^:\n]{0,40}\b(?:dataset|data|scan) (from)[: \t]+(.+)$", re.IGNORECASE | re.MULTILINE
)
_OPTION = re.compile(r"--(input-npz|algorithm|num-epochs|output-dir)[ =](\S+)")
_PATHS = frozenset({"input_npz", "output_dir"})
_SHOWN = 120


def dry(doc: Document) -> Findings:
    """Yield processes whose own words say that they were dry runs, whatever their exit status is."""
    for place, result in doc.entries("execution_results"):
        for key, said in _printed(result):
            found = _DRY.search(said)
            if found is None:
                continue
            code = count(result, "returncode")
            ended = "" if code is None else f", and the record has returncode {code}"
            line = printable(said[found.start() :].partition("\n")[0][:60])
            sentence = f"the process printed {line!r}{ended}: it was a dry run without a result"
            yield doc.finding("PM701", f"{place}.{key}", sentence)


def other_work(doc: Document) -> Findings:
    """Yield processes that printed another file, method, number of epochs or folder than their job has."""
    jobs = [job for _, job in doc.entries("jobs")]
    by_cell = {_cell(job): job for job in reversed(jobs)}
    for at, (place, result) in enumerate(doc.entries("execution_results")):
        cell = _cell(result)
        job = by_cell.get(cell) if None not in cell[:2] else jobs[at] if at < len(jobs) else None
        for output, said in _printed(result):
            for key, value, is_cut in _named(said):
                wanted = None if job is None else job.get(key)
                if isinstance(wanted, str | int | float) and not _agrees(key, str(wanted), value, is_cut):
                    sentence = f"the job has {key} {_short(str(wanted))}, but the process printed {_short(value)}"
                    yield doc.finding("PM716", f"{place}.{output}", sentence)


def _printed(result: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key in _OUTPUTS:
        said = text(result, key)
        if said is not None:
            yield key, said


def _cell(record: dict[str, object]) -> tuple[float | None, str | None, str | None]:
    return number(record, "dose"), text(record, "view"), text(record, "split")


def _named(said: str) -> Iterator[tuple[str, str, bool]]:
    """Yield what a process printed of its options: the job's key, the value, and whether the preview ends in it."""
    for pattern in (_LINE, _LOADED, _OPTION):
        for found in pattern.finditer(said):
            value = found[2].strip()
            if value:
                yield _KEYS.get(found[1].lower(), "input_npz"), value, found.end() == len(said)


def _agrees(key: str, wanted: str, value: str, is_cut: bool) -> bool:
    if key == "output_dir" and value.startswith(f"{wanted.rstrip('/')}/"):
        return True  # a file in the job's folder
    if key in _PATHS:
        value = value if " " in wanted else value.split()[0].strip("'\"")  # behind it, a remark may stand
        return _is_same_path(posixpath.normpath(wanted), posixpath.normpath(value), is_cut)
    mine, others = (re.sub(r"[^a-z0-9.+-]", "", part.lower()) for part in (wanted, value))
    if key == "num_epochs":
        try:
            return is_cut or float(mine) == float(others)
        except ValueError:
            return True  # no number: not the line that was meant
    mine, others = mine.replace("-", ""), others.replace("-", "")
    return others.startswith(mine) or (is_cut and mine.startswith(others))


def _is_same_path(wanted: str, value: str, is_cut: bool) -> bool:
    if posixpath.isabs(wanted) != posixpath.isabs(value):
        absolute, relative = (wanted, value) if posixpath.isabs(wanted) else (value, wanted)
        return is_cut or absolute.endswith(f"/{relative}")
    return wanted == value or (is_cut and wanted.startswith(value))


def _short(value: str) -> str:
    return printable(value if len(value) <= _SHOWN else f"...{value[-_SHOWN:]}")
