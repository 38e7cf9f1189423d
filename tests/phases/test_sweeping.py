"""Every phase, and every run into a hub, takes its turn and removes what processes that died have left half written."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ptyproof.cli import main
from ptyproof.hub.index import DATASETS, Hub
from ptyproof.io.atomic import TEMPORARY, atomic_path
from ptyproof.io.locking import lock
from ptyproof.phases.c_simulate import generate as phase_c
from ptyproof.phases.d_overlap import overlap as phase_d
from ptyproof.provenance.environment import run_environment
from ptyproof.provenance.revision import revision
from ptyproof.study.layout import OVERLAP_MANIFEST, RUN_MANIFEST, STATE_FILE
from tests.helpers.phases import Phase

LEFT = Path("dose_1000", f".half.npz.x{TEMPORARY}")


def generate(root: Path) -> int:
    return main(["generate", "--study", "fly64-smoke", "--base-npz", "builtin", "--output-root", str(root / "c")])


def overlap(root: Path) -> int:
    return main(["overlap", "--phase-c-root", str(root / "c"), "--output-root", str(root / "d")])


def train(root: Path) -> int:
    roots = [f"--phase-c-root={root / 'c'}", f"--phase-d-root={root / 'd'}", f"--artifact-root={root / 'e'}"]
    chosen = ["--dose", "1000", "--view", "baseline", "--accelerator", "cpu", "--threads", "1"]
    return main(["train", *roots, *chosen, "--max-epochs", "1", "--in-process"])


def reconstruct(root: Path) -> int:
    roots = [f"--phase-c-root={root / 'c'}", f"--phase-d-root={root / 'd'}", f"--artifact-root={root / 'e'}"]
    chosen = ["--dose", "1000", "--view", "baseline", "--method", "flat"]
    return main(["reconstruct", *roots, *chosen, "--in-process"])


def compare(root: Path) -> int:
    assert reconstruct(root) == 0
    return main(["compare", "--artifact-root", str(root / "e"), "--out", str(root / "g"), "--no-figures"])


def assess(root: Path) -> int:
    dataset = root / "c" / "dose_1000" / "patched_test.npz"
    return main(["assess", str(dataset), "--out", str(root / "a"), "--method", "flat", "--threads", "1"])


PHASES = [(generate, "c"), (overlap, "d"), (train, "e"), (reconstruct, "e"), (compare, "g"), (assess, "a")]


@pytest.mark.parametrize(("phase", "name"), PHASES)
def test_a_phase_sweeps_its_own_folder(
    smoke_c: Phase, smoke_d: Phase, tmp_path: Path, phase: Callable[[Path], int], name: str
) -> None:
    shutil.copytree(smoke_c.root, tmp_path / "c")
    shutil.copytree(smoke_d.root, tmp_path / "d")
    left = tmp_path / name / LEFT
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    with atomic_path(left.with_name("living.npz")) as living:
        assert phase(tmp_path) == 0
        assert living.exists()
    assert not left.exists()


@pytest.mark.parametrize(
    ("phase", "module", "work", "manifest"),
    [
        (generate, phase_c, "_generate", Path("c", RUN_MANIFEST)),
        (overlap, phase_d, "_overlap", Path("d", OVERLAP_MANIFEST)),
    ],
)
def test_two_calls_into_one_folder_take_turns(
    smoke_c: Phase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: Callable[[Path], int],
    module: ModuleType,
    work: str,
    manifest: Path,
) -> None:
    shutil.copytree(smoke_c.root, tmp_path / "c")
    begun, do = threading.Event(), getattr(module, work)

    def working(*args: Any) -> Any:
        begun.set()
        return do(*args)

    monkeypatch.setattr(module, work, working)
    other = threading.Thread(target=phase, args=(tmp_path,))
    with lock(tmp_path / manifest):
        other.start()
        assert not begun.wait(1.0), "it began to work while another held the folder"
    other.join()
    assert begun.is_set()
    assert (tmp_path / manifest).is_file()


def test_a_run_into_a_hub_sweeps_all_of_it_and_its_index_has_no_state_of_a_job(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    for part in ("real_run", DATASETS, "docs"):
        path = tmp_path / part / LEFT
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    (tmp_path / "real_run" / f"lsqml.{STATE_FILE}").write_text("{}")
    (tmp_path / "real_run" / "train.log").write_text("x")
    name = hub.open_run(["pytest"], "none", None, run_environment(), revision(tmp_path, [], tmp_path).as_dict())
    hub.end_run(name, 0)
    assert not list(tmp_path.rglob(f"*{TEMPORARY}"))
    index = hub.read()
    assert index is not None
    assert [record["path"] for record in index["files"]] == ["real_run/train.log"]
