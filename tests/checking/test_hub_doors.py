"""Four doors to one judge of hubs: `check`, `hub verify`, `pytest DIR` and `pytest FILE.json` give one verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import judge_hub, verify_hub
from ptyproof.cli import main
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import RUN, SKIP_LINES, TRAINING
from tests.helpers.hubs import edit, make_run, take_stock
from tests.helpers.messages import names, numbers
from tests.helpers.projects import quickly

WARNED = {"timestamp": "2025-10-06T09:15:27", "skipped_count": 0, "skipped_jobs": []}
WATCH = """\
import sys
from pathlib import Path
from ptyproof.checking.hub import verify_hub
from tests.helpers.messages import names, numbers
root = Path(sys.argv[1])
verify_hub(root)
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
for finding in verify_hub(root):
    print(finding.code)
named = [Path(name).resolve() for name in opened if isinstance(name, str)]
print(*(f"outside {name}" for name in named if not name.is_relative_to(root)), sep="\\n")
"""


@pytest.fixture
def hub(pristine: Path, tmp_path: Path) -> Hub:
    """A copy that a test may change, without datasets."""
    import shutil

    shutil.copytree(pristine, tmp_path / "reports" / "hub", ignore=shutil.ignore_patterns("*.npz"))
    return Hub(tmp_path / "reports" / "hub")


def statuses(hub: Hub) -> dict[str, int]:
    """Return the exit status of each door to a hub, and of `check` on the folder that it lies in."""
    return {
        "check": main(["check", str(hub.root)]),
        "check above": main(["check", str(hub.root.parent)]),
        "hub verify": main(["hub", "verify", str(hub.root)]),
        "pytest": int(pytest_of(hub.root).returncode),
    }


def pytest_of(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a hub or a manifest."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(path)]
    return quickly(command, path.parents[1])


def stray(hub: Hub) -> None:
    (hub.root / "work" / "phase_c" / "mine.npz").write_bytes(b"mine")


def changed_statistic(hub: Hub) -> None:
    edit(hub.root / RUN, lambda m: m["datasets"][0]["train"].update(photons_per_pattern_measured=1.5))
    take_stock(hub)


def backwards(hub: Hub) -> None:
    hub.update_run("run-0001", ended="2025-01-01T00:00:00Z")


def dry_run(hub: Hub) -> None:
    edit(hub.root / TRAINING, lambda m: m.update(dry_run=True))
    take_stock(hub)


def other_lines(hub: Hub) -> None:
    (hub.root / SKIP_LINES).write_text("")
    take_stock(hub)


def unfinished(hub: Hub) -> None:
    hub.update_run("run-0001", status="running", ended=None, exit_status=None)


def no_manifest(hub: Hub) -> None:
    (hub.root / "real_run" / "notes.json").write_text('{"mine": 1}')
    take_stock(hub)


FAULTS: dict[str, tuple[Callable[[Hub], None], str, str]] = {
    "a file that nothing names": (stray, "PM901", "work/phase_c/mine.npz"),
    "a statistic, and the index": (changed_statistic, "PM621", RUN),
    "times that run backwards": (backwards, "PM502", "hub.json"),
    "a dry run": (dry_run, "PM701", TRAINING),
    "lines of skips": (other_lines, "PM802", SKIP_LINES),
    "a run without an end": (unfinished, "PM710", "hub.json"),
    "no manifest in real_run": (no_manifest, "PM102", "real_run/notes.json"),
}


def test_every_door_is_open_for_a_sound_hub(hub: Hub) -> None:
    assert set(statuses(hub).values()) == {0}
    assert judge_hub(hub.root).findings == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_door_is_shut_for_one_that_is_not(hub: Hub, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, code, file = FAULTS[fault]
    change(hub)
    assert (code, file) in {(finding.code, finding.file) for finding in judge_hub(hub.root).errors}
    assert set(statuses(hub).values()) == {1}
    capsys.readouterr()
    assert main(["check", str(hub.root), "--format", "json"]) == 1
    files = {Path(entry["file"]): entry["findings"] for entry in json.loads(capsys.readouterr().out)["files"]}
    assert code in {finding["code"] for finding in files[hub.root / file]}


def test_a_manifest_alone_is_judged_as_in_its_hub(hub: Hub) -> None:
    dry_run(hub)
    alone, sound = hub.root / TRAINING, hub.root / RUN
    assert main(["check", str(alone)]) == pytest_of(alone).returncode == 1
    assert main(["check", str(sound)]) == pytest_of(sound).returncode == 0


def test_warnings_are_shown_and_do_not_shut_a_door(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    (hub.root / "docs" / "earlier.json").write_text(json.dumps(WARNED))
    take_stock(hub)
    assert set(statuses(hub).values()) == {0}
    capsys.readouterr()
    assert main(["hub", "verify", str(hub.root)]) == 0
    finding, verdict = capsys.readouterr().out.splitlines()
    assert names(finding, "docs/earlier.json", "PM503", "$.timestamp")
    assert numbers(verdict)[-1] == 1
    assert "PM503" in pytest_of(hub.root).stdout
    assert pytest_of(hub.root, "-W", "error").returncode == 1


def test_without_artifacts_only_the_manifests_are_looked_at(hub: Hub) -> None:
    stray(hub)
    for path in hub.root.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            path.unlink()
    assert main(["check", str(hub.root)]) == 1
    assert main(["check", str(hub.root), "--manifest-only"]) == 0


def test_files_that_are_not_read_are_still_there(hub: Hub) -> None:
    path = hub.root / "docs" / "summary.md"
    path.write_bytes(path.read_bytes()[::-1])
    assert main(["check", str(hub.root), "--no-hash"]) == 0
    path.unlink()
    assert main(["check", str(hub.root), "--no-hash"]) == 1


def test_an_index_that_is_a_link_out_of_the_hub_is_not_read(hub: Hub, tmp_path: Path) -> None:
    (hub.root / "hub.json").rename(tmp_path / "elsewhere.json")
    (hub.root / "hub.json").symlink_to(tmp_path / "elsewhere.json")
    assert ("hub.json", "PM305") in {(finding.file, finding.code) for finding in judge_hub(hub.root).errors}
    assert set(statuses(hub).values()) == {1}


def test_hidden_folders_of_a_hub_are_judged_with_it(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    (hub.root / ".hidden").mkdir()
    (hub.root / ".hidden" / "skip_summary.json").write_text(json.dumps(WARNED | {"skipped_count": 1}))
    take_stock(hub)
    assert set(statuses(hub).values()) == {1}
    capsys.readouterr()
    main(["check", str(hub.root), "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert str(hub.root / ".hidden" / "skip_summary.json") in {entry["file"] for entry in said["files"]}
    assert ".hidden" not in json.dumps({key: value for key, value in said.items() if key != "files"})


def test_the_index_of_another_program_makes_no_hub(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.json").write_text('{"devices": []}')
    (tmp_path / "notes.md").write_text("x")
    (tmp_path / "skip_summary.json").write_text(json.dumps(WARNED))
    assert main(["check", str(tmp_path), "--ignore", "PM102"]) == 0
    assert numbers(capsys.readouterr().out.splitlines()[-1])[0] == 2


def test_a_hub_in_a_hub_is_judged_as_alone(hub: Hub) -> None:
    inner = Hub(hub.root / "docs" / "another")
    make_run(inner, "red", "adding", accepted=True, outcomes={"failed": 1})
    take_stock(hub)
    assert verify_hub(hub.root) == []
    (inner.root / "red" / "run-0001.log").write_text("nicer")
    take_stock(hub)
    index = inner.root / "hub.json"
    alone = {(finding.code, finding.json_path) for finding in check_manifest(index).findings}
    assert alone == {("PM302", "$.files[1].size_bytes")}
    assert {(finding.code, finding.json_path) for finding in verify_hub(hub.root)} == alone


def test_nothing_outside_the_hub_is_read(hub: Hub, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"kind": "model"}')
    for name in ("link.json", "real_run/link.json", "docs/link.md"):
        (hub.root / name).symlink_to(secret)
    (hub.root / "work" / "folder").symlink_to(tmp_path)
    edit(hub.root / RUN, lambda m: m["datasets"][0]["train"]["file"].update(path="../../../../secret.json"))
    take_stock(hub)
    done = subprocess.run([sys.executable, "-c", WATCH, hub.root.resolve()], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert said.count("PM305") == 4
    assert "PM402" in said
    assert [line for line in said if line.startswith("outside")] == []
