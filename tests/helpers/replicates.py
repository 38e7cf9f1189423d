"""Replicates for tests: sound hubs of a small study, whose reconstructions have noise of a known level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ptyproof.hub.index import Hub
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from ptyproof.study.design import StudyDesign
from tests.helpers.hubs import edit, make_run
from tests.strategies.reconstructions import Maker, noisy, phase_f

MakeHub = Callable[..., Path]
LEVELS = {"start": 0.3, "lsqml": 0.05, "pinn": 0.04}
_OF_FAILED = ("status", "error", "started", "finished")


def methods_of(levels: Mapping[str, float], replicate: int) -> dict[str, Maker]:
    """Return methods whose results have noise of these levels, drawn anew for each replicate."""
    return {name: noisy(level, 100 * replicate + number) for number, (name, level) in enumerate(levels.items())}


def make_replicate(
    root: Path, design: StudyDesign, replicate: int, levels: Mapping[str, float] = LEVELS, failed: Sequence[str] = ()
) -> Path:
    """Make the sound hub of a replicate in `root`; the methods in `failed` have no result."""
    seeded = replace(design, seeds=replace(design.seeds, simulation=41 + replicate))
    folder = RunFolder(root)
    generate(seeded, load_base(seeded, "builtin"), folder.phase_c_root)
    overlap(folder.phase_c_root, folder.phase_d_root)
    folder.real_run.mkdir(parents=True)
    manifest = phase_f(folder.real_run, seeded, folder.phase_c_root, folder.phase_d_root, methods_of(levels, replicate))
    if failed:
        edit(manifest, lambda record: _fail(folder.real_run, record, failed))
    run_comparison(open_comparison(folder.real_run, figures=False))
    hub = Hub(root)
    make_run(hub, real_run=True, outcomes={"passed": 1}, n_collected=1)
    hub.write(lambda: write_summary(root))
    return root


def _fail(root: Path, manifest: dict[str, Any], methods: Sequence[str]) -> None:
    for job in manifest["jobs"]:
        result = job["result"]
        if job["method"] in methods:
            (root / result["reconstruction"]["path"]).unlink()
            result |= {key: None for key in result if key not in _OF_FAILED} | {"status": "failed", "error": "diverged"}
            manifest["account"]["n_success"] -= 1
            manifest["account"]["n_failed"] += 1
