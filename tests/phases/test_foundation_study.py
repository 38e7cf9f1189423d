"""A study with the method `foundation`: its records say which bundle, and another bundle is another result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.console import Console
from ptyproof.io.hashing import sha256_file
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.training.device import RunOptions
from tests.helpers.experiments import FLAWED
from tests.helpers.foundation import DESIGN, write_shared_bundle
from tests.helpers.whole_study import Made, run

NAME = "nets/foundation.safetensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    root = tmp_path_factory.mktemp("study")
    (root / "nets").mkdir()
    write_shared_bundle(root / "nets")
    methods = (MethodDesign("start"), MethodDesign("foundation", options={"bundle": NAME}))
    design = replace(FLAWED, name="with-foundation", reconstruction=replace(FLAWED.reconstruction, methods=methods))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield run(design, root)


def jobs(manifest: Any) -> list[Any]:
    return [job for job in manifest["jobs"] if job["method"] == "foundation"]


def test_every_cell_has_a_result_whose_record_names_the_bundle(made: Made) -> None:
    digest = sha256_file(made.root / NAME)
    found = jobs(made.manifests["f"])
    assert len(found) == len(FLAWED.views)
    assert {job["result"]["status"] for job in found} == {"success"}
    assert [job["options"] for job in found] == [{"bundle": NAME, "bundle_sha256": digest}] * len(found)
    assert {job["needs_training"] for job in found} == {False}


def test_it_is_told_what_the_study_tells(made: Made) -> None:
    told = {job["view"]: job["dataset"].get("told", []) for job in jobs(made.manifests["f"])}
    assert [view for view, words in told.items() if "mask" in words] == ["gap"]


def test_the_protocol_of_a_table_has_the_digest_of_the_bundle(made: Made) -> None:
    digest = sha256_file(made.root / NAME)
    protocols = made.manifests["g"]["protocols"]
    settings = [parts["parts"]["methods"]["foundation"]["options"] for parts in protocols]
    assert settings
    assert all(options["bundle_sha256"] == digest for options in settings)


def test_another_bundle_is_another_result(made: Made) -> None:
    before = {job["job"]: job for job in jobs(made.manifests["f"])}
    write_shared_bundle(_emptied(made.root / "nets"), replace(DESIGN, seed=5))
    phase = ReconstructionPhase.opened(
        made.root / "c", made.root / "d", made.root / "e", RunOptions(accelerator="cpu", threads=1)
    )
    phase.run(phase.enumerate(), ReconstructionFilters(methods=("foundation",)), False, Console.silent())
    digest = sha256_file(made.root / NAME)
    for job in jobs(phase.ledger.read()):
        assert job["options"]["bundle_sha256"] == digest
        assert job["result"]["arrays_sha256"] != before[job["job"]]["result"]["arrays_sha256"]


def _emptied(folder: Path) -> Path:
    for path in folder.iterdir():
        path.unlink()
    return folder
