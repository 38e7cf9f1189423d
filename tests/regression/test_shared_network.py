"""What the bundle that comes with ptyproof makes of the smoke study, as it was when it was last reviewed."""

from __future__ import annotations

from pathlib import Path

from ptyproof.console import Console
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.records.manifest import read_manifest
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions, compute_environment
from tests.helpers.phases import Phase
from tests.regression.snapshots import FINGERPRINT, Check, Metrics

_METRICS = ("complex_nrmse", "phase_mae", "amplitude_mae", "phase_ssim")
_OTHER_MACHINE = 0.02  # a photon that another rounding draws changes the scan


def test_errors_of_the_smoke_study(smoke_c: Phase, smoke_d: Phase, tmp_path: Path, metrics_snapshot: Check) -> None:
    options = RunOptions(accelerator="cpu", threads=1)
    phase = ReconstructionPhase.opened(smoke_c.root, smoke_d.root, tmp_path, options)
    wanted = ReconstructionFilters(JobFilters(views=("dense",)), methods=("start", "foundation"))
    phase.run(phase.enumerate(wanted), wanted, False, Console.silent())
    run_comparison(open_comparison(tmp_path, figures=False))
    (table,) = read_manifest(tmp_path / "metrics_summary.json", "metrics_summary")["tables"]
    errors: Metrics = {}
    for row in table["rows"]:
        for name in _METRICS:
            value = row["values"][name]
            assert value is not None
            errors[f"dose {row['dose']:g}/{row['method']}/{name}"] = value
    environment = compute_environment(options)
    metrics_snapshot(errors, {key: environment[key] for key in FINGERPRINT}, dict.fromkeys(_METRICS, _OTHER_MACHINE))
