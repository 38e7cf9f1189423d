"""Options of methods and of `ptyproof reconstruct`: used, recorded, or refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.errors import DesignError
from ptyproof.methods.registry import SHIPPED
from ptyproof.reconstruction.options import Option
from ptyproof.records.archive import read_archive
from ptyproof.study.builtin import builtin_study
from ptyproof.study.reconstruction import MethodDesign
from tests.helpers.messages import names, naming
from tests.helpers.reconstruction_runs import (
    Mine,
    entry,
    ones,
    phase_of,
    run,
)

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")


class Leveled(Mine):
    """A method of a test with an option."""

    options = {"level": Option(1.0, low=0.0)}  # noqa: RUF012

    def configured(self, options: Mapping[str, Any]) -> Mine:
        return Leveled(self.name, lambda scan: replace(ones(scan), obj=ones(scan).obj * np.float32(options["level"])))


def test_the_options_that_were_used_are_recorded_and_make_another_recipe(root: Path) -> None:
    found = []
    for options in ({}, {"level": 2}):
        design = builtin_study("fly64-smoke")
        methods = (MethodDesign("leveled", options=options),)
        study = replace(design, reconstruction=replace(design.reconstruction, methods=methods))
        manifest = run(phase_of(root, Leveled("leveled", ones), design=study), "leveled")
        found.append(entry(manifest, "leveled"))
    assert [job["options"] for job in found] == [{"level": 1.0}, {"level": 2.0}]
    assert len({job["result"]["recipe_sha256"] for job in found}) == 2
    last = read_archive(root / "e" / found[-1]["result"]["reconstruction"]["path"])
    assert last.record["options"] == {"level": 2.0}
    assert np.all(last.obj == 2)


@pytest.mark.parametrize("tuning", [{}, {"budget_share": (0.4, 0.9)}], ids=["given", "chosen"])
def test_a_method_that_spends_a_part_of_its_budget_has_a_sound_record(root: Path, tuning: Any) -> None:
    design = builtin_study("fly64-smoke")
    options = {"weight": 5.0} | ({} if tuning else {"budget_share": 0.5})
    methods = (MethodDesign("map-tv", epochs=10, options=options, tuning=tuning),)
    study = replace(design, reconstruction=replace(design.reconstruction, methods=methods))
    result = entry(run(phase_of(root, design=study), "map-tv"), "map-tv")["result"]
    share = result["tuning"]["chosen"]["budget_share"] if tuning else 0.5
    assert (result["iterations"], result["stopped_by"]) == (round(10 * share), None)
    assert main(["check", str(root / "e" / "reconstruction_manifest.json")]) == 0


def test_what_was_tried_and_chosen_is_recorded_and_checked(root: Path) -> None:
    design = builtin_study("fly64-smoke")
    methods = (MethodDesign("leveled", tuning={"level": (0.1, 0.75, 30.0)}),)
    study = replace(design, reconstruction=replace(design.reconstruction, methods=methods))
    manifest = run(phase_of(root, Leveled("leveled", ones), design=study), "leveled")
    job = entry(manifest, "leveled")
    assert (job["options"], job["tuning"]) == ({}, {"level": [0.1, 0.75, 30.0]})
    tuning = job["result"]["tuning"]
    assert [trial["options"]["level"] for trial in tuning["trials"]] == [0.75, 0.1, 30.0]
    assert tuning["chosen"] == {"level": 0.75}
    assert [step["step"] for step in job["result"]["timing"]["steps"]] == ["tuning", "reconstruction"]
    last = read_archive(root / "e" / job["result"]["reconstruction"]["path"])
    assert (last.record["options"], last.record["chosen"]) == ({}, {"level": 0.75})
    assert np.all(last.obj == np.float32(0.75))
    path = root / "e" / "reconstruction_manifest.json"
    assert main(["check", str(path)]) == 0
    changed = json.loads(path.read_text())
    changed["jobs"][0]["result"]["tuning"]["chosen"]["level"] = 0.1
    path.write_text(json.dumps(changed))
    assert main(["check", str(path)]) == 1


def test_an_option_that_the_method_has_not_writes_nothing(root: Path) -> None:
    design = builtin_study("fly64-smoke")
    methods = (MethodDesign("flat", options={"level": 2}),)
    with pytest.raises(DesignError, match=naming("reconstruction.methods.flat.options.level")):
        phase_of(root, design=replace(design, reconstruction=replace(design.reconstruction, methods=methods)))
    assert not (root / "e" / "reconstruction_manifest.json").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--method", "nope"], ("--method", ", ".join(sorted(SHIPPED)), "'nope'")),
        (["--split", "all"], ("--split", "train, test", "'all'")),
        (["--budget", "0"], ("--budget 0", 1000000)),
        (["--budget", "0s"], ("--budget 0s", "1e+06")),
        (["--budget", "some"], ("--budget", 20, "30s", "'some'")),
        (["--format", "tiff"], ("--format", "npz, ptychodus", "'tiff'")),
        (["--dose", "5"], ("--dose", 1000)),
        (["--view", "none"], ("--view", "baseline, dense, sparse", "'none'")),
    ],
)
def test_bad_options_are_refused_and_nothing_is_written(
    trained: Path, tmp_path: Path, options: list[str], named: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    roots = ["--phase-c-root", trained / "c", "--phase-d-root", trained / "d", "--artifact-root", tmp_path / "f"]
    assert main(["reconstruct", *map(str, roots), *options]) == 2
    assert names(capsys.readouterr().err, *named)
    assert not (tmp_path / "f").exists()


def test_a_dry_run_writes_nothing(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = ["--phase-c-root", trained / "c", "--phase-d-root", trained / "d", "--artifact-root", tmp_path / "f"]
    assert main(["reconstruct", *map(str, roots), "--dose", "1000", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert names(said, "dose1000-dense-gs2-test-lsqml", "dose1000-dense-gs2-test, pinn, pinn+lsqml: ")
    assert not (tmp_path / "f").exists()
