"""The summary of a hub: the answer first, numbers as the manifests have them, and nothing unfinished shown as green."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from ptyproof.hub.blocked import write_blocked
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RUN, SKIP_LINES, SUMMARY, TRAINING
from ptyproof.report.summary import write_summary
from tests.helpers.hubs import ENVIRONMENT, REVISION, edit, kill_run, make_hub, make_run
from tests.helpers.known import known
from tests.helpers.messages import names, numbers
from tests.helpers.phases import Phase


@pytest.fixture(scope="module")
def pristine(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub that no test changes."""
    return make_hub(tmp_path_factory.mktemp("hubs") / "hub", smoke_c, smoke_d, smoke_e).root


@pytest.fixture
def hub(pristine: Path, tmp_path: Path) -> Hub:
    """A hub with trainings."""
    shutil.copytree(pristine, tmp_path / "hub", ignore=shutil.ignore_patterns("*.npz"))
    return Hub(tmp_path / "hub")


@pytest.fixture
def small(tmp_path: Path) -> Hub:
    """A hub with nothing in it."""
    return Hub(tmp_path / "small")


def summary(hub: Hub) -> str:
    """Write the summary of a hub; return it."""
    hub.write(lambda: write_summary(hub.root))
    return (hub.root / SUMMARY).read_text(encoding="utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """Yield the rows of all tables; a bar within a cell stands behind a backslash."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def row_of(text: str, *start: str) -> list[str]:
    """Return the one row that starts with these cells."""
    (found,) = [row for row in rows(text) if row[: len(start)] == list(start)]
    return found


def shown(value: float | None) -> str:
    """Return a number as a table has it."""
    return "–" if value is None else f"{value:.6g}"


def test_the_answer_comes_first(hub: Hub, smoke_e: Phase) -> None:
    lines = summary(hub).splitlines()
    assert "fly64-smoke" in lines[0]
    assert numbers(lines[2]) == [9, 6, 0, 0, 3, 0]
    head = lines[: next(n for n, line in enumerate(lines) if "run-0001" in line)]
    for entry in smoke_e.manifest["jobs"]:
        (line,) = [line for line in head if line.startswith(f"- {entry['job']}: trained, ")]
        assert ("NOT" not in line.split()) == entry["scores"]["beats_start"]
    for skip in smoke_e.manifest["skipped_views"]:
        assert f"- dose{skip['dose']:.0f}-sparse-gs2: skipped: {skip['reason']}" in head


def test_the_tables_have_the_numbers_of_the_manifests(hub: Hub, smoke_c: Phase, smoke_d: Phase, smoke_e: Phase) -> None:
    text = summary(hub)
    for entry in smoke_e.manifest["jobs"]:
        result, scores = entry["result"], entry["scores"]
        row = next(row for row in rows(text) if row[0] == entry["job"] and len(row) == 8)
        assert row[1:6] == [
            str(result["epochs_completed"]),
            str(result["bundle_epoch"]),
            shown(result["final_loss"]),
            shown(result["validation_loss"]),
            str(scores["n_patterns"]),
        ]
        assert row[6].startswith(f"[{result['bundle_size_bytes']}]")
        assert row[7] == f"`{result['bundle_sha256']}`"
        score = scores["patch_complex_error"]
        label = "complex error of single patches (no unit)"
        assert row_of(text, entry["job"], label)[2:4] == [shown(score["start"]), shown(score["network"])]
    for view in (*smoke_d.manifest["views"], *smoke_d.manifest["rejected_views"]):
        cell = f"dose{view['dose']:.0f}-{view['view']}-gs{view['gridsize']}"
        row = row_of(text, cell, view["status"], "test")
        test = view["test"]
        assert row[6:8] == [str(test["n_images_total"]), str(test["n_images_selected"])]
        assert row[8] == shown(test["acceptance_rate"])
        assert row[11] == shown(test["overlap"]["metric_1_group_based_avg"])
    for dataset in smoke_c.manifest["datasets"]:
        row = row_of(text, f"{dataset['dose']:g}", "train")
        assert row[-1] == shown(dataset["train"]["photons_per_pattern_measured"])
    assert "nats/px" in text
    assert smoke_e.manifest["jobs"][0]["environment"]["torch"] in text


def test_a_line_for_each_skip_with_what_was_measured(hub: Hub, smoke_e: Phase) -> None:
    summary(hub)
    lines = (hub.root / SKIP_LINES).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {key: skip[key] for key in ("dose", "view", "gridsize", "code", "reason", "measured")}
        for skip in smoke_e.manifest["skipped_views"]
    ]


def test_equal_hubs_give_equal_text(hub: Hub, pristine: Path) -> None:
    first = summary(hub)
    assert summary(hub) == first
    assert (pristine / SUMMARY).read_text(encoding="utf-8") == first
    assert str(hub.root) not in first


def test_links_lead_to_every_file_of_the_hub(hub: Hub) -> None:
    names = ["a b (1)/größe 実験 [x] #1%20|?.log", "docs/note.txt", "docs/a:b.txt"]
    for name in names:
        (hub.root / name).parent.mkdir(exist_ok=True)
        (hub.root / name).write_text("x")
    text = summary(hub)
    targets = {(hub.root / "docs" / unquote(target)).resolve() for target in re.findall(r"\]\((\S+?)\)(?=\s)", text)}
    assert all(target.is_file() for target in targets)
    listed = {target.relative_to(hub.root).as_posix() for target in targets}
    assert {*names, "hub.json", SUMMARY, SKIP_LINES, TRAINING, RUN, OVERLAP} <= listed
    assert {path for record in known(hub.read())["files"] for path in [record["path"]]} <= listed
    assert "http" not in "".join(re.findall(r"\]\((.*?)\)", text))


def test_a_chain_of_red_and_green(small: Hub) -> None:
    red = make_run(small, "red", "adding", accepted=True, outcomes={"failed": 2})
    answer = {"run": red, "same_tests": True, "code_changed": True, "tests_changed": False}
    make_run(small, "green", "adding", accepted=True, outcomes={"passed": 2}, red=answer)
    reason = f"the tests were changed after red ({red}); no code but that of tests was changed after red ({red})"
    changed = answer | {"tests_changed": True, "code_changed": False, "same_tests": False}
    make_run(small, "green", "adding", accepted=True, outcomes={"passed": 3}, red=changed, reason=reason)
    alone = "there is no red before this green"
    make_run(small, "green", "other", accepted=True, outcomes={"passed": 1}, reason=alone)
    make_run(small, "green", "other", 1, accepted=False, outcomes={"failed": 1}, reason=f"t.py::x failed; {alone}")
    text = summary(small)
    first, second = row_of(text, "run-0001", "red", "adding")[3:5], row_of(text, "run-0002", "green", "adding")[3:5]
    assert names(first[0], "2 failed")
    assert not names(first[1], "run-0001")
    assert names(second[0], "2 passed")
    assert names(second[1], "run-0001")
    assert names(row_of(text, "run-0003", "green", "adding")[4], "run-0001", reason)
    assert row_of(text, "run-0004", "green", "other")[4] == alone
    refused = row_of(text, "run-0005", "green", "other")
    assert names(refused[3], "REFUSED", "1 failed")
    assert refused[4] == f"t.py::x failed; {alone}"
    assert any(line.startswith("- run-0005 ") and numbers(line) == [1, 1] for line in text.splitlines())


def test_an_incomplete_run_leads_the_page_and_is_not_green(hub: Hub) -> None:
    kill_run(hub, "green")
    hub.update_run("run-0002", outcomes={"passed": 4})
    text = summary(hub)
    lines = text.splitlines()
    assert lines[2].startswith("**INCOMPLETE: run-0002 ")
    assert "`pytest -k 'a|b'`" in lines[2]
    assert row_of(text, "run-0002", "green")[3] == "INCOMPLETE: 4 passed"
    assert "REFUSED" not in row_of(text, "run-0002", "green")[3]


def test_a_run_under_way_is_called_so(small: Hub) -> None:
    small.open_run(["pytest"], "green", "adding", ENVIRONMENT, REVISION)
    text = summary(small)
    assert text.splitlines()[2].startswith("**run-0001 ")
    assert row_of(text, "run-0001", "green")[3] == "running"


def test_a_blocked_run_leads_the_page_and_is_not_green(hub: Hub) -> None:
    name = hub.open_run(["pytest"], "green", "adding", ENVIRONMENT, REVISION)
    error = "t.py::test_it: broken()\n\n    def broken():\nE   RuntimeError: no *beam*\n"
    path = write_blocked(hub.root, "pytest t.py", 1, error, "log")
    hub.end_run(name, 1, accepted=True, outcomes={"error": 1}, blocked_path=f"red/{path.name}")
    text = summary(hub)
    banner = text.splitlines()[2]
    assert banner.startswith("**BLOCKED: ")
    assert banner.endswith(
        rf"[red/{path.name}](../red/{path.name}).** t.py::test_it: broken() RuntimeError: no \*beam\*"
    )
    assert row_of(text, name, "green")[3] == "BLOCKED: 1 error"
    assert row_of(text, "run-0001", "ended")[4] == "0"


def test_failed_and_lost_jobs_are_in_the_answer(hub: Hub) -> None:
    def fail(manifest: dict[str, list[dict[str, object]]]) -> None:
        for entry, status in zip(manifest["jobs"], ("failed", "lost"), strict=False):
            result = dict.fromkeys(entry["result"]) | {"status": status, "error": "loss is nan | <b>"}  # type: ignore[call-overload]
            result.pop("duration_s", None)  # only a success has it
            if status == "failed":
                result |= {"started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z"}
            entry.update(result=result, scores=None)

    edit(hub.root / TRAINING, fail)
    text = summary(hub)
    answer = text[: text.index("## ")]
    assert r"- dose1000-baseline-gs1: **FAILED**: loss is nan | &lt;b\>" in answer
    assert "- dose1000-dense-gs2: **LOST**:" in answer
    assert [row for row in rows(text) if row[0] == "dose1000-dense-gs2" and len(row) == 8] == []


def test_a_damaged_manifest_leads_and_leaves_the_skips(hub: Hub) -> None:
    before = (hub.root / SKIP_LINES).read_bytes()
    (hub.root / TRAINING).write_text("{")
    assert summary(hub).splitlines()[2].startswith(f"**DAMAGED: `{TRAINING}`** ")
    assert (hub.root / SKIP_LINES).read_bytes() == before


def test_commands_and_skips_of_any_text_keep_to_their_places(small: Hub) -> None:
    command = ["pytest", "-k", "a|b\n```\n## not a heading", "[x]"]
    name = small.open_run(command, "none", None, ENVIRONMENT, REVISION)
    skip = {"test": "t.py::t[a|`b`]", "reason": "needs\n## a <GPU>"}
    small.end_run(name, 0, outcomes={"skipped": 1}, skips=[skip])
    text = summary(small)
    assert r"- run-0001 skipped ``t.py::t[a|`b`]``: needs\\n## a &lt;GPU\>" in text
    (block,) = re.findall(r"^````sh\n(.*?)\n````$", text, flags=re.DOTALL | re.MULTILINE)
    assert block == f"# run-0001\n{known(small.read())['runs'][0]['command']}"


def test_a_hub_without_runs_has_a_summary(small: Hub) -> None:
    assert re.match(r"# Artifact hub\n\n.*\b0\.\n", summary(small))
    assert (small.root / SKIP_LINES).read_text() == ""
