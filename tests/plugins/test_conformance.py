"""The conformance suite as a run of pytest: its exit status, and the record that it leaves in a hub."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub.judge import judge_hub
from ptyproof.conformance.checks import CHECKS
from ptyproof.conformance.exceptions import WITHOUT_EXCEPTION, declared_exceptions
from ptyproof.errors import InputError
from ptyproof.reconstruction.flat import Flat
from ptyproof.records.manifest import read_manifest
from tests.helpers.runs import Run, run_pytest

if TYPE_CHECKING:
    from ptyproof_schemas.types.conformance import Conformance

SUITE = ("--pyargs", "pytest_ptyproof.conformance", "-p", "no:cacheprovider")
GUESTS = """\
import os
from ptyproof.reconstruction.flat import Flat

class Mine(Flat):
    name = "mine"
    conformance_exceptions = {**Flat.conformance_exceptions, "seconds": "no longer so"}

class Absent(Flat):
    name = "absent"

    def unavailable(self):
        return "absent needs a package that is not installed"

class Wrong(Flat):
    name = "wrong"

    def reconstruct(self, dataset, budget, rng):
        if dataset.window[0] % 2:
            raise ValueError("odd")
        return super().reconstruct(dataset, budget, rng)

class Fatal(Flat):
    name = "fatal"

    def reconstruct(self, dataset, budget, rng):
        if dataset.window[0] % 2:
            os._exit(0)
        return super().reconstruct(dataset, budget, rng)

def ptyproof_register_methods():
    return [Mine, Absent, Wrong, Fatal]
"""


def of(*names: str) -> list[str]:
    """Return the options that name methods."""
    return [f"--ptyproof-method={name}" for name in names]


def record(hub: Path, name: str) -> Conformance:
    return read_manifest(hub / "conformance" / f"{name}.json", "conformance")


def outcomes(found: Conformance) -> dict[str, str]:
    return {check["check"]: check["outcome"] for check in found["checks"]}


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole suite on the flat object, with a hub."""
    folder = tmp_path_factory.mktemp("flat")
    return run_pytest(folder / "empty", *SUITE, *of("flat"), hub=folder / "hub")


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The suite on methods of a conftest file: one with a stale exception, one that is not there, and a wrong one."""
    folder = tmp_path_factory.mktemp("guests")
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text(GUESTS, encoding="utf-8")
    words = ("--rootdir=.", "--confcutdir=.", *of("mine", "absent", "wrong"))
    return run_pytest(folder / "tests", *SUITE, *words, hub=folder / "hub")


def test_the_flat_object_passes_with_its_exceptions(flat: Run) -> None:
    assert flat.status == 0, flat.screen
    assert len(flat.items) == len(CHECKS)
    found = record(flat.hub, "flat")
    assert found["status"] == "exceptions"
    assert {name for name, outcome in outcomes(found).items() if outcome == "exception"} == set(
        Flat.conformance_exceptions
    )
    assert all(check["duration_s"] is not None for check in found["checks"])
    assert found["account"]["n_checks"] == len(CHECKS)
    assert found["provider"] is not None


def test_record_and_page_are_in_a_sound_hub(flat: Run) -> None:
    assert judge_hub(flat.hub).findings == []
    assert check_manifest(flat.hub / "conformance" / "flat.json").findings == ()
    assert "(../conformance/flat.html) | exceptions |" in (flat.hub / "docs" / "summary.md").read_text(encoding="utf-8")
    page = (flat.hub / "conformance" / "flat.html").read_text(encoding="utf-8")
    assert all(check in page for check in CHECKS)
    assert page.count('class="state exception"') == len(Flat.conformance_exceptions)
    assert page.count('class="state exceptions"') == 1


@pytest.mark.parametrize(
    "words", [("-k", "place or dose"), ("-x", "--deselect", "test_method.py::test_method[flat-seconds]")]
)
def test_a_part_of_the_suite_is_incomplete_also_after_a_whole_one(
    words: tuple[str, ...], flat: Run, tmp_path: Path
) -> None:
    shutil.copytree(flat.hub, tmp_path / "hub")
    run = run_pytest(tmp_path / "empty", *SUITE, *of("flat"), *words, hub=tmp_path / "hub")
    assert run.status == 0, run.screen
    found = record(run.hub, "flat")
    assert found["status"] == "incomplete"
    assert found["account"]["n_not_run"] == len(CHECKS) - len(run.items)


def test_methods_that_do_not_pass_leave_records_that_say_so(guests: Run) -> None:
    assert guests.status == 1, guests.screen
    mine, absent, wrong = (record(guests.hub, name) for name in ("mine", "absent", "wrong"))
    assert (mine["status"], absent["status"], wrong["status"]) == ("failed", "incomplete", "failed")
    assert outcomes(mine)["seconds"] == "stale"
    assert mine["account"]["n_failed"] == 0
    assert set(outcomes(absent).values()) == {"skipped"}
    # a crash is no known failure, also where one is declared
    assert outcomes(wrong)["odd_window"] == "failed"
    assert outcomes(wrong)["even_window"] == "exception"
    assert {finding.code for finding in judge_hub(guests.hub).findings} == {"PM717"}


def test_options_of_pytest_make_no_exception_a_pass(flat: Run, tmp_path: Path) -> None:
    run = run_pytest(tmp_path / "empty", *SUITE, *of("flat"), "--runxfail", "-k", "place", hub=tmp_path / "hub")
    assert outcomes(record(run.hub, "flat"))["place"] == "exception"


def test_a_run_that_dies_leaves_no_record_of_an_earlier_one(flat: Run, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(GUESTS, encoding="utf-8")
    words = ("--rootdir=.", "--confcutdir=.", *of("fatal"))
    run_pytest(tmp_path / "tests", *SUITE, *words, hub=tmp_path / "hub")
    found = record(tmp_path / "hub", "fatal")
    assert found["status"] == "incomplete"
    assert set(outcomes(found).values()) == {"not_run"}
    assert any(finding.severity == "error" for finding in judge_hub(tmp_path / "hub").findings)


@pytest.mark.campaign
def test_processes_share_a_record(tmp_path: Path) -> None:
    words = (*SUITE, *of("flat"), "-p", "xdist", "-n", "2")
    run = run_pytest(tmp_path / "empty", *words, hub=tmp_path / "hub")
    assert run.status == 0, run.screen
    assert record(run.hub, "flat")["status"] == "exceptions"


def test_a_record_under_the_name_of_another_method_is_found(flat: Run, tmp_path: Path) -> None:
    shutil.copytree(flat.hub, tmp_path / "hub")
    (tmp_path / "hub" / "conformance" / "flat.json").rename(tmp_path / "hub" / "conformance" / "mine.json")
    assert "PM903" in {finding.code for finding in judge_hub(tmp_path / "hub").findings}


def test_a_record_that_cannot_be_written_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "conformance").touch()
    run = run_pytest(tmp_path / "empty", *SUITE, *of("flat"), "-k", "seconds", hub=tmp_path / "hub")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.screen
    assert "Traceback" not in run.screen


@pytest.mark.parametrize("words", [(), ("--ptyproof-method=no-such",)])
def test_no_method_or_an_unknown_one_is_refused(words: tuple[str, ...], in_folder: Callable[..., Run]) -> None:
    run = in_folder(*SUITE, *words)
    assert run.status != 0
    assert "--ptyproof-method" in run.screen


@pytest.mark.parametrize(
    "declared",
    [["place"], {"no_such_check": "why"}, {"place": ""}, {"place": 3}, *({name: "why"} for name in WITHOUT_EXCEPTION)],
)
def test_an_impossible_exception_is_refused(declared: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flat, "conformance_exceptions", declared)
    with pytest.raises(InputError, match="flat"):
        declared_exceptions(Flat())
