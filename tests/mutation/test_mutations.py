"""What the project writes passes, and a random change of it is found: counted over mutations of real manifests."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from ptyproof.checking import check_manifest
from tests.helpers.mutations import mutate
from tests.helpers.phases import Phase
from tests.mutation.explained import explanation
from tests.mutation.measure import measure, report

COUNT = 200


@pytest.fixture(scope="module")
def study(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the smoke study's folders, with every file that its manifests name."""
    root = tmp_path_factory.mktemp("mutated").resolve() / "study"
    for phase in (smoke_c, smoke_d, smoke_e):
        shutil.copytree(phase.root, root / phase.root.name)
    return root


def test_every_manifest_of_the_smoke_study_passes(study: Path) -> None:
    manifests = sorted(study.glob("**/*.json"))
    assert len(manifests) > 30
    for path in manifests:
        checked = check_manifest(path, home=study)
        assert checked.kind is not None, path
        assert [str(finding) for finding in checked.findings] == []
        assert [str(finding) for finding in check_manifest(path).findings] == []  # alone, without other folders


def test_random_changes_are_found(study: Path) -> None:
    before = {path: path.read_bytes() for path in study.glob("**/*.json")}
    tally = measure(study, COUNT, seed=20)
    print(*report(tally), sep="\n")
    assert before == {path: path.read_bytes() for path in study.glob("**/*.json")}
    assert tally.n == COUNT
    assert tally.rate >= 0.95
    assert tally.rate_of_findable >= 0.98


def test_the_measurement_can_fail(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutation.measure.findings_of", lambda *_: set())
    tally = measure(study, 50, seed=0)
    assert (tally.found, tally.rate_of_findable) == (0, 0.0)
    assert tally.missed.total() > 25


def test_a_mutation_says_something_else(study: Path) -> None:
    text = (study / "c" / "run_manifest.json").read_text()
    rng = random.Random(0)
    names = set()
    for _ in range(100):
        mutation = mutate(json.loads(text), text, rng)
        names.add(mutation.name)
        try:
            assert json.dumps(json.loads(mutation.text)) != json.dumps(json.loads(text)) or "repeat" in mutation.name
        except ValueError:
            assert mutation.name in ("cut", "change a character")
    assert len(names) > 10


@pytest.mark.parametrize("place", ["$.jobs[*].result.final_loss", "$.account.n_success", "in the line of dose"])
def test_what_a_manifest_is_there_for_is_explained_by_nothing(place: str) -> None:
    assert explanation(place) is None
