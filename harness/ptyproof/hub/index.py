"""The index of an artifact hub, `hub.json`: every run into it, and every file in it with its sha256.

The index is written whole, atomically, under a lock, at the start and end of each run and after each step in between:
two runs at once lose nothing, and a run that was killed stays visible. It carries its own digest.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ptyproof import clock
from ptyproof.errors import DataError, InputError, ManifestError
from ptyproof.io import schema
from ptyproof.io.atomic import sweep, write_text
from ptyproof.io.hashing import sha256_and_size
from ptyproof.io.locking import is_lock, lock
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, encodable, format_json, parse_json
from ptyproof.provenance.anonymity import host_mark
from ptyproof.provenance.redaction import redaction
from ptyproof.records.journal import is_journal
from ptyproof.records.manifest import refuse_newer, timed_head
from ptyproof.study.layout import RESULT_FILE, STATE_FILE

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_index import File, HubIndex, Process, Run

Evidence = Literal["red", "green", "collect", "none"]

INDEX = "hub.json"
STATEMENT = "hub.intoto.jsonl"  # a signed statement about the index
BUNDLE = "hub.sigstore.json"  # a statement about the index that an identity has signed
CRATE = "ro-crate-metadata.json"  # a description of the hub as a research object
PAGE = "README.ptyproof.md"  # a description of the hub for people, in an export
DATASETS = "work"
EVIDENCE: tuple[Evidence, ...] = ("red", "green", "collect", "none")
CONFORMANCE = "conformance"
BESIDE = (INDEX, STATEMENT, BUNDLE, CRATE, PAGE)  # files that the index cannot have, as they are about it
_OWN = (*EVIDENCE, "cli", "docs", "real_run", CONFORMANCE, DATASETS)
_ZEROS = "0" * 64


@dataclass(frozen=True)
class Hub:
    """An artifact hub: a folder with an index."""

    root: Path

    @property
    def index_path(self) -> Path:
        """The index."""
        return self.root / INDEX

    def read(self) -> HubIndex | None:
        """Return the index, or None if there is no index yet.

        Raises
        ------
        ManifestError
            If it is damaged: no JSON, against its schema, or its digest is another.
        """
        if not self.index_path.exists():
            return None
        text = _read_text(self.index_path)
        index: HubIndex = schema.accepted(parse_json(text, self.index_path), "hub_index", self.index_path)
        if index["index_sha256"] != own_digest(text, index["index_sha256"]):
            raise ManifestError(
                self.index_path, "was changed after it was written: its digest is another", "index_sha256"
            )
        return index

    def open_run(
        self,
        command: Sequence[str],
        evidence: Evidence,
        topic: str | None,
        environment: Mapping[str, str],
        revision: Mapping[str, Any],
        further: Callable[[str], Mapping[str, Any]] = lambda _: {},
    ) -> str:
        """Record that a run has begun; return its id.

        Parameters
        ----------
        command
            The command line; paths and names that say where and by whom it was run are left out.
        evidence, topic
            One of `EVIDENCE`, and what it is about.
        environment, revision
            Where the run is, and of which code.
        further
            Called with the id, returns what else is known of the run; may make its files.
        """
        refuse_links_out(self.root)
        sweep(self.root)
        with self._changing() as runs:
            name = f"run-{len(runs) + 1:04d}"
            run: Run = {
                "id": name,
                "evidence": evidence,
                "topic": topic,
                "real_run": False,
                "status": "running",
                "accepted": None,
                "reason": None,
                "command": redaction(self.root).clean(shlex.join(command)),
                "started": clock.stamp(),
                "ended": None,
                "exit_status": None,
                "process": {"host_sha256": host_mark(), "pid": os.getpid()},
                "revision": redaction(self.root).cleaned(revision),
                "environment": dict(environment),
                "outcomes": {},
                "n_collected": None,
                "skips": [],
                "log_path": None,
                "reports_path": None,
                "files_path": None,
                "blocked_path": None,
                "red": None,
                "collect": None,
            }
            runs.append(_changed(run, redaction(self.root).cleaned(dict(further(name)))))
        return name

    def begin_with(self, runs: Sequence[Mapping[str, Any]]) -> None:
        """Write the index of a new hub that has runs of other hubs.

        Raises
        ------
        ManifestError
            If there is an index with runs.
        """
        with self._changing() as own:
            if own:
                raise ManifestError(self.index_path, f"has {len(own)} runs already")
            own.extend(cast("Run", dict(run)) for run in runs)

    def update_run(self, name: str, **changes: Any) -> Run:
        """Change what is recorded of a run, and take stock of the files; return the run's record.

        Raises
        ------
        ManifestError
            If the index does not contain the run, because it was removed since the run began.
        """
        with self._changing() as runs:
            place = next((place for place, run in enumerate(runs) if run["id"] == name), None)
            if place is None:
                raise ManifestError(self.index_path, f"has no {name}: it was removed or replaced since that run began")
            runs[place] = _changed(runs[place], redaction(self.root).cleaned(changes))
            return runs[place]

    def end_run(self, name: str, exit_status: int, **changes: Any) -> Run:
        """Record the end of a run."""
        return self.update_run(name, status="ended", ended=clock.stamp(), exit_status=exit_status, **changes)

    def write(self, make: Callable[[], object]) -> None:
        """Run `make`, which writes files into the hub, and take stock of them, while no other run does."""
        with self._changing():
            make()

    def others_under_way(self) -> list[str]:
        """Return the ids of the runs that other processes are in the middle of, as far as this machine can know."""
        index = self.read()
        here: Process = {"host_sha256": host_mark(), "pid": os.getpid()}
        runs = [] if index is None else index["runs"]
        running = [run for run in runs if run["status"] == "running" and run["process"] != here]
        return [run["id"] for run in running if not is_incomplete(run)]

    def files(self) -> list[File]:
        """Return the record of every file in the hub but the index and the datasets, in the order of their paths.

        A file that another process removes meanwhile is left out.
        """
        records = (_record(name, path) for name, path in sorted(walk(self.root)))
        return [record for record in records if record is not None]

    @contextmanager
    def _changing(self) -> Iterator[list[Run]]:
        self.root.mkdir(parents=True, exist_ok=True)
        with lock(self.index_path):
            earlier = self.read()
            if earlier is not None:
                refuse_newer(self.index_path, earlier)
            runs = [] if earlier is None else earlier["runs"]
            yield runs
            index: HubIndex = {
                **timed_head("hub_index"),
                "index_sha256": _ZEROS,
                "runs": encodable(runs),
                "files": self.files(),
            }
            schema.validate(index, "hub_index", self.index_path)
            text = format_json(index)
            write_text(self.index_path, text.replace(_ZEROS, own_digest(text, _ZEROS), 1))


def refuse_links_out(root: Path) -> None:
    """Refuse a hub in whose own folders a link leads out of it: who writes there would write somewhere else.

    Raises
    ------
    InputError
        Names the link.
    """
    home = root.resolve()
    for folder, names, files in os.walk(home):
        if Path(folder) == home:
            names[:] = [name for name in names if name in _OWN]
        for name in [*names, *([] if Path(folder) == home else files)]:
            path = Path(folder, name)
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                place = path.relative_to(home).as_posix()
                raise InputError(f"{root}: {place} is a link that points out of the hub, so nothing was written")


def own_digest(text: str, recorded: str) -> str:
    """Return the digest of an index's text, whose recorded digest counts as zeros."""
    place = f'"index_sha256": "{recorded}"'
    zeroed = text.replace(place, f'"index_sha256": "{_ZEROS}"', 1)
    return hashlib.sha256(zeroed.encode("utf-8")).hexdigest()


def walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file in a hub but its index, its datasets, and what only a run in progress has.

    Those are unfinished files, locks, states and entries of jobs, and journals of manifests. A signed statement and the
    descriptions of the hub are about the index, so the index cannot have them.

    A link to a file counts as that file. Links to folders are not followed; devices, pipes and links to nothing hold
    no evidence, and are left out.
    """
    for folder, _, files in os.walk(root):
        here = Path(folder)
        for file in files:
            path = here / file
            name = path.relative_to(root).as_posix()
            is_dataset = name.startswith(f"{DATASETS}/") and file.endswith(".npz")
            if name not in BESIDE and not is_dataset and not is_passing(file) and path.is_file():
                yield name, path


def is_passing(name: str) -> bool:
    """Tell whether a file of this name is there only while a run is in progress, or after one that was killed."""
    is_unfinished = name.startswith(".") and name.endswith(".part")
    return is_unfinished or is_lock(name) or has_ends_of_jobs(name) or name.endswith(STATE_FILE)


def has_ends_of_jobs(name: str) -> bool:
    """Tell whether a file of this name has ends of jobs that no manifest, and so not the index, has yet."""
    return is_journal(name) or name.endswith(RESULT_FILE)


def _changed(run: Run, changes: Mapping[str, Any]) -> Run:
    return cast("Run", {**run, **changes})  # the index is held against its schema before it is written


def _record(name: str, path: Path) -> File | None:
    """Return the record of a file; None if another process has removed it."""
    try:
        sha256, size = sha256_and_size(path)
    except FileNotFoundError:
        return None
    return {"path": encodable(name), "sha256": sha256, "size_bytes": size}


def is_incomplete(run: Mapping[str, Any]) -> bool:
    """Tell whether a run's process has gone without recording its end, as far as this machine can know."""
    if run["status"] == "ended":
        return False
    if run["process"]["host_sha256"] != host_mark():
        return True
    try:
        os.kill(run["process"]["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _read_text(path: Path) -> str:
    """Return the text of a file as it is, line ends included."""
    try:
        return read_regular(path, MAX_BYTES).decode("utf-8")
    except DataError as error:
        raise ManifestError(path, error.reason) from error
    except UnicodeDecodeError as error:
        raise ManifestError(path, f"is not UTF-8 at byte {error.start}") from error
