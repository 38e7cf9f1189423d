"""An error for one door of the judge is an error for all: random changes of a hub's manifests, which the index has.

After each change the index is written again as its program would have written it for the changed file, so that only
what the manifests say is left to find.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ptyproof.checking import Finding, check_manifest
from ptyproof.checking import judge as run
from ptyproof.checking.hub import judge_hub
from ptyproof.cli import main
from ptyproof.console import Console
from ptyproof.hub.index import INDEX, own_digest
from ptyproof.io.file_digests import FileDigests
from ptyproof.io.hashing import sha256_bytes
from ptyproof.io.strict_json import format_json
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions
from tests.helpers.hubs import make_hub
from tests.helpers.mutations import mutate
from tests.helpers.phases import Phase

COUNT = 60
BY_COMMAND = 6
WEIGHTS = {"training_manifest.json": 6, "overlap_manifest.json": 4, "reconstruction_manifest.json": 4, "hub.json": 3}
ZEROS = "0" * 64


@pytest.fixture(scope="module")
def hub(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound hub with the manifests of all phases, and datasets."""
    hub = make_hub(tmp_path_factory.mktemp("judged") / "hub", smoke_c, smoke_d, smoke_e)
    folder = RunFolder(hub.root)
    phase = ReconstructionPhase.opened(
        folder.phase_c_root, folder.phase_d_root, folder.real_run, RunOptions("cpu", threads=1)
    )
    filters = ReconstructionFilters(JobFilters(doses=(1e3,)), methods=("flat", "pinn"))
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    run_comparison(open_comparison(folder.real_run, figures=False))
    hub.write(lambda: write_summary(hub.root))
    return hub.root.resolve()


def errors(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    """Return code and JSON path of the errors."""
    return {(finding.code, finding.json_path) for finding in findings if finding.severity == "error"}


def indexed(text: str, name: str, content: bytes) -> str:
    """Return an index that has a file with other content, and its own digest again."""
    index = json.loads(text)
    for record in index["files"]:
        if record["path"] == name:
            record |= {"sha256": sha256_bytes(content), "size_bytes": len(content)}
    return with_digest(format_json(index | {"index_sha256": ZEROS}))


def with_digest(text: str) -> str:
    """Return the text of an index with its own digest, if there is a place for it."""
    try:
        said = json.loads(text)["index_sha256"]
        return text.replace(said, own_digest(text, said), 1) if len(said) == 64 else text
    except (KeyError, TypeError, ValueError, RecursionError):
        return text


def every_change(hub: Path, count: int, seed: int, then: Callable[[Path], None]) -> None:
    """Change a random manifest of the hub `count` times, with the index following, and put it back."""
    paths = sorted(hub.rglob("*.json"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    weights = [WEIGHTS.get(path.name, 1) for path in paths]
    rng, index = random.Random(seed), hub / INDEX
    for _ in range(count):
        (path,) = rng.choices(paths, weights)
        text = mutate(json.loads(texts[path]), texts[path], rng).text
        try:
            if path == index:
                index.write_text(with_digest(text), encoding="utf-8")
            else:
                path.write_text(text, encoding="utf-8")
                index.write_text(indexed(texts[index], path.relative_to(hub).as_posix(), path.read_bytes()))
            then(path)
        finally:
            path.write_text(texts[path], encoding="utf-8")
            index.write_text(texts[index], encoding="utf-8")


@pytest.fixture
def agree(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Fail unless a file of the hub alone, and the hub as a whole, are judged alike."""
    monkeypatch.setattr(run, "UPSETTING", ())  # what upsets a check is to be seen
    digests = FileDigests()

    def judged_alike(path: Path) -> None:
        alone = errors(check_manifest(path, digests=digests).findings)
        judged = judge_hub(hub, digests=digests)
        name = path.relative_to(hub).as_posix()
        in_hub = errors(finding for checked in judged.manifests for finding in checked.findings if checked.file == name)
        if name == INDEX:
            # of the hub as a whole, what is wrong with a file of the index is said of that file
            alone = {(code, place) for code, place in alone if not place.startswith("$.files")} or alone
            assert bool(alone) <= bool(judged.errors)
            in_hub |= errors(judged.own)
        assert alone == in_hub or (name == INDEX and (alone <= in_hub or judged.errors)), (name, alone ^ in_hub)
        shown = {finding for checked in judged.by_file() for finding in checked.findings}
        assert len({(f.code, f.json_path, f.message) for f in shown}) == len(
            {(f.code, f.json_path, f.message) for f in judged.findings}
        )

    return judged_alike


def test_the_hub_is_sound(hub: Path) -> None:
    assert [str(finding) for finding in judge_hub(hub).findings] == []
    assert {path.name for path in hub.rglob("*.json")} >= WEIGHTS.keys()


def test_a_change_that_the_index_follows_is_judged_alike(hub: Path, agree: Callable[[Path], None]) -> None:
    every_change(hub, COUNT, 0, agree)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 5))
def test_2000_changes_are_judged_alike(hub: Path, agree: Callable[[Path], None], seed: int) -> None:
    every_change(hub, 500, seed, agree)


def test_both_commands_and_the_file_alone_end_alike(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = set()

    def ends_alike(path: Path) -> None:
        whole = main(["check", str(hub)])
        assert main(["hub", "verify", str(hub)]) == min(whole, 1)
        assert main(["check", str(path)]) <= whole
        seen.add(whole)
        capsys.readouterr()

    every_change(hub, BY_COMMAND, 5, ends_alike)
    assert 1 in seen
    assert main(["check", str(hub)]) == main(["hub", "verify", str(hub)]) == 0
