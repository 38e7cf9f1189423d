"""`ptyproof hub merge`: the union of the parts of a hub is the hub, whole or not at all."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RECONSTRUCTION, RUN, SKIPS, TRAINING
from ptyproof.io.hashing import sha256_file
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from ptyproof.study.design import StudyDesign
from tests.helpers.equal_hubs import stable
from tests.helpers.folders import contents
from tests.helpers.hubs import edit, make_hub, make_run, record, take_stock
from tests.helpers.merged_hubs import WAYS, codes, merge, split
from tests.helpers.messages import names
from tests.helpers.phases import Phase

MANIFESTS = (RUN, OVERLAP, TRAINING, RECONSTRUCTION, SKIPS)


def results(hub: Path) -> dict[str, Any]:
    """Return what a hub has of cells: manifests without times and calls, and the digests of data and results."""
    found: dict[str, Any] = {name: stable(record(hub, name)) for name in MANIFESTS if (hub / name).is_file()}
    for manifest in found.values():
        for key in ("jobs", "skipped", "not_selected"):
            manifest.get(key, []).sort(key=lambda entry: json.dumps(entry, sort_keys=True))
    files = {name: digest for name, digest in contents(hub).items() if name.endswith((".npz", ".safetensors", ".ckpt"))}
    return found | files


# a view reads the data of its dose, so no part can be without them
@pytest.mark.parametrize(
    ("way", "whole_data"),
    [
        ("doses", False),
        pytest.param("doses", True, marks=pytest.mark.campaign),
        pytest.param("views", True, marks=pytest.mark.campaign),
    ],
)
def test_the_union_of_the_parts_of_a_hub_is_the_hub(way: str, whole_data: bool, whole: Path, tmp_path: Path) -> None:
    hubs = split(whole, tmp_path, WAYS[way], whole_data=whole_data)
    assert [codes(hub) for hub in hubs] == [[], []]
    before = [contents(hub) for hub in hubs]
    for out, order in (("ab", hubs), ("ba", hubs[::-1])):
        assert merge(tmp_path / out, *order) == 0
        assert results(tmp_path / out) == results(whole)
        assert codes(tmp_path / out) == []
        assert main(["hub", "verify", str(tmp_path / out)]) == 0
    assert [contents(hub) for hub in hubs] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "ab", "b", "ba"]


@pytest.mark.campaign
def test_trainings_and_their_skips_are_united(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path) -> None:
    made = make_hub(tmp_path / "whole", smoke_c, smoke_d, smoke_e).root
    hubs = split(made, tmp_path, WAYS["doses"])
    assert merge(tmp_path / "out", *hubs) == 0
    assert results(tmp_path / "out") == results(made)
    calls, before = (record(root, TRAINING)["calls"] for root in (tmp_path / "out", made))
    assert [(call["id"], sorted(call["jobs"]), sorted(call["skipped"])) for call in calls] == [
        (call["id"], sorted(call["jobs"]), sorted(call["skipped"])) for call in before
    ]
    found, wanted = contents(tmp_path / "out"), contents(made)
    logs = [name for name in wanted if name.endswith("train.log")]
    assert {name: found.get(name) for name in logs} == {name: wanted[name] for name in logs}


@pytest.mark.campaign
def test_a_merge_with_a_copy_changes_no_cell(whole: Path, parts: Sequence[Path], tmp_path: Path) -> None:
    shutil.copytree(parts[0], tmp_path / "copy")
    assert merge(tmp_path / "twice", parts[0], tmp_path / "copy") == 0
    assert results(tmp_path / "twice") == results(parts[0])
    assert len(record(tmp_path / "twice", "hub.json")["runs"]) == len(record(parts[0], "hub.json")["runs"])
    assert merge(tmp_path / "out", tmp_path / "twice", parts[1]) == 0
    assert results(tmp_path / "out") == results(whole)


@pytest.mark.campaign
def test_a_comparison_is_made_again_with_all_cells(whole: Path, parts: Sequence[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert merge(out, *parts) == 0
    work = ["--phase-c-root", str(out / "work/phase_c"), "--phase-d-root", str(out / "work/phase_d")]
    root = ["--artifact-root", str(out / "real_run"), "--no-figures", "--artifact-hub", str(out)]
    assert main(["compare", *root, *work]) == 1  # a method has failed
    cells, before = (record(hub, "real_run/comparison_manifest.json")["account"] for hub in (out, whole))
    assert cells == before
    assert codes(out) == []


def of_data(root: Path, design: StudyDesign) -> Path:
    """Make a hub that has the data and views of a design alone."""
    folder = RunFolder(root)
    generate(design, load_base(design, "builtin"), folder.phase_c_root)
    overlap(folder.phase_c_root, folder.phase_d_root)
    make_run(Hub(root))
    Hub(root).write(lambda: write_summary(root))
    return root


def test_replicates_of_a_hub_that_has_more_are_kept(smoke: StudyDesign, tmp_path: Path) -> None:
    design = replace(smoke, doses_photons_per_pattern=(1e3,), views=smoke.views[:1])
    hubs = [of_data(tmp_path / f"{n}", replace(design, replicates=n)) for n in (1, 2)]
    for out, order in (("ab", hubs), ("ba", hubs[::-1])):
        assert merge(tmp_path / out, *order) == 0
        for name in (RUN, OVERLAP):
            assert stable(record(tmp_path / out, name)) == stable(record(hubs[1], name))


@pytest.mark.campaign
def test_the_commands_that_are_printed_can_be_run(
    whole: Path, parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compared = shutil.copytree(whole, tmp_path / "whole")
    out = tmp_path / "a place; with 'quotes'"
    capsys.readouterr()
    assert merge(out, compared, parts[0]) == 0
    printed = [line.partition(": ptyproof ")[2] for line in capsys.readouterr().out.splitlines()]
    commands = [shlex.split(line) for line in printed if line]
    assert [words[0] for words in commands] == ["compare", "report"]
    assert [main([*words, *(["--no-figures"] if words[0] == "compare" else [])]) for words in commands] == [1, 0]
    assert (out / "docs" / "report.html").is_file()


def test_other_files_are_kept_with_their_bytes(parts: Sequence[Path], tmp_path: Path) -> None:
    hubs = [shutil.copytree(part, tmp_path / part.name) for part in parts]
    note, log, unlike = "docs/notes/gr\u00f6\u00dfe.md", "real_run/training_cli_real_run.log", "red/run-0001-2.log"
    for number, hub in enumerate(hubs):
        for name, raw in ((note, b"mine"), (log, b"\xff%d\n" % number), (unlike, b"of no run")):
            (hub / name).parent.mkdir(parents=True, exist_ok=True)
            (hub / name).write_bytes(raw)
        make_run(Hub(hub), "red", f"topic{number}", 1)
        Hub(hub).write(lambda hub=hub: write_summary(hub))  # type: ignore[misc]
    assert merge(tmp_path / "out", *hubs) == 0
    found = {name: (tmp_path / "out" / name).read_bytes() for name in (note, log, unlike)}
    assert found == {note: b"mine", log: b"\xff0\n\xff1\n", unlike: b"of no run"}
    kept = set(contents(tmp_path / "out").values())
    for hub in hubs:
        for run in record(hub, "hub.json")["runs"]:
            assert sha256_file(hub / run["log_path"]) in kept


def test_data_are_as_old_as_they_were(parts: Sequence[Path], tmp_path: Path) -> None:
    old = shutil.copytree(parts[0], tmp_path / "old")
    for name in (RUN, OVERLAP):
        edit(old / name, lambda manifest: manifest.update(timestamp="2020-01-01T00:00:00Z"))
    take_stock(Hub(old))
    for n, order in enumerate(((old, parts[1]), (parts[1], old))):
        assert merge(tmp_path / f"out{n}", *order) == 0
        for name in (RUN, OVERLAP):
            found, wanted = (record(hub, name) for hub in (tmp_path / f"out{n}", parts[1]))
            assert {key: found[key] for key in ("timestamp", "tool", "environment")} == {
                key: wanted[key] for key in ("timestamp", "tool", "environment")
            }


KILLED = """
import os, signal, sys
from ptyproof.cli.main import main
from ptyproof.exchange import merge
def killed(*args):
    os.kill(os.getpid(), signal.SIGKILL)
merge.write_manifest = killed
main(sys.argv[1:])
"""
FULL = """
import resource, sys
from ptyproof.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.campaign
def test_a_merge_that_is_killed_or_finds_no_room_leaves_nothing_under_its_name(
    parts: Sequence[Path], tmp_path: Path
) -> None:
    command = ["hub", "merge", str(tmp_path / "out"), *map(str, parts)]
    before = [contents(part) for part in parts]
    assert subprocess.run([sys.executable, "-c", KILLED, *command], check=False).returncode == -9
    assert not (tmp_path / "out").exists()
    full = subprocess.run([sys.executable, "-c", FULL, *command], check=False, capture_output=True, text=True)
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert names(full.stderr, str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
    assert main(command) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [contents(part) for part in parts] == before
