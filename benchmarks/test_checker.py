"""What checking manifests costs: 82 jobs, a thousand files, hashing, and files that are far too large."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.evidence.checking import check_manifest
from ptyproof.study.design import design_from_dict

EXAMPLES = Path(__file__).parents[1] / "tests" / "schemas" / "examples"
N_JOBS = 82
CELLS = (("baseline", 1), ("dense", 2), ("sparse", 2))
LIMIT_S = 0.015
LIMIT_OF_1000_S = 10.0
LEAST_HASHING = 0.8
MEMORY_BYTES = 1 << 30


def legacy_manifest() -> dict[str, Any]:
    """Return a manifest of generation E6 with 82 jobs, about 50 KB as its tool wrote it."""
    value = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    job = value["jobs"][0]
    job["result"].pop("training_results", None)
    value["jobs"] = []
    for number in range(N_JOBS):
        dose, (view, gridsize) = 1000.0 * (1 + number // 3), CELLS[number % 3]
        folder = f"{value['artifact_root']}/dose_{dose:.0f}/{view}/gs{gridsize}"
        data = (
            f"{value['phase_c_root']}/dose_{dose:.0f}/patched_"
            if view == "baseline"
            else f"{value['phase_d_root']}/dose_{dose:.0f}/{view}/{view}_"
        )
        result = job["result"] | {"bundle_sha256": f"{number:064x}", "final_loss": 0.5 + number / 1000 + 1e-4}
        value["jobs"].append(
            {"dose": dose, "view": view, "gridsize": gridsize, "train_data_path": f"{data}train.npz"}
            | {"test_data_path": f"{data}test.npz", "log_path": f"{folder}/train.log", "artifact_dir": folder}
            | {"result": result}
        )
    value["filters"] = {"dose": None, "view": None, "gridsize": None}
    value |= {"skipped_views": [], "skipped_count": 0}
    return dict(value)


def current_manifest() -> dict[str, Any]:
    """Return a manifest of the current generation with 82 jobs that were trained."""
    value = json.loads((EXAMPLES / "training_manifest" / "valid" / "whole-dose.json").read_text())
    design = copy.deepcopy(value["design"])
    design["doses_photons_per_pattern"] = [1000.0 * (1 + number) for number in range(N_JOBS // 2)]
    design["views"] = design["views"][:2]
    jobs = []
    for number in range(N_JOBS):
        dose, (view, gridsize) = 1000.0 * (1 + number // 2), CELLS[number % 2]
        job = json.loads(json.dumps(value["jobs"][number % 2]).replace("dose_1000/", f"dose_{dose:.0f}/"))
        job |= {"job": f"dose{dose:.0f}-{view}-gs{gridsize}", "dose": dose}
        job["result"] |= {"bundle_sha256": f"{number:064x}", "final_loss": 0.2 + number / 1000}
        jobs.append(job)
    names = [job["job"] for job in jobs]
    value |= {"design": design, "design_digest": design_from_dict(design).digest(), "jobs": jobs}
    value |= {"skipped_views": [], "skipped_count": 0, "not_selected": []}
    value["filters"] = {"dose": None, "view": None, "gridsize": None}
    value["calls"] = [value["calls"][0] | {"filters": value["filters"], "jobs": names, "skipped": []}]
    value["account"] = dict.fromkeys(value["account"], 0) | {"n_enumerated": N_JOBS, "n_success": N_JOBS}
    return dict(value)


@pytest.mark.parametrize("make", [legacy_manifest, current_manifest])
def test_82_jobs(benchmark: Any, tmp_path: Path, make: Any) -> None:
    """Schema and semantics without hashing: 15 ms for 50 KB, and as much again for each further 50 KB."""
    path = tmp_path / "training_manifest.json"
    path.write_text(json.dumps(make(), indent=2))
    checked = check_manifest(path, hash_files=False)
    codes = {finding.code for finding in checked.findings}
    assert codes <= {"PM301", "PM802"}, [str(finding) for finding in checked.findings if finding.code not in codes]
    benchmark.pedantic(lambda: check_manifest(path, hash_files=False), rounds=20, warmup_rounds=2)
    size, best = path.stat().st_size, benchmark.stats.stats.min
    print(f"{make.__name__}: {size / 1e3:.0f} KB, {best * 1e3:.1f} ms, findings {len(checked.findings)}")
    assert best < LIMIT_S * max(1.0, size / 50e3)
