"""What checking manifests costs: 82 jobs, a thousand files, hashing, and files that are far too large."""

from __future__ import annotations

import copy
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.io import schema
from ptyproof.io.file_digests import FileDigests
from ptyproof.io.json_reader import read_text
from ptyproof.io.strict_json import MAX_BYTES, parse_json
from ptyproof.study.design import design_from_dict

EXAMPLES = Path(__file__).parents[1] / "tests" / "schemas" / "examples"
N_JOBS = 82
CELLS = (("baseline", 1), ("dense", 2), ("sparse", 2))
LIMITS_S = {"jsonschema_rs": 0.015, "jsonschema": 0.25}
LIMIT_OF_1000_S = 10.0
LIMIT_FROM_START_S = 0.3
LEAST_HASHING = 0.8
MEMORY_BYTES = 3 << 29


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


@pytest.mark.parametrize("engine", LIMITS_S)
@pytest.mark.parametrize("make", [legacy_manifest, current_manifest])
def test_82_jobs(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, engine: str) -> None:
    """Schema and semantics without hashing: the limit is of 50 KB, and as much again for each further 50 KB."""
    if engine == "jsonschema":
        monkeypatch.setattr(schema, "quick_judge", lambda *_: None)
    else:
        pytest.importorskip("jsonschema_rs")
    path = tmp_path / "training_manifest.json"
    path.write_text(json.dumps(make(), indent=2))
    checked = check_manifest(path, hash_files=False)
    codes = {finding.code for finding in checked.findings}
    assert codes <= {"PM301", "PM208"}, [str(finding) for finding in checked.findings]
    benchmark.pedantic(lambda: check_manifest(path, hash_files=False), rounds=20, warmup_rounds=2)
    size, best = path.stat().st_size, benchmark.stats.stats.min
    print(f"{make.__name__}, {engine}: {size / 1e3:.0f} KB, {best * 1e3:.1f} ms, findings {len(checked.findings)}")
    assert best < LIMITS_S[engine] * max(1.0, size / 50e3)


def test_a_thousand_manifests(benchmark: Any, tmp_path: Path) -> None:
    """A thousand manifests of 82 jobs, by one call of the command on one core."""
    text = json.dumps(legacy_manifest(), indent=2)
    for number in range(1000):
        folder = tmp_path / f"{number:03d}"
        folder.mkdir()
        (folder / "training_manifest.json").write_text(text)
    command = [sys.executable, "-m", "ptyproof", "check", "--no-hash", str(tmp_path)]
    taken = []

    def run() -> None:
        before = _children_s()
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True)
        wall = time.perf_counter() - begun
        taken.append((_children_s() - before, wall))
        assert done.returncode == 1, done.stderr  # the files that they name are not there

    benchmark.pedantic(run, rounds=1)
    cpu, wall = min(taken)
    print(f"1000 manifests: {cpu:.1f} s of one core, {wall:.1f} s on the clock")
    assert cpu < LIMIT_OF_1000_S


def test_hashing(benchmark: Any, tmp_path: Path) -> None:
    """Ten manifests that name one file of 256 MB: it is read once, about as fast as sha256sum reads it."""
    data = tmp_path / "dose_1000" / "patched_train.npz"
    data.parent.mkdir()
    data.write_bytes(os.urandom(1 << 20) * 256)
    digest = subprocess.run(["sha256sum", data], check=True, capture_output=True, text=True).stdout.split()[0]
    value = json.loads((EXAMPLES / "run_manifest" / "valid" / "one-of-three-doses.json").read_text())
    value["datasets"][0]["train"]["file"] |= {"sha256": digest, "size_bytes": data.stat().st_size}
    paths = [tmp_path / f"run_manifest_{number}.json" for number in range(10)]
    for path in paths:
        path.write_text(json.dumps(value))
    ratios = []

    def turn() -> None:
        begun = time.perf_counter()
        subprocess.run(["sha256sum", data], check=True, capture_output=True)
        middle = time.perf_counter()
        digests = FileDigests()
        for path in paths:
            codes = {finding.code for finding in check_manifest(path, digests=digests).findings}
            assert "PM303" not in codes
        ratios.append((middle - begun) / (time.perf_counter() - middle))

    benchmark.pedantic(turn, rounds=5, warmup_rounds=1)
    print(f"hashing: {max(ratios):.2f} of sha256sum's speed ({', '.join(f'{ratio:.2f}' for ratio in ratios)})")
    assert max(ratios) > LEAST_HASHING


CHECK = """\
import resource, sys
from pathlib import Path
from ptyproof.checking import check_manifest
checked = check_manifest(Path(sys.argv[1]), hash_files=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(peak, sorted({finding.code for finding in checked.findings}), len(checked.findings))
"""


@pytest.mark.parametrize("n_bytes", [MAX_BYTES - (1 << 20), 100_000_000])
def test_memory(benchmark: Any, tmp_path: Path, n_bytes: int) -> None:
    """The largest manifest that is read, and one of 100 MB, which is refused: both within 1.6 GB."""
    value = legacy_manifest()
    value["jobs"] *= n_bytes // len(json.dumps(value)) + 1
    path = tmp_path / "training_manifest.json"
    path.write_text(json.dumps(value)[:n_bytes])
    command = [sys.executable, "-c", CHECK, str(path)]
    done = benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True, text=True), rounds=1
    ).stdout
    peak = int(done.split()[0])
    print(f"{path.stat().st_size / 1e6:.0f} MB: {peak / 1e6:.0f} MB of memory; {done.strip()[:200]}")
    assert peak < MEMORY_BYTES
    assert ("PM002" in done) is (n_bytes > MAX_BYTES)


def test_strict_json(benchmark: Any) -> None:
    """Reading 100 KB strictly; finding the place of a fault at its end may take ten times as long."""
    text = json.dumps(legacy_manifest() | {"more": list(range(8000))}, indent=2)
    benchmark.pedantic(lambda: parse_json(text), rounds=20, warmup_rounds=1)
    begun = time.perf_counter()
    assert read_text(text[:-2]).end is not None
    located = time.perf_counter() - begun
    best = benchmark.stats.stats.min
    print(f"strict JSON: {len(text) / 1e3:.0f} KB in {best * 1e3:.2f} ms; its last fault in {located * 1e3:.2f} ms")
    assert best < 0.005 * len(text) / 50e3


def test_a_command_from_its_start(benchmark: Any, tmp_path: Path) -> None:
    """`ptyproof check` of three files in a fresh interpreter, imports included: below 0.3 s of processor time."""
    paths = [tmp_path / f"training_manifest_{number}.json" for number in range(3)]
    for path in paths:
        path.write_text(json.dumps(legacy_manifest()), encoding="utf-8")
    words = [sys.executable, "-m", "ptyproof", "check", *map(str, paths)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    taken = []

    def run() -> None:
        before = _children_s()
        done = subprocess.run(words, env=environment, capture_output=True, check=False)
        taken.append(_children_s() - before)
        assert done.returncode in {0, 1}, done.stderr

    benchmark.pedantic(run, rounds=10, warmup_rounds=2)
    assert min(taken) < LIMIT_FROM_START_S


def _children_s() -> float:
    """Return the processor time of the processes that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
