"""`ptyproof docs sync` of whole projects: every block is filled, or nothing is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ptyproof.docs_sync.sync import plan
from ptyproof.errors import DataError, InputError, ManifestError, RunError
from tests.helpers.documents import GUIDE, INDEX, PLAN, ROW, links, make_project, page
from tests.helpers.folders import snapshot
from tests.helpers.messages import naming


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was never synced."""
    return make_project(tmp_path / "project")


def test_a_sync_fills_every_block_and_a_second_finds_nothing_to_do(project: Path) -> None:
    before = snapshot(project)
    first = plan(project, project / "hub")
    assert [(path.name, name, line) for path, name, line in first.stale()] == [
        ("TESTING_GUIDE.md", "selectors", 3),
        ("TEST_SUITE_INDEX.md", "test-index", 3),
        ("fix_plan.md", "checklist", 3),
        ("fix_plan.md", "ledger", 10),
    ]
    assert snapshot(project) == before
    first.write()
    after = snapshot(project)
    assert {name for name in after if after[name] != before.get(name)} == {
        "docs/TESTING_GUIDE.md",
        "docs/development/TEST_SUITE_INDEX.md",
        "docs/fix_plan.md",
    }
    assert after["docs/TESTING_GUIDE.md"].decode() == GUIDE.replace("| ? |", "| 2 |")
    before_it, after_it = INDEX.split("-->\r\n<!--", 1)
    page = after["docs/development/TEST_SUITE_INDEX.md"].decode()
    assert page.startswith(f"{before_it}-->\r\n")
    assert page.endswith(f"<!--{after_it}")
    assert "\r\n| [tests/test_one.py](../../tests/test_one.py) | 2 | One and only. |\r\n<!--" in page
    assert page.count("\n") == page.count("\r\n")
    text = after["docs/fix_plan.md"].decode()
    assert "- [x] doses scale the probe (" in text
    assert "[run-0001](../hub/green/run-0001.log)) <!--" in text
    assert "### Attempt #1: " in text
    second = plan(project, project / "hub")
    assert second.stale() == []
    places = [path.stat().st_ino for path in sorted(project.rglob("*.md"))]
    second.write()
    assert [path.stat().st_ino for path in sorted(project.rglob("*.md"))] == places
    assert snapshot(project) == after


def test_without_a_hub_checklists_and_ledger_are_not_even_read(project: Path) -> None:
    (project / "docs" / "fix_plan.md").unlink()
    planned = plan(project, None)
    assert [name for _, name, _ in planned.stale()] == ["selectors", "test-index"]


def test_one_document_can_hold_every_block(project: Path) -> None:
    settings = "".join(f"{key} = 'ALL.md'\n" for key in ("testing_guide", "test_index", "ledger"))
    (project / "pyproject.toml").write_text(f"[tool.ptyproof.docs]\nchecklists = ['ALL.md']\n{settings}")
    (project / "ALL.md").write_bytes(b"\n".join(text.encode() for text in (GUIDE, INDEX, PLAN)))
    planned = plan(project, project / "hub")
    planned.write()
    assert len(planned.stale()) == 4
    assert links((project / "ALL.md").read_text())[0] == "tests/test_one.py"
    assert plan(project, project / "hub").stale() == []


def test_a_selector_that_collects_nothing_is_named_and_nothing_is_written(project: Path) -> None:
    guide = project / "docs" / "TESTING_GUIDE.md"
    guide.write_bytes(GUIDE.replace("pytest tests", "pytest tests -k three").encode())
    before = snapshot(project)
    with pytest.raises(RunError, match=naming("docs/TESTING_GUIDE.md", "selectors", "pytest tests -k three")):
        plan(project, None)
    assert snapshot(project) == before


def test_a_document_that_changed_meanwhile_is_not_written_over(project: Path) -> None:
    planned = plan(project, project / "hub")
    with (project / "docs" / "fix_plan.md").open("a") as file:
        file.write("one more thought\n")
    before = snapshot(project)
    with pytest.raises(RunError, match=r"docs/fix_plan\.md"):
        planned.write()
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("TESTING_GUIDE.md", "# Guide\n", [1, "<!-- ptyproof:begin selectors -->", "<!-- ptyproof:end selectors -->"]),
        ("fix_plan.md", PLAN + page("selectors"), [13, "selectors", "checklist, ledger"]),
        ("fix_plan.md", PLAN.replace("<!-- ptyproof:end ledger -->", ""), [10, "ledger"]),
        ("fix_plan.md", page("ledger"), ["<!-- ptyproof:begin checklist -->", "<!-- ptyproof:end checklist -->"]),
        ("fix_plan.md", PLAN + ROW, [13, "checklist", "checklist-NAME"]),
        ("fix_plan.md", None, [os.strerror(errno.ENOENT)]),
        ("development/TEST_SUITE_INDEX.md", b"\xff", ["UTF-8", 0]),
    ],
)
def test_documents_that_cannot_be_synced_are_refused_before_any_test_is_collected(
    name: str, text: str | bytes | None, parts: list[object], project: Path
) -> None:
    (project / "tests" / "test_one.py").write_text("raise SystemError\n")
    file = project / "docs" / name
    file.unlink()
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=naming(f"docs/{name}", *parts)):
        plan(project, project / "hub")


def test_a_hub_without_an_index_or_with_a_changed_one_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match=naming("--hub", project / "docs" / "hub.json")):
        plan(project, project / "docs")
    index_file = project / "hub" / "hub.json"
    index_file.write_text(index_file.read_text().replace('"accepted": true', '"accepted": false'))
    with pytest.raises(ManifestError, match=r"hub\.json") as caught:
        plan(project, project / "hub")
    assert caught.value.member == "index_sha256"
