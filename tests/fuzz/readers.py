"""The readers of files that may come from strangers, each with valid files to change and the way to change them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ptyproof.errors import PtyproofError
from tests.fuzz import changes, manifests

Seeds = list[bytes]


@dataclass
class Reader:
    """A reader under test: where its inputs come from, and how one is read.

    `read` gets a file and the folder that it may use; what it raises besides the project's errors is a finding.
    """

    name: str
    suffix: str
    seeds: Callable[[Path], Seeds]
    change: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path, Path], object]
    place: Callable[[bytes, Path], None] | None = None  # where an input goes that is no file of its own
    allowed: tuple[type[Exception], ...] = field(default=(PtyproofError,))

    def input(self, seeds: Seeds, rng: random.Random) -> bytes:
        """Return the next input."""
        return self.change(rng.choice(seeds), rng)

    def put(self, raw: bytes, folder: Path) -> Path:
        """Put an input where the reader finds it; return the file."""
        path = folder / f"input{self.suffix}"
        path.write_bytes(raw)
        if self.place is not None:
            self.place(raw, folder)
        return path


def _datasets(folder: Path) -> Seeds:
    from ptyproof.io.dataset import write_dataset
    from tests.strategies.datasets import make_dataset, make_version_2

    found = []
    for number, role in enumerate(("simulation", "measurement", "base")):
        path = folder / f"{role}.npz"
        write_dataset(path, make_dataset(role=role, seed=number))
        found.append(path.read_bytes())
    write_dataset(folder / "version-2.npz", make_version_2(per_pattern=True))
    found.append((folder / "version-2.npz").read_bytes())
    legacy = make_dataset(role="measurement", extras=False)
    assert legacy.diffraction is not None
    arrays = {
        "diff3d": np.rint(legacy.diffraction**2).astype(np.uint16).transpose(1, 2, 0),
        "probeGuess": legacy.probe[..., None].astype(np.complex128),
        "xcoords": legacy.positions_px[:, 1],
        "ycoords": legacy.positions_px[:, 0],
        "more": np.arange(3),
    }
    np.savez(folder / "legacy.npz", **arrays)  # type: ignore[arg-type]
    np.savez_compressed(folder / "packed.npz", **arrays)  # type: ignore[arg-type]
    return found + [(folder / f"{name}.npz").read_bytes() for name in ("legacy", "packed")]


def _read_dataset(path: Path, _: Path) -> None:
    from ptyproof.io.dataset import read_dataset

    size = path.stat().st_size if path.is_file() else 0
    read_dataset(path, mmap=bool(size % 2), without_truth=bool(size % 3))


def _foreign(folder: Path) -> Seeds:
    from tests.helpers.measurements import tike_arrays

    np.savez(folder / "tike.npz", **tike_arrays())  # type: ignore[arg-type]
    return [(folder / "tike.npz").read_bytes(), *_datasets(folder)[:1]]


def _import(path: Path, _: Path) -> None:
    from ptyproof.io.importers import import_foreign

    import_foreign(path, object_name="siemens" if path.is_file() and path.stat().st_size % 2 else None)


def _archives(folder: Path) -> Seeds:
    from tests.strategies.datasets import make_dataset
    from tests.strategies.reconstructions import write_result

    dataset = make_dataset()
    assert dataset.obj is not None
    write_result(folder / "fit.npz", dataset, dataset.obj)
    return [(folder / "fit.npz").read_bytes()]


def _read_archive(path: Path, _: Path) -> None:
    from ptyproof.records.archive import read_archive

    read_archive(path)


def _bundles(folder: Path) -> Seeds:
    from tests.helpers.bundles import write_small_bundle

    return [write_small_bundle(folder).read_bytes()]


def _read_bundle(path: Path, _: Path) -> None:
    from ptyproof.training.bundle import read_bundle

    read_bundle(path)


def _checkpoints(folder: Path) -> Seeds:
    from ptyproof.phases.base import load_base
    from ptyproof.phases.c_simulate.generate import generate
    from ptyproof.study.builtin import builtin_study
    from ptyproof.study.layout import CHECKPOINT
    from ptyproof.training.runner import train
    from ptyproof.training.scan import read_scan
    from tests.helpers.short_training import CPU, task

    study = builtin_study("fly64-smoke")
    generate(study, load_base(study, "builtin"), folder / "c")
    (folder / "training").mkdir()
    train(task(), read_scan(folder / "c" / "dose_1000" / "patched_train.npz"), folder / "training", CPU)
    return [(folder / "training" / CHECKPOINT).read_bytes()]


def _read_checkpoint(path: Path, _: Path) -> None:
    from ptyproof.training.checkpoint import read_checkpoint

    read_checkpoint(path)


def _studies(_: Path) -> Seeds:
    from ptyproof.study.builtin import STUDY_NAMES, builtin_study
    from ptyproof.study.toml_form import study_to_toml

    return [study_to_toml(builtin_study(name)).encode() for name in STUDY_NAMES]


def _read_study(path: Path, _: Path) -> None:
    from ptyproof.study.toml_form import load_study, study_to_toml

    study_to_toml(load_study(str(path)))


def _settings(_: Path) -> Seeds:
    return [(Path(__file__).parents[2] / "pyproject.toml").read_bytes()]


def _place_settings(raw: bytes, folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes(raw)


def _read_settings(_: Path, folder: Path) -> None:
    from ptyproof.docs_sync.settings import load_settings

    load_settings(folder)


def _read_json(path: Path, _: Path) -> None:
    from ptyproof.io.strict_json import read_json

    read_json(path)


def _manifest(raw: bytes, rng: random.Random) -> bytes:
    return manifests.random_input([raw], rng)


def _check(path: Path, folder: Path) -> None:
    manifests.check(path.read_bytes(), folder)


def _hub_files(folder: Path) -> Seeds:
    """Return every text file of a sound hub, with its name before it; the hub stays in the folder."""
    from ptyproof.console import Console
    from ptyproof.phases.base import load_base
    from ptyproof.phases.c_simulate.generate import generate
    from ptyproof.phases.d_overlap.overlap import overlap
    from ptyproof.phases.e_train.train import TrainingPhase
    from ptyproof.study.builtin import builtin_study
    from ptyproof.study.jobs import JobFilters
    from ptyproof.training.device import RunOptions
    from tests.helpers.hubs import make_hub
    from tests.helpers.phases import Phase

    study, roots = builtin_study("fly64-smoke"), (folder / "c", folder / "d", folder / "e")
    c = Phase(roots[0], dict(generate(study, load_base(study, "builtin"), roots[0])))
    d = Phase(roots[1], dict(overlap(roots[0], roots[1])))
    phase, filters = TrainingPhase.opened(*roots, RunOptions(accelerator="cpu", threads=1), max_epochs=1), JobFilters()
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    manifest = phase.ledger.read()
    assert manifest is not None
    root = make_hub(folder / "hub", c, d, Phase(roots[2], manifest)).root
    for path in (folder / "hub" / "work").rglob("*.npz"):
        path.unlink()
    texts = [path for path in sorted(root.rglob("*")) if path.suffix in {".json", ".jsonl", ".csv", ".log", ".md"}]
    return [path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() for path in texts]


def _hub_changed(raw: bytes, rng: random.Random) -> bytes:
    name, _, content = raw.partition(b"\0")
    return name + b"\0" + changes.table_changed(content, rng)


def _place_in_hub(raw: bytes, folder: Path) -> None:
    """Put an input in place of one of the hub's files, and the one before back as it was."""
    name, _, content = raw.partition(b"\0")
    target, last = folder / "hub" / name.decode(), folder / "last"
    if last.exists():
        before, _, original = last.read_bytes().partition(b"\0")
        (folder / "hub" / before.decode()).write_bytes(original)
    last.write_bytes(name + b"\0" + target.read_bytes())
    target.write_bytes(content)


def _read_hub(_: Path, folder: Path) -> None:
    """Verify a hub, and make its summary."""
    from ptyproof.checking.hub import read_index, verify_hub
    from ptyproof.report.manifests import read_manifests
    from ptyproof.report.summary.page import summary

    verify_hub(folder / "hub")
    index = read_index(folder / "hub")[0]
    summary(folder / "hub", read_manifests(folder / "hub"), index["runs"] if index else [])


READERS = {
    reader.name: reader
    for reader in (
        Reader("dataset", ".npz", _datasets, changes.archive_changed, _read_dataset),
        Reader("import", ".npz", _foreign, changes.archive_changed, _import),
        Reader("reconstruction", ".npz", _archives, changes.archive_changed, _read_archive),
        Reader("bundle", ".safetensors", _bundles, changes.safetensors_changed, _read_bundle),
        Reader("checkpoint", ".ckpt", _checkpoints, changes.checkpoint_changed, _read_checkpoint),
        Reader("study", ".toml", _studies, changes.toml_changed, _read_study),
        Reader("settings", ".toml", _settings, changes.toml_changed, _read_settings, _place_settings),
        Reader("json", ".json", lambda _: manifests.corpus(), changes.json_changed, _read_json),
        Reader("manifests", ".json", lambda _: manifests.corpus(), _manifest, _check),
        Reader("hub", ".bin", _hub_files, _hub_changed, _read_hub, _place_in_hub),
    )
}
