"""The folders of a real run in an artifact hub: their paths, and when datasets may be removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.checking.hub import judge_hub
from ptyproof.console import Console
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import KINDS, OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.locking import lock
from ptyproof.io.regular import appended
from ptyproof.provenance.redaction import Redaction, redaction
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import fold_recorded, read_recorded
from ptyproof.study.layout import (
    COMPARISON_MANIFEST,
    HALVES,
    OVERLAP_MANIFEST,
    RECONSTRUCTION_MANIFEST,
    RUN_MANIFEST,
    TRAINING_MANIFEST,
    halves_of,
)

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import File


@dataclass(frozen=True)
class RunFolder:
    """The layout of a real run in the artifact hub `hub`: `real_run/` stays, datasets under `work/` may be removed."""

    hub: Path

    @property
    def real_run(self) -> Path:
        """Logs, training manifest, skip summary, and the jobs' folders."""
        return self.hub / "real_run"

    @property
    def phase_c_root(self) -> Path:
        """Phase C's datasets and manifest."""
        return self.hub / "work" / "phase_c"

    @property
    def phase_d_root(self) -> Path:
        """Phase D's views and manifest."""
        return self.hub / "work" / "phase_d"

    @property
    def manifest_path(self) -> Path:
        """The training manifest."""
        return self.real_run / TRAINING_MANIFEST

    @property
    def reconstruction_manifest_path(self) -> Path:
        """The reconstruction manifest."""
        return self.real_run / RECONSTRUCTION_MANIFEST

    @property
    def comparison_manifest_path(self) -> Path:
        """The comparison manifest."""
        return self.real_run / COMPARISON_MANIFEST

    def fold(self) -> None:
        """Write the manifests of Phases E and F with all that was recorded of their jobs."""
        fold_recorded(self.real_run)

    def errors_in(self, path: Path) -> list[str]:
        """Return the errors that the judge of hubs finds in a manifest of a run that is under way.

        It is the judge of `ptyproof hub verify`, so a run whose hub that command calls unsound does not pass. The bytes
        of the files that the manifest names are left to the tests of the jobs.
        """
        name = path.relative_to(self.hub).as_posix()
        errors = judge_hub(self.hub, hash_files=False, at_the_end_of_a_run=True).errors
        return [str(finding) for finding in errors if finding.file == name]

    def datasets_stay(self) -> str | None:
        """Return why datasets must stay: the first missing or wrong item of the evidence; None if they may go.

        Datasets may go when no other run is under way in the hub, every selected job has ended well, and the judge of
        hubs finds no error in the manifests of the phases: bundles are there with the recorded hash, and the hashes of
        the datasets that were trained on are those that the phases recorded.
        """
        others = Hub(self.hub).others_under_way()
        if others:
            return f"{', '.join(others)} may read them, and is under way"
        for name in (TRAINING, RUN, OVERLAP):
            if not (self.hub / name).is_file():
                return f"{name} is missing"
        errors = judge_hub(self.hub, at_the_end_of_a_run=True).errors
        damaged = [finding for finding in errors if finding.group in ("json", "schema")]
        if damaged:
            return str(min(damaged))
        for name, what in ((TRAINING, "trainings"), (RECONSTRUCTION, "reconstructions")):
            account = read_recorded(self.hub / name, KINDS[name])["account"] if (self.hub / name).exists() else {}
            for state in ("failed", "lost"):
                if account.get(f"n_{state}"):
                    return f"{what} {state}: {account[f'n_{state}']}"
        wrong = [finding for finding in errors if finding.file in (TRAINING, RUN, OVERLAP, RECONSTRUCTION)]
        return str(min(wrong)) if wrong else None

    def remove_datasets(self) -> list[Path]:
        """Remove the datasets whose hashes the manifests have; return what was removed.

        Nothing is removed while `datasets_stay` has a reason, and no file that is not the recorded one or lies outside
        the hub.
        """
        if self.datasets_stay() is not None:
            return []
        hub = Hub(self.hub)
        with lock(hub.index_path):  # no run begins meanwhile; one may have begun while the judge looked
            return [] if hub.others_under_way() else self._without_datasets()

    def _without_datasets(self) -> list[Path]:
        removed = []
        for root, records in ((self.phase_c_root, self._simulated()), (self.phase_d_root, self._selected())):
            for record in records:
                path = root / record["path"]
                if path.resolve().is_relative_to(self.hub.resolve()) and file_is_whole(record, root):
                    path.unlink()
                    removed.append(path)
        for folder in {path.parent for path in removed}:
            if not any(folder.iterdir()):
                folder.rmdir()
        return removed

    @contextmanager
    def log(self, name: str, watched: Console) -> Iterator[Console]:
        """Yield a console whose lines are appended to `real_run/NAME`, with paths relative to the hub.

        Progress is shown where `watched` shows it. The log is open only while a line is written, so any number of jobs
        that wait may have one.
        """
        path = self.real_run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        log = _Log(path, f"{self.hub}/", redaction(self.hub))
        log.write("")
        yield Console(log, watched.bars)

    def _simulated(self) -> list[File]:
        """Return the records of the datasets of Phase C."""
        manifest = read_manifest(self.phase_c_root / RUN_MANIFEST, "run_manifest")
        return [half["file"] for entry in manifest["datasets"] for _, _, half in halves_of(entry)]

    def _selected(self) -> list[File]:
        """Return the records of the datasets that Phase D wrote; a view of all positions uses those of Phase C."""
        manifest = read_manifest(self.phase_d_root / OVERLAP_MANIFEST, "overlap_manifest")
        records = [view[half]["file"] for view in manifest["views"] for half in HALVES]
        return [record for record in records if record is not None]


@dataclass(frozen=True)
class _Log:
    """A stream that appends what is written to a file, without a prefix and private text."""

    path: Path
    prefix: str
    redaction: Redaction

    def write(self, text: str, /) -> None:
        """Append a text."""
        with appended(self.path) as file:
            file.write(self.redaction.clean(text.replace(self.prefix, "")))

    def flush(self) -> None:
        """Every text was written at once."""
