"""The study as tests, run for real: `pytest --pyargs pytest_ptyproof.real_run -m real_run`."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.io import schema
from tests.helpers.messages import names, numbers
from tests.helpers.runs import BASELINE, DENSE, HUB_LINE, METHODS, PLAIN, SPARSE, STUDY_AS_TESTS, Run, run_pytest

ALL_GREEN = {
    "test_phase_c": "passed",
    "test_phase_d": "passed",
    f"test_training[{BASELINE}]": "passed",
    f"test_training[{DENSE}]": "passed",
    f"test_training[{SPARSE}]": "skipped",
    "test_manifest": "passed",
    **{f"test_reconstruction[{cell}-test-{name}]": "passed" for cell in (BASELINE, DENSE) for name in METHODS},
    **{f"test_reconstruction[{SPARSE}-test-{name}]": "skipped" for name in METHODS},
    "test_reconstruction_manifest": "passed",
    **{f"test_comparison[{cell}-test]": "passed" for cell in (BASELINE, DENSE)},
    f"test_comparison[{SPARSE}-test]": "skipped",
    "test_comparison_manifest": "passed",
}
FOLDERS = {BASELINE: "dose_1000/baseline/gs1", DENSE: "dose_1000/dense/gs2"}
DATASETS = [
    *(f"work/phase_c/dose_1000/patched_{half}.npz" for half in ("test", "train")),
    *(f"work/phase_d/dose_1000/dense/dense_{half}.npz" for half in ("test", "train")),
]
TEXT = {".json", ".jsonl", ".log", ".csv", ".md", ".html"}
# what the terminal showed, and command lines as they were typed
VERBATIM = ("cli/", "red/", "green/", "collect/", "docs/", "hub.json")
BINARY = {".npz", ".png", ".safetensors", ".ckpt"}
# a slash or a drive's letter where a path may begin
ABSOLUTE_PATH = re.compile(r"""(?:^|[\s"'=(\[,:])(?:/[A-Za-z_]|[A-Za-z]:\\)""", re.MULTILINE)


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_times(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a job's entry without the call that made it and the times of its training."""
    times = {"started", "finished", "duration_s"}
    return entry | {"call": None, "result": {k: v for k, v in entry["result"].items() if k not in times}}


def texts(run: Run) -> dict[str, str]:
    """Return the text files of a run's hub; there are no files of a kind that nobody thought of."""
    files = [path for path in run.hub.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= TEXT | BINARY
    found = {path.relative_to(run.hub).as_posix(): path for path in files if path.suffix in TEXT}
    return {name: path.read_text(encoding="utf-8") for name, path in found.items()}


def skip_reasons(run: Run) -> set[str]:
    """Return the reasons that the screen, the item, the manifest and the skip summary give for the sparse cell."""
    (listed,) = [line for line in run.screen.splitlines() if line.startswith("skipped ") and SPARSE in line]
    records = [record for name in ("training_manifest.json", "skip_summary.json") for record in skips(run, name)]
    of_item = run.items[f"test_training[{SPARSE}]"].message if f"test_training[{SPARSE}]" in run.items else None
    assert len(records) == 2
    reasons = {*(record["reason"] for record in records), *([] if of_item is None else [of_item])}
    return reasons | ({listed} if not any(f": {reason}" in listed for reason in reasons) else set())


def accounts(run: Run, *parts: str) -> list[list[int]]:
    """Return the six numbers of each line of the screen that accounts for cells, and names the parts."""
    found = [numbers(line) for line in run.screen.splitlines() if names(line, *parts)]
    return [line for line in found if len(line) == 6]


def skips(run: Run, name: str) -> list[dict[str, Any]]:
    """Return the skipped views that a record names, after its count was checked."""
    record = run.record(name)
    found: list[dict[str, Any]] = record["skipped_views"]
    assert record["skipped_count"] == len(found)
    return found


def test_every_cell_is_an_item_and_the_run_is_green(whole: Run) -> None:
    assert whole.status == 0, whole.screen
    assert whole.outcomes() == ALL_GREEN
    assert whole.manifest["account"] == {
        "n_enumerated": 3,
        "n_success": 2,
        "n_failed": 0,
        "n_lost": 0,
        "n_skipped": 1,
        "n_not_selected": 0,
    }
    assert accounts(whole, "tiny") == [[3, 2, 0, 0, 1, 0]]


def test_the_current_folder_stays_empty(whole: Run) -> None:
    assert list(whole.cwd.iterdir()) == []


def test_a_skip_has_one_reason_on_the_screen_and_in_the_records(whole: Run) -> None:
    (reason,) = skip_reasons(whole)
    short = [line for line in whole.screen.splitlines() if line.startswith("SKIPPED ")]
    assert [line.partition(": ")[2] for line in short] == [reason] * 3  # trainings, reconstructions, comparisons
    assert [int(line.split()[1].strip("[]")) for line in short] == [1, len(METHODS), 1]


def test_the_index_names_the_cell_of_each_skip_and_the_summary_says_it_once(whole: Run) -> None:
    (reason,) = skip_reasons(whole)
    index = json.loads((whole.hub / "hub.json").read_text(encoding="utf-8"))
    skips_of_run = index["runs"][-1]["skips"]
    cells = [SPARSE, *(f"{SPARSE}-test-{name}" for name in METHODS), f"{SPARSE}-test"]
    assert [(skip["cell"], skip["reason"]) for skip in skips_of_run] == [(cell, f"Skipped: {reason}") for cell in cells]
    assert "run-0001 skipped" not in (whole.hub / "docs" / "summary.md").read_text(encoding="utf-8")


def test_page_and_summary_have_the_answer_of_the_run_that_has_ended(whole: Run) -> None:
    (run,) = json.loads((whole.hub / "hub.json").read_text(encoding="utf-8"))["runs"]
    for name in ("report.html", "summary.md"):
        text = (whole.hub / "docs" / name).read_text(encoding="utf-8")
        counted = f"{run['outcomes']['passed']} passed, {run['outcomes']['skipped']} skipped"
        assert all(value in text for value in (counted, run["ended"], "PASSED WITH SKIPS")), name


def test_the_reason_of_a_skip_has_the_numbers_of_phase_d(whole: Run) -> None:
    (reason,) = skip_reasons(whole)
    phase_d = json.loads((whole.hub / "work" / "phase_d" / "overlap_manifest.json").read_text(encoding="utf-8"))
    (rejected,) = phase_d["rejected_views"]
    (skip,) = skips(whole, "training_manifest.json")
    assert (skip["dose"], skip["view"], skip["gridsize"], skip["selected"]) == (1000.0, "sparse", 2, True)
    assert f"{(1 - 0.2) * 32:g} px" in reason
    for half in ("train", "test"):
        kept, total = (rejected[half][f"n_images_{which}"] for which in ("selected", "total"))
        assert f"{half} keeps {kept} of {total} positions ({100 * kept / total:.1f} %" in reason
        assert {key: rejected[half][key] for key in skip["measured"][half]} == skip["measured"][half]


def test_every_record_of_the_hub_obeys_the_schema_of_its_kind(whole: Run) -> None:
    kinds = []
    for name, text in texts(whole).items():
        if name.endswith(".json") and not name.startswith("docs/figures/"):
            record = json.loads(text)
            schema.validate(record, record["kind"], name)
            kinds.append(record["kind"])
    assert {"run_manifest", "overlap_manifest", "training_manifest", "skip_summary", "model", "hub_index"} <= set(kinds)


@pytest.mark.parametrize("name", ["whole", "damaged", "diverged"])
def test_no_text_of_the_hub_holds_an_absolute_path(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    found = {file: text for file, text in texts(run).items() if not file.startswith(VERBATIM)}
    assert len(found) >= 10
    for file, text in found.items():
        assert ABSOLUTE_PATH.search(text) is None, file
        assert str(run.hub.parent) not in text, file


def test_the_bundle_and_the_figure_hold_no_path_of_the_machine(whole: Run) -> None:
    for folder in FOLDERS.values():
        for name in ("model.safetensors", "loss_curve.png"):
            assert str(whole.hub.parent).encode() not in (whole.hub / "real_run" / folder / name).read_bytes()


def test_the_hub_has_the_logs_of_the_phases(whole: Run) -> None:
    (made,) = [line for line in whole.log("phase_c_generation.log") if line.startswith("dose 1000: ")]
    assert "reused" not in made
    cells = [line for line in whole.log("phase_d_overlap.log") if line.startswith("dose 1000, ")]
    assert [line.split(": ")[1].split(",")[0] for line in cells] == ["accepted", "accepted", "REJECTED"]
    training = "\n".join(whole.log("training_cli_real_run.log"))
    assert all(key in training for key in (BASELINE, DENSE, f"skipped {SPARSE}: "))


@pytest.mark.parametrize("job", [BASELINE, DENSE])
def test_a_job_leaves_log_metrics_checkpoint_bundle_and_figure(whole: Run, job: str) -> None:
    folder, entry = whole.hub / "real_run" / FOLDERS[job], whole.entry(job)
    assert entry["artifact_dir"] == FOLDERS[job]
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.ckpt",
        "loss_curve.png",
        "metrics.csv",
        "model.json",
        "model.safetensors",
        "train.log",
    ]
    result = entry["result"]
    assert (folder / result["bundle_path"]).name == "model.safetensors"
    assert sha256(folder / "model.safetensors") == result["bundle_sha256"]
    assert (folder / "model.safetensors").stat().st_size == result["bundle_size_bytes"]
    assert (folder / "loss_curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert zipfile.is_zipfile(folder / "checkpoint.ckpt")
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        (epoch,) = csv.DictReader(file)
    assert float(epoch["train_loss"]) == pytest.approx(result["final_loss"], rel=1e-6)
    log = (folder / "train.log").read_text(encoding="utf-8").splitlines()
    assert f"{job}: " in log[0]
    assert names(log[-1], job, "success", "model.safetensors")


def test_datasets_are_removed_and_their_records_stay(whole: Run) -> None:
    assert whole.datasets() == []
    assert (whole.hub / "work" / "phase_c" / "run_manifest.json").is_file()
    assert (whole.hub / "work" / "phase_d" / "overlap_manifest.json").is_file()


def test_a_second_run_on_a_moved_hub_reuses_what_was_trained(damaged: Run, mended: Run) -> None:
    assert mended.entry(BASELINE) == damaged.entry(BASELINE)
    assert any(line.startswith(f"{BASELINE}: reused") for line in mended.log("training_cli_real_run.log"))
    bundles = [run.hub / "real_run" / FOLDERS[BASELINE] / "model.safetensors" for run in (damaged, mended)]
    assert sha256(bundles[0]) == sha256(bundles[1])
    assert len(mended.manifest["calls"]) == 2


def test_a_second_run_trains_what_failed_and_keeps_the_record_of_it(whole: Run, damaged: Run, mended: Run) -> None:
    assert mended.status == 0, mended.screen
    assert mended.outcomes() == ALL_GREEN
    assert mended.entry(DENSE)["earlier_results"] == [damaged.entry(DENSE)["result"]]
    assert mended.entry(DENSE)["result"]["bundle_sha256"] == whole.entry(DENSE)["result"]["bundle_sha256"]
    assert skip_reasons(mended) == skip_reasons(whole)


def test_datasets_that_are_kept_are_those_that_another_run_recorded(whole: Run, mended: Run) -> None:
    assert mended.datasets() == DATASETS
    for entry in whole.manifest["jobs"]:
        for record in entry["datasets"].values():
            assert sha256(mended.hub / "real_run" / record["path"]) == record["sha256"]


@pytest.mark.campaign
def test_two_processes_train_the_same_bundles_as_one(whole: Run, parallel: Run) -> None:
    assert parallel.status == 0, parallel.screen
    assert parallel.outcomes() == ALL_GREEN
    assert [without_times(entry) for entry in parallel.manifest["jobs"]] == [
        without_times(entry) for entry in whole.manifest["jobs"]
    ]
    for folder in FOLDERS.values():
        names = [run.hub / "real_run" / folder / "model.safetensors" for run in (whole, parallel)]
        assert sha256(names[0]) == sha256(names[1])
    assert skip_reasons(parallel) == skip_reasons(whole)


@pytest.mark.campaign
def test_two_processes_do_each_step_once(parallel: Run) -> None:
    made_c = [line for line in parallel.log("phase_c_generation.log") if line.startswith("dose 1000: ")]
    assert [line for line in made_c if "reused" not in line] == made_c[:1]
    made_d = [line for line in parallel.log("phase_d_overlap.log") if line.startswith("dose 1000, dense: ")]
    assert [line for line in made_d if "reused" not in line] == made_d[:1]
    for job, folder in FOLDERS.items():
        log = (parallel.hub / "real_run" / folder / "train.log").read_text(encoding="utf-8")
        assert log.count(f"{job}: success, ") == 1
        assert parallel.entry(job)["earlier_results"] == []
    assert len(parallel.manifest["calls"]) == 1


@pytest.mark.parametrize("name", ["diverged", pytest.param("parallel", marks=pytest.mark.campaign)])
def test_without_a_hub_the_screen_names_a_temporary_one(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    named = HUB_LINE.search(run.screen)
    assert named is not None
    assert named[1] == str(run.hub)
    assert f": {run.hub / 'real_run' / 'training_manifest.json'}\n" in run.screen
    assert run.hub.is_relative_to(run.cwd.parent / "cwd-tmp")
    assert list(run.cwd.iterdir()) == []
    assert (run.datasets() == []) is (run.status == 0)


def test_cells_that_k_leaves_out_are_not_selected_and_skips_are_reported(whole: Run, diverged: Run) -> None:
    reconstructions = {f"test_reconstruction[{BASELINE}-test-{name}]": "passed" for name in METHODS}
    reconstructions[f"test_reconstruction[{BASELINE}-test-pinn]"] = "skipped"
    others = {f"test_training[{BASELINE}]": "failed", f"test_comparison[{BASELINE}-test]": "passed"}
    assert diverged.outcomes() == others | reconstructions
    account = diverged.manifest["account"]
    assert (account["n_enumerated"], account["n_failed"], account["n_skipped"], account["n_not_selected"]) == (
        3,
        1,
        1,
        1,
    )
    assert diverged.manifest["not_selected"] == [{"dose": 1000.0, "view": "dense", "gridsize": 2}]
    assert [entry["job"] for entry in diverged.manifest["jobs"]] == [BASELINE]
    assert skip_reasons(diverged) == skip_reasons(whole)
    assert [skip["selected"] for skip in skips(diverged, "training_manifest.json")] == [False]
    assert accounts(diverged)[0] == [3, 0, 1, 0, 1, 1]


def test_a_reconstruction_alone_trains_what_it_needs_and_leaves_a_sound_hub(study_file: Path, tmp_path: Path) -> None:
    args = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "-k", f"{BASELINE}-test-pinn", *PLAIN)
    run = run_pytest(tmp_path / "cwd", *args, hub=tmp_path / "hub")
    assert run.outcomes() == {f"test_reconstruction[{BASELINE}-test-pinn]": "passed"}
    assert run.entry(BASELINE)["result"]["status"] == "success"
    assert verify_hub(run.hub) == []


def test_a_job_that_fails_is_a_failed_item_and_the_others_run(damaged: Run) -> None:
    assert damaged.status == 1
    without = f"test_reconstruction[{DENSE}-test-pinn]"
    assert damaged.outcomes() == ALL_GREEN | {f"test_training[{DENSE}]": "failed", without: "skipped"}
    result = damaged.entry(DENSE)["result"]
    assert (result["status"], result["bundle_path"], result["bundle_sha256"]) == ("failed", None, None)
    assert "dense_train.npz" in result["error"]
    assert result["error"] in damaged.items[f"test_training[{DENSE}]"].message
    assert f"failed {DENSE}: {result['error']}" in damaged.screen
    assert damaged.entry(BASELINE)["result"]["status"] == "success"
    account = damaged.manifest["account"]
    assert (account["n_success"], account["n_failed"], account["n_lost"]) == (1, 1, 0)
    schema.validate(damaged.manifest, "training_manifest", "training_manifest.json")


def test_a_network_that_was_not_trained_is_a_skip_with_the_reason_of_its_training(damaged: Run) -> None:
    cell = f"{DENSE}-test-pinn"
    (skip,) = [skip for skip in damaged.reconstructions["skipped"] if skip["view"] == "dense"]
    error = damaged.entry(DENSE)["result"]["error"]
    assert (skip["code"], skip["method"]) == ("no_trained_bundle", "pinn")
    assert names(skip["reason"], DENSE)
    assert skip["reason"].endswith(f": {error}")
    assert damaged.items[f"test_reconstruction[{cell}]"].message == skip["reason"]
    assert f"skipped {cell}: {skip['reason']}" in damaged.screen


def test_every_reconstruction_is_accounted_for(whole: Run) -> None:
    manifest = whole.reconstructions
    assert manifest["account"] == {
        "n_enumerated": 9,
        "n_success": 6,
        "n_failed": 0,
        "n_lost": 0,
        "n_skipped": 3,
        "n_not_selected": 0,
    }
    assert [9, 6, 0, 0, 3, 0] in accounts(whole)
    (of_training,) = skips(whole, "training_manifest.json")
    for skip in manifest["skipped"]:
        assert {key: skip[key] for key in of_training} == of_training
    log = "\n".join(whole.log("phase_f_reconstruction.log"))
    for entry in manifest["jobs"]:
        path = whole.hub / "real_run" / entry["result"]["reconstruction"]["path"]
        assert sha256(path) == entry["result"]["reconstruction"]["sha256"]
        assert f"{entry['job']}: success" in log


def reconstructed(run: Run) -> dict[str, str]:
    """Return the digest of each reconstruction's arrays."""
    return {entry["job"]: entry["result"]["arrays_sha256"] for entry in run.reconstructions["jobs"]}


def test_a_second_run_reconstructs_the_same(whole: Run, mended: Run) -> None:
    assert reconstructed(mended) == reconstructed(whole)


@pytest.mark.campaign
def test_two_processes_reconstruct_the_same_as_one_and_each_once(whole: Run, parallel: Run) -> None:
    assert reconstructed(parallel) == reconstructed(whole)
    assert all(entry["earlier_results"] == [] for entry in parallel.reconstructions["jobs"])
    assert len(parallel.reconstructions["calls"]) == 1


def test_reconstructions_that_k_leaves_out_are_not_selected(diverged: Run) -> None:
    manifest = diverged.reconstructions
    assert {cell["view"] for cell in manifest["not_selected"]} == {"dense"}
    assert [skip["selected"] for skip in manifest["skipped"] if skip["view"] == "sparse"] == [False] * len(METHODS)


def test_datasets_are_kept_when_a_job_fails(damaged: Run) -> None:
    assert damaged.datasets() == DATASETS


def test_a_training_that_diverges_fails_with_the_reason(diverged: Run) -> None:
    assert diverged.status == 1
    result = diverged.entry(BASELINE)["result"]
    assert (result["status"], result["bundle_path"]) == ("failed", None)
    assert re.search(r"\b(nan|inf)\b", result["error"])
    assert names(result["error"], 1, "learning_rate", 10)
    item = diverged.items[f"test_training[{BASELINE}]"]
    assert item.outcome == "failed"
    assert result["error"] in item.message
    log = (diverged.hub / "real_run" / FOLDERS[BASELINE] / "train.log").read_text(encoding="utf-8")
    assert result["error"] in log
    assert diverged.datasets() == DATASETS
