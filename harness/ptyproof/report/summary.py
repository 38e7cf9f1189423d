"""The summary of an artifact hub for people: `docs/summary.md`, and `docs/skipped_views.jsonl` for programs.

Every number is one that a manifest holds. Equal hubs give equal text.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ptyproof.console import printable
from ptyproof.errors import ManifestError
from ptyproof.hub.blocked import blocked_records, first_error
from ptyproof.hub.index import INDEX, Hub, is_incomplete, walk
from ptyproof.hub.layout import (
    CERTIFICATE,
    COMPARISON,
    METRICS,
    OVERLAP,
    REAL_RUN,
    RUN,
    SKIP_KEYS,
    SKIP_LINES,
    SUMMARY,
    TRAINING,
)
from ptyproof.io.atomic import write_text
from ptyproof.io.json_lines import one_line
from ptyproof.metrics.improvement import by_how_much, verdict
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import HALVES, cell_of

_UNDER_WAY, _INCOMPLETE, _BLOCKED = "under way", "INCOMPLETE", "BLOCKED"


def write_summary(hub: Path) -> list[Path]:
    """Write `docs/summary.md` and `docs/skipped_views.jsonl` of a hub; return their paths.

    A training manifest that cannot be read leads the summary, and leaves the skips as they were.

    Raises
    ------
    ManifestError
        If the hub's index is damaged.
    """
    index = Hub(hub).read() or {"runs": []}
    page = _Page(hub, index["runs"])
    (hub / SUMMARY).parent.mkdir(parents=True, exist_ok=True)
    if page.training is not None or TRAINING not in page.damaged:
        skips = [] if page.training is None else page.training["skipped_views"]
        lines = [
            one_line(json.dumps({key: skip[key] for key in SKIP_KEYS}, ensure_ascii=False, allow_nan=False))
            for skip in skips
        ]
        write_text(hub / SKIP_LINES, "".join(f"{line}\n" for line in lines))
    write_text(hub / SUMMARY, page.text())
    return [hub / SUMMARY, hub / SKIP_LINES]


class _Page:
    """The page of a hub: what is known when it is written, and its sections."""

    def __init__(self, hub: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        self.hub = hub
        self.runs = runs
        self.damaged: dict[str, str] = {}
        self.training = self._manifest(TRAINING, "training_manifest")
        self.run_manifest = self._manifest(RUN, "run_manifest")
        self.overlap = self._manifest(OVERLAP, "overlap_manifest")
        self.comparison = self._manifest(COMPARISON, "comparison_manifest")
        self.metrics = self._manifest(METRICS, "metrics_summary")
        self.certificate = self._manifest(CERTIFICATE, "certificate")
        self.blocked = blocked_records(hub)

    def text(self) -> str:
        """Return the page."""
        title = "Artifact hub" if self.training is None else f"Artifact hub: study {self.training['study']}"
        sections: list[tuple[str, Iterable[str]]] = [
            *self._first(title),
            ("## Red and green", self._chain()),
            ("## Runs", self._runs()),
            ("## Commands", self._commands()),
            ("## Trainings", self._trainings()),
            ("## Determinism", self._determinism()),
            ("## Views", self._views()),
            ("## Doses", self._doses()),
            ("## Environment", self._environment()),
            ("## Files", self._files()),
        ]
        parts = []
        for heading, lines in sections:
            body = "\n".join(lines).strip("\n")
            if body or heading.startswith("# "):
                parts.append(f"{heading}\n\n{body}\n" if body else f"{heading}\n")
        return "\n".join(parts)

    def _manifest(self, name: str, kind: str) -> dict[str, Any] | None:
        path = self.hub / name
        if not path.exists():
            return None
        try:
            return read_manifest(path, kind)
        except ManifestError as error:
            self.damaged[name] = error.reason
            return None

    def _state(self, run: Mapping[str, Any]) -> str:
        """Return what a run shows; nothing but an accepted end is ever shown as one."""
        if run["status"] != "ended":
            return _INCOMPLETE if is_incomplete(run) else _UNDER_WAY
        if run.get("blocked_path") is not None:
            return _BLOCKED
        if run["accepted"] is None:
            return "ended"
        return f"{run['evidence']} accepted" if run["accepted"] else f"{run['evidence']} REFUSED"

    def _first(self, title: str) -> list[tuple[str, Iterable[str]]]:
        """Return the first sections: the comparison where there is one, else what became of the cells."""
        if self.comparison is None or self.metrics is None:
            return [(f"# {title}", [*self._banners(), *self._answer()])]
        return [
            (f"# {title}", self._banners()),
            ("## Comparison", self._compared(self.comparison, self.metrics)),
            ("## Cells", self._answer()),
        ]

    def _compared(self, comparison: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
        from ptyproof.phases.g_compare.tables import (
            describe_comparison,
            markdown,
        )  # every recorded run ends in this module

        yield f"{describe_comparison(comparison)}.\n"
        yield from markdown(metrics)
        names = [posixpath.join(REAL_RUN, figure["file"]["path"]) for figure in comparison["figures"]]
        tables = [posixpath.join(REAL_RUN, comparison["files"][key]["path"]) for key in ("comparison", "frc_curves")]
        yield ""
        yield f"Every measure: {', '.join(_link(name) for name in tables)}."
        if names:
            yield f"Pictures: {', '.join(_link(name, posixpath.basename(name)) for name in names)}."

    def _banners(self) -> Iterator[str]:
        """Yield what has to be known before anything else."""
        for run in self.runs:
            state = self._state(run)
            if state == _INCOMPLETE:
                yield (
                    f"**INCOMPLETE: {run['id']} began {run['started']} and has no recorded end.** What follows is "
                    f"what was recorded before it stopped. Its command: {_code(run['command'])}\n"
                )
            elif state == _UNDER_WAY:
                yield f"**{run['id']} was under way when this was written.**\n"
            said = run["revision"].get("git_error")
            if said is not None:
                yield f"**{run['id']} could not learn from git what was uncommitted.** Git: {_text(said)}\n"
        for path in self.blocked:
            link = _link(path.relative_to(self.hub).as_posix())
            yield f"**BLOCKED: a run could not go on, see {link}.** {_text(first_error(path))}\n"
        yield from () if self.certificate is None else self._parted(self.certificate)
        for name, reason in self.damaged.items():
            yield f"**DAMAGED: {_code(name)}** {_text(reason)}\n"

    def _parted(self, certificate: Mapping[str, Any]) -> Iterator[str]:
        from ptyproof.certificate.attempts import REPRODUCED, describe  # few recorded runs have a certificate

        for attempt in certificate["attempts"]:
            if attempt["status"] != REPRODUCED:
                yield f"**{_text(describe(attempt))}.** See {_link(CERTIFICATE)}.\n"

    def _answer(self) -> Iterator[str]:
        if self.training is None:
            yield f"Nothing was trained in this hub; {_count(self.runs, 'run')} recorded."
        else:
            yield from self._cells(self.training)
        yield from self._unsuccessful_runs()

    def _cells(self, training: Mapping[str, Any]) -> Iterator[str]:
        account = training["account"]
        yield (
            f"{account['n_enumerated']} cells: {account['n_success']} trained, {account['n_failed']} failed, "
            f"{account['n_lost']} lost, {account['n_skipped']} skipped, {account['n_not_selected']} not selected.\n"
        )
        for entry in training["jobs"]:
            result = entry["result"]
            if result["status"] == "success":
                yield f"- {entry['job']}: trained, {verdict(entry['scores'])}"
            else:
                yield f"- {entry['job']}: **{result['status'].upper()}**: {_text(result['error'])}"
        yield from (f"- {cell_of(skip)}: skipped: {_text(skip['reason'])}" for skip in training["skipped_views"])
        yield from (f"- {cell_of(cell)}: not selected" for cell in training["not_selected"])

    def _unsuccessful_runs(self) -> Iterator[str]:
        """Yield the runs that end badly, and every skipped test that is no cell of the study."""
        skips = [] if self.training is None else self.training["skipped_views"]
        known = [f"{cell_of(skip)}: {skip['reason']}" for skip in skips]
        if self.comparison is not None:
            compared = [cell for cell in self.comparison["cells"] if cell["status"] == "skipped"]
            for cell in compared:
                place = f"{cell_of(cell)}-{cell['split']}"
                known += [f"{place}: {cell['reason']}", f"{place}-{cell['method']}: {cell['reason']}"]
        endings = tuple(known)
        lines = []
        for run in self.runs:
            if run["status"] == "ended" and run["exit_status"] != 0:
                lines.append(f"- {run['id']} ended with exit status {run['exit_status']}: {_outcomes(run)}")
            others = [skip for skip in run["skips"] if not skip["reason"].endswith(endings)]
            lines += [f"- {run['id']} skipped {_code(skip['test'])}: {_text(skip['reason'])}" for skip in others]
            lines += [
                f"- {run['id']} did not collect {_code(one['module'])}: {_text(one['reason'])}"
                for one in run.get("uncollected", [])
            ]
            lines += [f"- {run['id']} ran {_code(one['test'])} again: {one['count']}" for one in run.get("reruns", [])]
        if lines:
            yield ""
            yield from lines

    def _chain(self) -> Iterator[str]:
        shown = [run for run in self.runs if run["evidence"] != "none"]
        rows = [
            [
                run["id"],
                run["evidence"],
                run["topic"],
                f"{self._state(run)}: {_outcomes(run)}" if run["outcomes"] else self._state(run),
                _text("; ".join(_remarks(run))),
                _link(run["log_path"]),
            ]
            for run in shown
        ]
        yield from _table(["run", "evidence", "topic", "what it shows", "remarks", "log"], rows)

    def _runs(self) -> Iterator[str]:
        rows = [
            [
                run["id"],
                self._state(run),
                run["started"],
                run["ended"],
                run["exit_status"],
                run["n_collected"],
                _outcomes(run),
                _link(run["log_path"]),
                _link(run["reports_path"]),
            ]
            for run in self.runs
        ]
        yield from _table(
            ["run", "state", "began", "ended", "exit status", "tests selected", "outcomes", "log", "reports"], rows
        )

    def _commands(self) -> Iterator[str]:
        lines = [f"# {run['id']}\n{run['command']}" for run in self.runs]
        if lines:
            longest = max((len(ticks) for ticks in re.findall("`+", "\n".join(lines))), default=0)
            fence = "`" * max(3, longest + 1)
            yield from (f"{fence}sh", *lines, fence)

    def _trainings(self) -> Iterator[str]:
        trained = [] if self.training is None else [e for e in self.training["jobs"] if e["scores"] is not None]
        if not trained:
            return
        yield "Losses are in nats per pixel, complex errors have no unit; smaller is better. Held out is"
        yield "the test half, of which a training sees nothing; the start is the network-free estimate.\n"
        head = ["cell", "epochs", "weights of epoch", "final loss (nats/px)", "validation loss (nats/px)"]
        head += ["held-out patterns", "bundle (bytes)", "bundle's sha256"]
        rows = []
        for entry in trained:
            result = entry["result"]
            bundle = posixpath.join("real_run", entry["artifact_dir"], result["bundle_path"])
            values = [result["epochs_completed"], result["bundle_epoch"], result["final_loss"]]
            values += [result["validation_loss"], entry["scores"]["n_patterns"]]
            link = _link(bundle, str(result["bundle_size_bytes"]))
            rows.append([entry["job"], *values, link, _code(result["bundle_sha256"])])
        yield from _table(head, rows)
        yield ""
        yield from _table(
            ["cell", "held-out measure", "start", "network", "network against start"],
            [
                [entry["job"], label, measure["start"], measure["network"], _improvement(measure)]
                for entry in trained
                for key, label in _MEASURES.items()
                for measure in [entry["scores"][key]]
            ],
        )

    def _determinism(self) -> Iterator[str]:
        if self.certificate is None:
            return
        from ptyproof.certificate.attempts import describe, machines

        account, scope = self.certificate["account"], self.certificate["scope"]
        yield (
            f"{account['n_attempts']} attempts to train a job twice to the same bits: {account['n_reproduced']} "
            f"reproduced, {account['n_diverged']} diverged, {account['n_failed']} failed: {_link(CERTIFICATE)}.\n"
        )
        for attempt in self.certificate["attempts"]:
            yield f"- {_text('; '.join(filter(None, (describe(attempt), machines(attempt)))))}"
        yield f"\n{_text(scope['says'])} It does not say:\n"
        yield from (f"- {_text(sentence)}" for sentence in scope["does_not_say"])

    def _views(self) -> Iterator[str]:
        head = ["cell", "phase D", "half", "positions", "kept", "acceptance rate", "groups", "distinct groups"]
        head += ["overlap in a group", "overlap of images", "overlap of groups"]
        rows = []
        overlap = self.overlap or {"views": [], "rejected_views": []}
        for cell in (*overlap["views"], *overlap["rejected_views"]):
            for half in HALVES:
                found = cell[half]
                row = [cell_of(cell), cell["status"], half, found["n_images_total"], found["n_images_selected"]]
                row.append(found["acceptance_rate"])
                row += [(found.get("grouping") or {}).get(key) for key in ("n_groups_actual", "n_groups_distinct")]
                metrics = found.get("overlap") or {}
                row += [metrics.get(key) for key in _OVERLAPS]
                rows.append(row)
        if rows:
            yield "Rates and overlaps are fractions without a unit, from 0 to 1; a dash: not defined.\n"
        yield from _table(head, rows)

    def _doses(self) -> Iterator[str]:
        datasets = [] if self.run_manifest is None else self.run_manifest["datasets"]
        keys = ("photons_per_pattern_requested", "photons_per_pattern_expected", "photons_per_pattern_measured")
        rows = [
            [f"{entry['dose']:g}", half, entry[half]["n_patterns"], *(entry[half][key] for key in keys)]
            for entry in datasets
            for half in HALVES
        ]
        head = ["dose (photons/pattern)", "half", "patterns", "requested (photons/pattern)"]
        yield from _table([*head, "expected (photons/pattern)", "measured (photons/pattern)"], rows)

    def _environment(self) -> Iterator[str]:
        groups: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
        jobs = [] if self.training is None else self.training["jobs"]
        known = [(run["id"], run["environment"]) for run in self.runs]
        known += [(entry["job"], entry["environment"]) for entry in jobs if entry["environment"] is not None]
        for name, environment in known:
            groups.setdefault(json.dumps(environment, sort_keys=True), (environment, []))[1].append(name)
        for environment, names in groups.values():
            yield f"- {', '.join(names)}: " + ", ".join(f"{key} {_text(str(environment[key]))}" for key in environment)
        if self.runs:
            yield ""
        rows = [[run["id"], *(_revision(run["revision"][key]) for key in _REVISION)] for run in self.runs]
        yield from _table(["run", "commit", "uncommitted changes", "code", "tests"], rows)

    def _files(self) -> Iterator[str]:
        names = {INDEX, SUMMARY, SKIP_LINES} | {name for name, _ in walk(self.hub)}
        names |= {name for name in (RUN, OVERLAP) if (self.hub / name).is_file()}
        yield f"Sizes and sha256 stand in {_link(INDEX)}; `ptyproof hub verify` checks them.\n"
        yield from (f"- {_link(name)}" for name in sorted(names))


_MEASURES = {
    "poisson_loss": "Poisson loss of the object (nats/px)",
    "complex_error": "complex error of the object (no unit)",
    "patch_poisson_loss": "Poisson loss of single patches (nats/px)",
    "patch_complex_error": "complex error of single patches (no unit)",
}
_OVERLAPS = ("metric_1_group_based_avg", "metric_2_image_based_avg", "metric_3_group_to_group_avg")
_REVISION = ("commit", "uncommitted_sha256", "code_sha256", "tests_sha256")


def _remarks(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is to be known of a run beside its outcomes."""
    red, said = run["red"], run["reason"] or ""
    if run["evidence"] == "green" and red is None and run["status"] == "ended":
        yield "no red before this green"
    if red is not None:
        yield f"answers red {red['run']}"
        if not red["same_tests"]:
            yield "not the tests of red"
        if red["code_changed"] is False:
            yield "no code changed after red"
        if red["tests_changed"]:
            yield "tests changed after red"
    ending = "no red before this green" if red is None else f"red ({red['run']})"
    yield from (part for part in said.split("; ") if part and not part.endswith(ending))
    collect = run["collect"]
    if collect is not None and (collect["n_not_run"] or collect["n_not_collected"]):
        yield (
            f"{collect['n_not_run']} tests of {collect['run']} did not run, {collect['n_not_collected']} were not in it"
        )


def _improvement(measure: Mapping[str, Any]) -> str | None:
    return None if measure["start"] is None else by_how_much(measure["improvement"])


def _outcomes(run: Mapping[str, Any]) -> str:
    return ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in run["outcomes"].items())


def _count(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'s' * (len(items) != 1)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Yield a table; nothing where it has no rows."""
    if rows:
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        yield from ("| " + " | ".join(_value(cell) for cell in row) + " |" for row in rows)


def _value(value: Any) -> str:
    """Return a cell of a table: numbers to six digits, a dash for what is not known."""
    if value is None or value == "":
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _link(name: str | None, label: str | None = None) -> str:
    """Return a link to a file of the hub, from `docs/`."""
    if name is None:
        return ""
    target = posixpath.relpath(name, posixpath.dirname(SUMMARY))
    return f"[{_text(label or name)}]({quote(target, errors='surrogateescape')})"


def _code(text: str) -> str:
    """Return a text as code, also in a table."""
    text = printable(text).replace("|", "\\|")
    ticks = "`" * (max((len(found) for found in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _text(text: str) -> str:
    """Return a text of one line with what Markdown would take for marks made harmless."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", printable(text))


def _revision(value: str | None) -> str:
    return "" if value is None else _code(value[:16])
