"""`pytest -m real_run --ptyproof-certify`: the hub has a certificate, from trainings in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.layout import CERTIFICATE
from ptyproof.io import schema
from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, STUDY_AS_TESTS, Run, run_pytest


@pytest.fixture(
    scope="module",
    params=[("-p", "forked_certificate"), pytest.param((), marks=pytest.mark.campaign)],
    ids=["forks", "fresh"],
)
def certified(study_file: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Run:
    """The baseline's cell alone, trained and certified."""
    root = tmp_path_factory.mktemp("certified")
    args = (
        *request.param,
        *STUDY_AS_TESTS,
        f"--ptyproof-study={study_file}",
        "--ptyproof-certify",
        "-k",
        f"{BASELINE} and (training or certificate)",
    )
    return run_pytest(root / "cwd", *args, "-W", "error", hub=root / "hub")


def test_a_cell_is_certified_beside_its_training(certified: Run) -> None:
    assert certified.status == 0, certified.screen
    assert certified.outcomes() == {
        f"test_training[{BASELINE}]": "passed",
        f"test_certificate[{BASELINE}]": "passed",
    }
    record = json.loads((certified.hub / CERTIFICATE).read_text(encoding="utf-8"))
    schema.validate(record, "certificate", CERTIFICATE)
    (attempt,) = record["attempts"]
    assert (attempt["job"], attempt["mode"], attempt["status"]) == (BASELINE, "twice", "reproduced")
    assert attempt["recorded_bundle"] == {"sha256": certified.entry(BASELINE)["result"]["bundle_sha256"]}
    assert {run["bundle_sha256"] for run in attempt["trainings"]} == {attempt["recorded_bundle"]["sha256"]}


def test_the_hub_is_sound_and_its_summary_shows_the_certificate(certified: Run) -> None:
    assert verify_hub(certified.hub) == []
    text = (certified.hub / "docs" / "summary.md").read_text(encoding="utf-8")
    assert any(names(line, BASELINE, "twice", "reproduced", 1, 2) for line in text.splitlines())
    assert list(certified.cwd.iterdir()) == []


def test_without_the_option_nothing_of_it_is_collected(in_folder: Callable[..., Run]) -> None:
    run = in_folder("--pyargs", "pytest_ptyproof.real_run", "-m", "real_run", "--collect-only", "-q")
    assert "test_training" in run.screen
    assert "test_certificate" not in run.screen


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--ptyproof-certify-mode=resume"], ["--ptyproof-certify-mode", "--ptyproof-certify"]),
        (["--ptyproof-certify-epochs=2"], ["--ptyproof-certify-epochs", "--ptyproof-certify"]),
        (
            ["--ptyproof-certify", "--ptyproof-certify-mode=once"],
            ["--ptyproof-certify-mode", "twice, resume", "'once'"],
        ),
        (["--ptyproof-certify", "--ptyproof-certify-epochs=0"], ["--ptyproof-certify-epochs", ">= 1", 0]),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: list[str], parts: list[object], in_folder: Callable[..., Run]
) -> None:
    run = in_folder(*options)
    assert run.status == 4
    (sentence,) = [line for line in run.screen.splitlines() if line]
    assert names(sentence, "ERROR: ", *parts)
