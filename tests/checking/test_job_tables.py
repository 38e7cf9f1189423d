"""Whatever table of jobs a study has and however they end, the manifests that the ledger writes are sound."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ptyproof.checking import check_manifest
from ptyproof.io.file_record import file_record
from ptyproof.io.hashing import sha256_json
from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.design import StudyDesign
from ptyproof.study.exposures import Exposure
from ptyproof.study.jobs import JobFilters, TrainingJob, build_training_jobs
from ptyproof.study.layout import HALVES, phase_c_file, phase_d_file
from ptyproof.study.views import AllPositions
from tests.helpers.pictures import png
from tests.strategies.designs import designs

# that a job failed, or that none succeeded, is worth a warning and no fault of the file; drawn losses may be alike
HONEST = {"PM705", "PM709", "PM304"}
ENVIRONMENT = dict.fromkeys(
    ("python", "system", "machine", "numpy", "scipy", "torch", "lightning", "safetensors", "cpu", "cpu_capability"), "1"
) | {"threads": 1, "device": "cpu", "deterministic": True, "num_workers": 0}
losses = st.floats(1e-6, 10)


def _score(start: float, network: float) -> dict[str, float]:
    return {"start": start, "network": network, "improvement": 1 - network / start}


@st.composite
def ends(draw: st.DrawFn) -> dict[str, Any]:
    """How a job ended: what the ledger records of it, without files."""
    status = draw(st.sampled_from(["success", "success", "failed", "lost"]))
    if status != "success":
        said = TrainingLedger.lost_result(draw(st.sampled_from(["no memory", "a.npz: is cut short", NOT_ENDED])))
        return {"status": status, "result": said | ({} if status == "lost" else {"status": status})}
    epochs = draw(st.integers(1, 100))
    pairs = [(draw(losses), draw(losses)) for _ in range(4)]
    keys = ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error")
    scores = {key: _score(*(min(value, 1.0) for value in pair)) for key, pair in zip(keys, pairs, strict=True)}
    better = all(scores[key]["network"] < scores[key]["start"] for key in keys[:2])
    return {
        "status": status,
        "final_loss": draw(losses),
        "validation_loss": draw(losses),
        "epochs": epochs,
        "bundle_epoch": draw(st.integers(1, epochs)),
        "scores": {"half": "test", "n_patterns": 7, **scores, "no_truth_because": None, "beats_start": better},
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record(ledger: TrainingLedger, job: TrainingJob, end: dict[str, Any]) -> None:
    started = _now()
    if end["status"] != "success":
        times = {"started": started, "finished": None if end["status"] == "lost" else _now()}
        ledger.record(job, result=end["result"] | times, scores=None, datasets=None, training=None, environment=None)
        return
    folder = job.artifact_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(job.key.encode())
    for name in ("checkpoint.ckpt", "train.log"):
        (folder / name).write_bytes(b"x")
    (folder / "loss_curve.png").write_bytes(png())
    row = f"{end['epochs']},1,{end['validation_loss']!r},{end['final_loss']!r},0.1"
    (folder / "metrics.csv").write_text(f"epoch,step,validation_loss,train_loss,learning_rate\n{row}\n")
    bundle = file_record(folder / "model.safetensors", folder)
    result = TrainingLedger.lost_result("") | {
        "status": "success",
        "error": None,
        "final_loss": end["final_loss"],
        "validation_loss": end["validation_loss"],
        "epochs_completed": end["epochs"],
        "bundle_epoch": end["bundle_epoch"],
        "resumed_from_epoch": 0,
        "checkpoint_path": "checkpoint.ckpt",
        "bundle_path": bundle["path"],
        "bundle_sha256": bundle["sha256"],
        "bundle_size_bytes": bundle["size_bytes"],
        "metrics_path": "metrics.csv",
        "loss_curve_path": "loss_curve.png",
        "recipe_sha256": sha256_json(job.key),
        "started": started,
        "finished": _now(),
    }
    ledger.record(
        job,
        result=result,
        scores=end["scores"],
        training=ledger.design.training.as_dict() | {"max_epochs": 100},
        environment=ENVIRONMENT,
        datasets={
            half: file_record(path, ledger.artifact_root)
            for half, path in (("train", job.train_data_path), ("test", job.test_data_path))
        },
    )


def _data(root: Path, design: StudyDesign, missing: set[tuple[Exposure, str]]) -> None:
    for exposure in design.exposures:
        dose, replicate = exposure
        for half in HALVES:
            paths = [phase_c_file(root / "c", dose, half, replicate)]
            paths += [
                phase_d_file(root / "d", dose, view.name, half, replicate)
                for view in design.views
                if not isinstance(view.selection, AllPositions) and (exposure, view.name) not in missing
            ]
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(path))


@settings(max_examples=15, phases=(Phase.explicit, Phase.generate))
@given(design=designs(), data=st.data())
def test_what_the_ledger_writes_is_sound(design: StudyDesign, data: st.DataObject) -> None:
    cells = [(exposure, view.name) for exposure in design.exposures for view in design.views]
    missing = data.draw(st.sets(st.sampled_from(cells)))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        _data(root, design, missing)
        (root / "a").mkdir()
        (root / "d").mkdir(exist_ok=True)
        ledger = TrainingLedger(design, root / "c", root / "d", root / "a")
        for number in range(data.draw(st.integers(1, 2))):
            doses = data.draw(st.none() | st.sets(st.sampled_from(design.doses_photons_per_pattern), min_size=1))
            views = data.draw(st.none() | st.sets(st.sampled_from([view.name for view in design.views]), min_size=1))
            replicates = data.draw(st.none() | st.sets(st.integers(1, design.replicates), min_size=1))
            filters = JobFilters(
                doses=None if doses is None else tuple(sorted(doses)),
                replicates=None if replicates is None else tuple(sorted(replicates)),
                views=None if views is None else tuple(sorted(views)),
            )
            found = build_training_jobs(
                design, ledger.phase_c_root, ledger.phase_d_root, ledger.artifact_root, filters, True
            )
            ledger.open_call(found, filters, True, f"call {number}")
            for job in found.jobs:
                _record(ledger, job, data.draw(ends()))
        ledger.fold()
        for path in (ledger.path, ledger.skip_summary_path):
            for home in (root, None):
                findings = check_manifest(path, home=home).findings
                assert [str(finding) for finding in findings if finding.code not in HONEST] == []
