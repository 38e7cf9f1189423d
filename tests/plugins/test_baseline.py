"""`--ptyproof-baseline OLD_HUB`: tests of cells that got worse fail, and the hub says what it was held against."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.io.hashing import sha256_file
from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, DENSE, DIVERGING, PLAIN, STUDY_AS_TESTS, TINY, Run, run_pytest
from tests.helpers.sharing import made_once

InFolder = Callable[..., Run]
# two steps of this size spoil the network, and its numbers stay finite
SPOILED = TINY.replace("steps_per_epoch = 2\n", "steps_per_epoch = 2\nlearning_rate = 0.5\n")


def run_against(baseline: Path, root: Path, study: str, *args: str) -> Run:
    """Run the cell `baseline` of a study as tests, held against a hub."""
    file = root / "study.toml"
    file.write_text(study, encoding="utf-8")
    options = (f"--ptyproof-study={file}", f"--ptyproof-baseline={baseline}", "-k", "baseline", *PLAIN)
    return run_pytest(root / "cwd", *STUDY_AS_TESTS, *options, *args, hub=root / "hub")


@pytest.fixture(scope="module")
def spoiled(whole: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose network is worse than that of the baseline."""
    return made_once(tmp_path_factory, "spoiled", lambda root: run_against(whole.hub, root, SPOILED))


def outcomes(run: Run, test: str) -> dict[str, str]:
    """Return the outcome of each item of a test, by its cell."""
    return {name[len(test) + 1 : -1]: item.outcome for name, item in run.items.items() if name.startswith(f"{test}[")}


def test_items_whose_cell_got_worse_fail_in_one_sentence_with_both_values(whole: Run, spoiled: Run) -> None:
    assert outcomes(spoiled, "test_training") == {BASELINE: "failed"}
    assert outcomes(spoiled, "test_reconstruction") == {
        f"{BASELINE}-test-{method}": "passed" for method in ("flat", "pinn", "lsqml")
    }, {name: item.message for name, item in spoiled.items.items()}
    assert outcomes(spoiled, "test_comparison") == {f"{BASELINE}-test": "failed"}
    old, new = (run.entry(BASELINE)["scores"] for run in (whole, spoiled))
    message = spoiled.items[f"test_training[{BASELINE}]"].message
    assert any(
        names(message, BASELINE, whole.hub.name, f"{old[metric]['network']:.5g}", f"{new[metric]['network']:.5g}")
        for metric in ("poisson_loss", "complex_error")
    )
    assert names(spoiled.items[f"test_comparison[{BASELINE}-test]"].message, "pinn", f"{BASELINE}-test", whole.hub.name)
    assert spoiled.status == pytest.ExitCode.TESTS_FAILED


def test_the_hub_says_what_the_run_was_held_against(whole: Run, spoiled: Run) -> None:
    (run,) = json.loads((spoiled.hub / "hub.json").read_text())["runs"]
    assert run["baseline"] == {
        "name": whole.hub.name,
        "index_sha256": sha256_file(whole.hub / "hub.json"),
        "tolerance": 0.02,
        "outcome": run["baseline"]["outcome"],
    }
    outcome = run["baseline"]["outcome"]
    assert {one["result"] for one in outcome["changes"] if one["outcome"] == "worse"} >= {
        f"{BASELINE}-training",
        f"{BASELINE}-test-pinn",
    }
    assert outcome["n_level"] == 2  # flat and lsqml
    shown = [f"{outcome[f'n_{word}']} {word}" for word in ("worse", "better", "level")]
    for name in ("summary.md", "report.html"):
        text = (spoiled.hub / "docs" / name).read_text(encoding="utf-8")
        assert all(value in text for value in (*shown, whole.hub.name, run["baseline"]["index_sha256"][:16])), name
    (earlier,) = json.loads((whole.hub / "hub.json").read_text())["runs"]
    assert "baseline" not in earlier
    assert verify_hub(spoiled.hub) == []
    assert names(spoiled.screen, "ptyproof: baseline", run["baseline"]["index_sha256"][:12])


def test_the_own_failure_comes_first_and_a_cell_that_is_skipped_now_fails(whole: Run, tmp_path: Path) -> None:
    run = run_against(whole.hub, tmp_path, DIVERGING)
    own = run.items[f"test_training[{BASELINE}]"]
    assert (own.outcome, whole.hub.name in own.message) == ("failed", False)
    skipped = run.items[f"test_reconstruction[{BASELINE}-test-pinn]"]
    assert skipped.outcome == "failed"
    assert names(skipped.message, f"{BASELINE}-test-pinn", "success", "skipped", whole.hub.name)
    assert outcomes(run, "test_reconstruction")[f"{BASELINE}-test-lsqml"] == "passed"
    assert run.items[f"test_comparison[{BASELINE}-test]"].outcome == "failed"
    assert [finding for finding in verify_hub(run.hub) if finding.severity == "error"] == []


def test_a_cell_that_the_scan_cannot_give_any_more_fails(whole: Run, tmp_path: Path) -> None:
    too_sparse = TINY.replace("overlap_fraction = 0.7", "overlap_fraction = 0.2")
    run = run_against(whole.hub, tmp_path, too_sparse, "-k", "dense and (training or flat)")
    assert outcomes(run, "test_training") == {DENSE: "failed"}
    assert outcomes(run, "test_reconstruction") == {f"{DENSE}-test-flat": "failed"}
    (skip,) = [skip for skip in run.reconstructions["skipped"] if (skip["view"], skip["method"]) == ("dense", "flat")]
    message = run.items[f"test_reconstruction[{DENSE}-test-flat]"].message
    assert names(message, f"{DENSE}-test-flat", "success", "skipped", whole.hub.name)
    assert skip["reason"] in message


@pytest.mark.parametrize(
    "processes", [[], pytest.param(["-p", "xdist", "-n", "2"], marks=pytest.mark.campaign)], ids=["one", "two"]
)
def test_nothing_fails_that_is_as_good(processes: list[str], whole: Run, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(whole.hub, hub)
    run = run_against(whole.hub, tmp_path, TINY, "--ptyproof-tolerance=0", *processes)
    assert run.status == 0, run.screen
    assert set(run.outcomes().values()) == {"passed"}
    *_, last = json.loads((hub / "hub.json").read_text())["runs"]
    assert last["baseline"]["tolerance"] == 0


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--ptyproof-baseline=nowhere"], ["--ptyproof-baseline", "nowhere"]),
        (["--ptyproof-baseline=damaged"], ["damaged", "not sound"]),
        (["--ptyproof-baseline=old", "--artifact-hub=old"], ["--ptyproof-baseline", "old"]),
        (["--ptyproof-baseline=old", "--ptyproof-tolerance=1"], ["--ptyproof-tolerance", 1]),
        (["--ptyproof-tolerance=0.1"], ["--ptyproof-tolerance", "--ptyproof-baseline"]),
        (["--ptyproof-baseline=old", "--ptyproof-study=other.toml"], ["old", "tiny", "other"]),
    ],
)
def test_a_baseline_that_cannot_be_meant_is_refused_before_anything_runs(
    options: list[str], parts: list[object], whole: Run, pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    pytester.makepyfile("def test_it(): pass")
    shutil.copytree(whole.hub, pytester.path / "old")
    shutil.copytree(whole.hub, pytester.path / "damaged")
    (pytester.path / "damaged" / "docs" / "summary.md").write_text("nicer")
    study = TINY.replace('"tiny"', '"other"').replace("[1000.0]", "[500.0]")
    (pytester.path / "other.toml").write_text(study)
    (pytester.path / "tiny.toml").write_text(TINY)
    if not any("study" in option for option in options):
        options = [*options, "--ptyproof-study=tiny.toml"]
    before = (pytester.path / "old" / "hub.json").read_bytes()
    run = in_folder(*options)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert names(sentence, *parts)
    assert run.items == {}
    assert (pytester.path / "old" / "hub.json").read_bytes() == before
