"""How long it takes to enumerate a large matrix of trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ptyproof.study.builtin import builtin_study
from ptyproof.study.jobs import build_training_jobs
from ptyproof.study.layout import HALVES, phase_c_file, phase_d_file
from ptyproof.study.views import Spacing, View

LIMIT_S = 0.5


def test_ten_thousand_cells(benchmark: Any, tmp_path: Path) -> None:
    """100 doses times 100 views that read Phase D, every file present."""
    views = tuple(View(f"view{k}", 2, Spacing(0.5)) for k in range(100))
    doses = tuple(float(dose) for dose in range(1, 101))
    design = replace(builtin_study("fly64"), views=views, doses_photons_per_pattern=doses)
    for dose in doses:
        for half in HALVES:
            for path in [
                phase_c_file(tmp_path / "c", dose, half),
                *(phase_d_file(tmp_path / "d", dose, v.name, half) for v in views),
            ]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    found = benchmark(build_training_jobs, design, tmp_path / "c", tmp_path / "d", tmp_path / "e")
    assert found.n_enumerated == len(found.jobs) == 10_000
    assert benchmark.stats.stats.median < LIMIT_S
