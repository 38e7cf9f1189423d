"""The index of an artifact hub, `hub.json`: every run into it, and every file in it with its sha256.

The index is written whole, atomically, under a lock, at the start and end of each run and after each step in between:
two runs at once lose nothing, and a run that was killed stays visible. It carries its own digest.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ptyproof.errors import ManifestError
from ptyproof.evidence.ledger import lock
from ptyproof.evidence.manifest import read_manifest, timed_head
from ptyproof.io import schema
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file
from ptyproof.io.strict_json import format_json

INDEX = "hub.json"
DATASETS = "work"
EVIDENCE = ("red", "green", "collect", "none")
_ZEROS = "0" * 64


@dataclass(frozen=True)
class Hub:
    """An artifact hub: a folder with an index."""

    root: Path

    @property
    def index_path(self) -> Path:
        """The index."""
        return self.root / INDEX

    def read(self) -> dict[str, Any] | None:
        """Return the index, or None where there is none yet.

        Raises
        ------
        ManifestError
            If it is damaged: no JSON, against its schema, or its digest is another.
        """
        if not self.index_path.exists():
            return None
        index: dict[str, Any] = read_manifest(self.index_path, "hub_index")
        if index["index_sha256"] != own_digest(self.index_path.read_text(encoding="utf-8"), index["index_sha256"]):
            raise ManifestError(
                self.index_path, "was changed after it was written: its digest is another", "index_sha256"
            )
        return index

    def open_run(
        self,
        command: Sequence[str],
        evidence: str,
        topic: str | None,
        environment: Mapping[str, Any],
        revision: Mapping[str, Any],
    ) -> str:
        """Record that a run has begun; return its id.

        Parameters
        ----------
        command
            The command line.
        evidence, topic
            One of `EVIDENCE`, and what it is about.
        environment, revision
            Where the run is, and of which code.
        """
        with self._changing() as index:
            name = f"run-{len(index['runs']) + 1:04d}"
            index["runs"].append(
                {
                    "id": name,
                    "evidence": evidence,
                    "topic": topic,
                    "real_run": False,
                    "status": "running",
                    "accepted": None,
                    "reason": None,
                    "command": shlex.join(command),
                    "started": now(),
                    "ended": None,
                    "exit_status": None,
                    "process": {"host_sha256": _host(), "pid": os.getpid()},
                    "revision": dict(revision),
                    "environment": dict(environment),
                    "outcomes": {},
                    "n_collected": None,
                    "skips": [],
                    "log_path": None,
                    "reports_path": None,
                    "red": None,
                    "collect": None,
                }
            )
        return name

    def update_run(self, name: str, **changes: Any) -> dict[str, Any]:
        """Change what is recorded of a run, and take stock of the files; return the run's record."""
        with self._changing() as index:
            run: dict[str, Any] = next(run for run in index["runs"] if run["id"] == name)
            run.update(changes)
        return run

    def end_run(self, name: str, exit_status: int, **changes: Any) -> dict[str, Any]:
        """Record the end of a run."""
        return self.update_run(name, status="ended", ended=now(), exit_status=exit_status, **changes)

    def write(self, make: Callable[[], object]) -> None:
        """Run `make`, which writes files into the hub, and take stock of them, while no other run does."""
        with self._changing():
            make()

    def files(self) -> list[dict[str, Any]]:
        """Return the record of every file in the hub but the index and the datasets, in the order of their paths."""
        return [
            {"path": name, "sha256": sha256_file(path), "size_bytes": path.stat().st_size}
            for name, path in sorted(walk(self.root))
        ]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        self.root.mkdir(parents=True, exist_ok=True)
        with lock(self.index_path):
            index = self.read() or {"runs": []}
            yield index
            head = timed_head("hub_index") | {"index_sha256": _ZEROS}
            index = head | {"runs": index["runs"], "files": self.files()}
            schema.validate(index, "hub_index", self.index_path)
            text = format_json(index)
            write_text(self.index_path, text.replace(_ZEROS, own_digest(text, _ZEROS), 1))


def own_digest(text: str, recorded: str) -> str:
    """Return the digest of an index's text, whose recorded digest counts as zeros."""
    place = f'"index_sha256": "{recorded}"'
    zeroed = text.replace(place, f'"index_sha256": "{_ZEROS}"', 1)
    return hashlib.sha256(zeroed.encode("utf-8")).hexdigest()


def walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file in a hub but its index, its datasets and unfinished temporary files."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        if here == root:
            names[:] = [name for name in names if name != DATASETS]
        for file in files:
            path = here / file
            name = path.relative_to(root).as_posix()
            if name != INDEX and not (file.startswith(".") and file.endswith(".part")):
                yield name, path


def is_incomplete(run: Mapping[str, Any]) -> bool:
    """Tell whether a run's process has gone without recording its end, as far as this machine can know."""
    if run["status"] == "ended":
        return False
    if run["process"]["host_sha256"] != _host():
        return True
    try:
        os.kill(run["process"]["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def now() -> str:
    """Return the time as manifests have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()
