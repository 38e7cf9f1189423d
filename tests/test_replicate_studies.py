"""The study files of the replicates: they differ in their seeds alone, and the first one has those of the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import replicates
from ptyproof.study.builtin import builtin_study
from ptyproof.study.toml_form import load_study
from ptyproof.tables.hubs import without_seeds


def test_replicates_differ_in_all_seeds_but_that_of_the_object(tmp_path: Path) -> None:
    assert replicates.main(["fly64-groups", "--replicates", "3", "--out", str(tmp_path)]) == 0
    designs = [load_study(str(path)).as_dict() for path in sorted(tmp_path.glob("*.toml"))]
    assert len(designs) == 3
    assert without_seeds(designs[0]) == without_seeds(designs[1]) == without_seeds(designs[2])
    assert designs[0]["base"] == designs[1]["base"]
    for key in ("simulation", "grouping", "subsampling"):
        assert len({design["seeds"][key] for design in designs}) == 3
    for part in ("training", "reconstruction"):
        assert len({design[part]["seed"] for design in designs}) == 3


def test_the_first_replicate_is_the_study_with_more_methods() -> None:
    study = builtin_study("fly64-groups")
    first = replicates.replicate(replicates.with_methods(study), 1)
    assert first.digest() == study.digest()
    assert [method.name for method in first.reconstruction.methods] == list(replicates.METHODS)
    own = {method.name: method for method in first.reconstruction.methods}
    assert [own[method.name] for method in study.reconstruction.methods] == list(study.reconstruction.methods)


def test_no_replicate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        replicates.main(["fly64", "--replicates", "0", "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert list(tmp_path.iterdir()) == []
