"""`ptyproof hub export --format ro-crate`: the hub itself, and a description that says what was done in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.errors import RunError
from ptyproof.exchange.packing import Source, new_output, write_folder, write_zip
from ptyproof.hub.index import CRATE, PAGE, Hub
from ptyproof.hub.layout import COMPARISON, OVERLAP, RECONSTRUCTION, RUN
from ptyproof.io.hashing import sha256_file
from tests.helpers.crates import actions_of, graph_of, ids
from tests.helpers.folders import contents
from tests.helpers.hubs import make_run, places, record
from tests.helpers.messages import names

COMPLETED, FAILED = (f"http://schema.org/{name}ActionStatus" for name in ("Completed", "Failed"))
STAMP = "2026-11-24T00:00:00Z"
PINN = "reconstruct/dose10000-baseline-gs1-test-pinn"
KILLED = """
import os, signal, sys
from ptyproof.cli.main import main
from ptyproof.exchange import packing
whole = packing._copy
def copied(name, *args):
    whole(name, *args)
    if name.startswith("real_run"):
        os.kill(os.getpid(), signal.SIGKILL)
packing._copy = copied
main(sys.argv[1:])
"""


def exported(hub: Path, out: Path, *more: str) -> int:
    """Export a hub by the command; return its exit status."""
    return main(["hub", "export", str(hub), "--format", "ro-crate", str(out), *more])


def of_description(hub: Path) -> list[tuple[str, str, str]]:
    """Return file, code and place of what the verification has against a hub's descriptions."""
    return [found for found in places(verify_hub(hub)) if found[0] in (CRATE, PAGE)]


@pytest.fixture(scope="module")
def crate(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub as a research object in a folder; tests leave it as it is."""
    out = tmp_path_factory.mktemp("crate") / "out"
    assert exported(made, out) == 0
    return out


@pytest.fixture
def graph(crate: Path) -> dict[str, dict[str, Any]]:
    """The entities of its description."""
    return graph_of(crate)


# The files


def test_a_folder_and_a_zip_hold_the_hub_itself(made: Path, crate: Path, tmp_path: Path) -> None:
    before = contents(made)
    packed = tmp_path / "hub.zip"
    assert exported(made, packed) == 0
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "unpacked")
    for copy in (crate, tmp_path / "unpacked"):
        found = contents(copy)
        assert found.pop(CRATE)
        assert found.pop(PAGE)
        assert found == before
        assert verify_hub(copy) == verify_hub(made)
        assert main(["check", str(copy)]) == 0
    assert contents(made) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub.zip", "unpacked"]


def test_equal_hubs_give_equal_exports_whenever_and_wherever_they_lie(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exported(made, tmp_path / "a.zip") == 0
    monkeypatch.setattr("ptyproof.clock.stamp", lambda: "2031-11-24T00:00:00Z")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    shutil.copytree(made, tmp_path / "copy", copy_function=shutil.copyfile)
    (tmp_path / "copy" / COMPARISON).chmod(0o600)
    assert exported(tmp_path / "copy", tmp_path / "b.zip") == exported(tmp_path / "copy", tmp_path / "out") == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    written = datetime.fromisoformat(record(made, "hub.json")["timestamp"]).timetuple()[:6]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:  # to two seconds, as zip files have times
        assert {info.date_time[:5] for info in archive.infolist()} == {written[:5]}
    assert exported(tmp_path / "out", tmp_path / "c.zip") == 0  # an export of an export
    assert (tmp_path / "c.zip").read_bytes() == (tmp_path / "a.zip").read_bytes()


def test_a_copy_goes_on_as_a_hub_without_a_change_to_the_first(made: Path, tmp_path: Path) -> None:
    before = contents(made)
    assert exported(made, tmp_path / "out") == 0
    make_run(Hub(tmp_path / "out"))
    assert {(file, code) for file, code, _ in of_description(tmp_path / "out")} == {(CRATE, "PM918"), (PAGE, "PM918")}
    assert contents(made) == before
    assert exported(tmp_path / "out", tmp_path / "again") == 0
    assert of_description(tmp_path / "again") == []


def test_a_copy_of_what_nobody_may_write_to_can_be_written_to(made: Path, tmp_path: Path) -> None:
    hub = shutil.copytree(made, tmp_path / "hub")
    for path in hub.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    assert exported(hub, tmp_path / "out") == exported(hub, tmp_path / "out.zip") == 0
    copies = [path.stat().st_mode for path in (tmp_path / "out").rglob("*") if path.is_file()]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        packed = [info.external_attr >> 16 for info in archive.infolist()]
    assert [mode & 0o777 for mode in (*copies, *packed)] == [0o644] * (len(copies) + len(packed))


def test_a_signed_hub_stays_signed(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
    from tests.helpers.signing_keys import Key

    key = Key(tmp_path / "keys")
    shutil.copytree(made, tmp_path / "hub")
    assert main(["hub", "sign", str(tmp_path / "hub"), "--key", str(key.private)]) == 0
    assert exported(tmp_path / "hub", tmp_path / "out") == 0
    assert main(["hub", "verify", str(tmp_path / "out"), "--key", str(key.public)]) == 0


# What is refused


def test_a_hub_with_errors_is_refused_unless_it_is_asked_for(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub, out = tmp_path / "hub", tmp_path / "out"
    shutil.copytree(made, hub)
    (hub / COMPARISON).write_text("{}")
    assert exported(hub, out) == 2
    assert names(capsys.readouterr().err, str(hub), COMPARISON, "--unsound")
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]
    assert exported(hub, out, "--unsound") == 0
    graph = graph_of(out)
    assert "NOT SOUND" in graph["./"]["description"]
    assert COMPARISON in graph["./"]["description"]
    assert "compare" not in actions_of(graph)
    assert contents(out).keys() - contents(hub).keys() == {CRATE, PAGE}


@pytest.mark.parametrize("place", ["taken", "taken.zip", "hub/inside", "missing/out"])
def test_a_place_that_cannot_be_written_to_is_refused_by_name(
    place: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = tmp_path / "hub"
    hub.symlink_to(made)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken.zip").write_text("mine")
    before = contents(made)
    assert exported(hub, tmp_path / place) == 2
    assert names(capsys.readouterr().err, str(tmp_path / place))
    assert contents(made) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "taken", "taken.zip"]
    assert (tmp_path / "taken.zip").read_text() == "mine"


# Whole or not at all


@pytest.mark.campaign
@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_a_process_that_is_killed_leaves_no_export_and_the_next_one_clears_up(
    name: str, made: Path, tmp_path: Path
) -> None:
    command = ["hub", "export", str(made), "--format", "ro-crate", str(tmp_path / name)]
    assert subprocess.run([sys.executable, "-c", KILLED, *command], check=False).returncode == -9
    assert not (tmp_path / name).exists()
    assert main(command) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("write", [write_folder, partial(write_zip, stamp=STAMP)])
def test_a_file_that_changes_meanwhile_is_an_error_and_nothing_is_left(
    write: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("changed")
    with pytest.raises(RunError), new_output(tmp_path / "out", tmp_path / "hub") as temporary:
        write(temporary, {"a": Source(tmp_path / "a", "0" * 64)}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("write", [write_folder, partial(write_zip, stamp=STAMP)])
def test_a_large_file_is_never_in_memory_as_a_whole(write: Callable[..., None], tmp_path: Path) -> None:
    large = tmp_path / "large.npz"
    with large.open("wb") as file:
        file.truncate(1 << 26)
    source = Source(large, sha256_file(large))
    tracemalloc.start()
    try:
        write(tmp_path / "out", {"large.npz": source}, {})
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


# What the description says


def test_every_file_is_a_part_with_its_digest(crate: Path, graph: dict[str, dict[str, Any]]) -> None:
    found = contents(crate)
    del found[CRATE]
    assert {key: graph[key]["sha256"] for key in ids(graph["./"]["hasPart"])} == found
    assert all(graph[key]["contentSize"] == str((crate / key).stat().st_size) for key in ids(graph["./"]["hasPart"]))


def test_another_program_reads_the_same_files_and_actions(crate: Path, graph: dict[str, dict[str, Any]]) -> None:
    rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed (it is part of the extra dev)")
    read = rocrate.ROCrate(crate)
    assert {entity.id for entity in read.data_entities if entity.type == "File"} == set(ids(graph["./"]["hasPart"]))
    assert {entity.id for entity in read.get_by_type("CreateAction")} == {f"#{key}" for key in actions_of(graph)}
    published = str(read.root_dataset["datePublished"])
    assert published.replace("+00:00", "Z") == record(crate, "hub.json")["timestamp"].replace("+00:00", "Z")


def test_each_phase_job_and_run_is_an_action_that_the_root_mentions(
    made: Path, graph: dict[str, dict[str, Any]]
) -> None:
    actions = actions_of(graph)
    jobs = {f"reconstruct/{job['job']}" for job in record(made, RECONSTRUCTION)["jobs"]}
    assert set(actions) == {"simulate", "overlap", "reconstruct", "compare", "run/run-0001"} | jobs
    assert sorted(ids(graph["./"]["mentions"])) == sorted(f"#{key}" for key in actions)


def test_an_action_has_what_its_record_has(made: Path, graph: dict[str, dict[str, Any]]) -> None:
    jobs = {job["method"]: job for job in record(made, RECONSTRUCTION)["jobs"]}
    found = actions_of(graph)["reconstruct/dose10000-baseline-gs1-test-lsqml"]
    result = jobs["lsqml"]["result"]
    assert found["actionStatus"] == COMPLETED
    assert [found[key].replace("+00:00", "Z") for key in ("startTime", "endTime")] == [
        result[key] for key in ("started", "finished")
    ]
    assert ids(found["object"]) == ["work/phase_c/dose_10000/patched_test.npz"]
    assert ids(found["result"]) == [f"real_run/{result['reconstruction']['path']}"]
    software = {graph[key]["name"]: graph[key]["softwareVersion"] for key in ids(found["instrument"])}
    assert software["pytest-ptyproof"] == record(made, RECONSTRUCTION)["tool"]["version"]
    assert software["torch"] == jobs["lsqml"]["environment"]["torch"]
    assert "agent" not in found


def test_pty_chi_is_the_instrument_of_its_own_methods_alone(graph: dict[str, dict[str, Any]]) -> None:
    used = {
        key.rpartition("-")[2]: any("ptychi" in name for name in ids(action["instrument"]))
        for key, action in actions_of(graph).items()
        if key.startswith("reconstruct/dose")
    }
    assert not used["start"]


def test_a_failed_job_is_a_failed_action_with_its_error(made: Path, graph: dict[str, dict[str, Any]]) -> None:
    actions = actions_of(graph)
    assert (actions[PINN]["actionStatus"], actions[PINN]["error"]) == (FAILED, "diverged")
    assert "result" not in actions[PINN]
    assert [key for key, action in actions.items() if "error" in action] == ["reconstruct", PINN]


def test_a_skip_is_a_result_with_its_reason(made: Path, graph: dict[str, dict[str, Any]]) -> None:
    (rejected,) = record(made, OVERLAP)["rejected_views"]
    skip = graph["#skip/overlap/dose10000-sparse-gs2"]
    assert (skip["propertyID"], skip["value"]) == (rejected["code"], rejected["reason"])
    assert "#skip/overlap/dose10000-sparse-gs2" in ids(actions_of(graph)["overlap"]["result"])


def test_a_dataset_that_was_removed_is_named_and_is_no_part(made: Path, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(made, hub, ignore=shutil.ignore_patterns("*_train.npz", "*_test.npz"))
    assert exported(hub, tmp_path / "out") == 0
    graph = graph_of(tmp_path / "out")
    (key,) = ids(actions_of(graph)[PINN]["object"])
    half = record(made, RUN)["datasets"][0]["test"]["file"]
    assert graph[key]["@type"] == "CreativeWork"
    assert (graph[key]["sha256"], graph[key]["contentSize"]) == (half["sha256"], str(half["size_bytes"]))
    assert key not in ids(graph["./"]["hasPart"])


@pytest.mark.parametrize("said", ["", "  ", "two\nlines", "\u202eturned", "\0", "n" * 300])
@pytest.mark.parametrize("option", ["--license", "--agent"])
def test_a_license_and_an_agent_are_lines_of_text(
    option: str, said: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exported(made, tmp_path / "out", option, said) == 2
    assert names(capsys.readouterr().err, option)
    assert list(tmp_path.iterdir()) == []


def test_a_license_that_is_the_agent_and_an_orcid_with_a_wrong_digit_are_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "https://example.org/me"
    for options in (["--agent", url, "--license", url], ["--agent", "0000-0002-1825-0098"]):
        assert exported(made, tmp_path / "out", *options) == 2
        assert names(capsys.readouterr().err, "--agent")
    assert list(tmp_path.iterdir()) == []


def test_a_license_and_an_agent_are_those_that_were_named(
    made: Path, graph: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    assert graph["./"]["license"] == {"@id": "#no-license"}
    orcid, license_url = "https://orcid.org/0000-0002-1825-0097", "https://creativecommons.org/licenses/by/4.0/"
    assert exported(made, tmp_path / "out", "--license", license_url, "--agent", orcid) == 0
    named = graph_of(tmp_path / "out")
    assert named["./"]["license"] == {"@id": license_url}
    assert {ids(action["agent"])[0] for action in actions_of(named).values()} == {orcid}
    assert named[orcid]["@type"] == "Person"
