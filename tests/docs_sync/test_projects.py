"""`ptyproof docs sync` of whole projects: every block is filled, or nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.docs_sync.sync import plan
from ptyproof.errors import DataError, InputError, RunError
from tests.helpers.documents import GUIDE, INDEX, PLAN, ROW, links, make_project, page
from tests.helpers.folders import snapshot


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
    table = "2 tests in 1 module.\n\n| module | tests | what |\n|---|---:|---|\n"
    table += "| [tests/test_one.py](../../tests/test_one.py) | 2 | One and only. |\n"
    expected = INDEX.replace("-->\r\n<!--", f"-->\r\n{table.replace(chr(10), chr(13) + chr(10))}<!--", 1)
    assert after["docs/development/TEST_SUITE_INDEX.md"].decode() == expected
    text = after["docs/fix_plan.md"].decode()
    assert "- [x] doses scale the probe (evidence: [run-0001](../hub/green/run-0001.log)) <!--" in text
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
    with pytest.raises(
        RunError, match=r"docs/TESTING_GUIDE\.md: block selectors: collects nothing: pytest tests -k thr"
    ):
        plan(project, None)
    assert snapshot(project) == before


def test_a_document_that_changed_meanwhile_is_not_written_over(project: Path) -> None:
    planned = plan(project, project / "hub")
    with (project / "docs" / "fix_plan.md").open("a") as file:
        file.write("one more thought\n")
    before = snapshot(project)
    with pytest.raises(RunError, match=r"docs/fix_plan\.md was changed by somebody else"):
        planned.write()
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("TESTING_GUIDE.md", "# Guide\n", "lines 1 to 1: no mark begins the block selectors"),
        ("fix_plan.md", PLAN + page("selectors"), "line 13: no block selectors is kept here"),
        (
            "fix_plan.md",
            PLAN.replace("<!-- ptyproof:end ledger -->", ""),
            "line 10: begins the block ledger, but no mark",
        ),
        ("fix_plan.md", page("ledger"), "no mark begins the block checklist"),
        ("fix_plan.md", PLAN + ROW, "line 13: has an evidence mark outside the blocks"),
        ("fix_plan.md", None, "cannot be read: No such file or directory"),
        ("development/TEST_SUITE_INDEX.md", b"\xff", "is not UTF-8 text (byte 0)"),
    ],
)
def test_documents_that_cannot_be_synced_are_refused_before_any_test_is_collected(
    name: str, text: str | bytes | None, words: str, project: Path
) -> None:
    (project / "tests" / "test_one.py").write_text("raise SystemError\n")
    file = project / "docs" / name
    file.unlink()
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        plan(project, project / "hub")
    assert str(caught.value).startswith(f"docs/{name}: ")
    assert words in str(caught.value)


def test_a_hub_without_an_index_or_with_a_changed_one_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match=r"--hub must be a folder with an index, but .*hub\.json is not there"):
        plan(project, project / "docs")
    index_file = project / "hub" / "hub.json"
    index_file.write_text(index_file.read_text().replace('"accepted": true', '"accepted": false'))
    with pytest.raises(InputError, match="was changed after it was written"):
        plan(project, project / "hub")
