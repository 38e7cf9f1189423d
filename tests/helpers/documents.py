"""Documents with blocks, a hub of runs, and a project, as a sync meets them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from ptyproof.docs_sync.blocks import Document, parse
from ptyproof.hub.index import Evidence, Hub

PAGE = Path("docs/PAGE.md")
ENVIRONMENT = {"python": "3.13.0", "system": "Linux", "machine": "x86_64"}
REVISION = {"commit": None, "uncommitted_sha256": None, "code_sha256": "a" * 64, "tests_sha256": "b" * 64}


ROW = "- [ ] doses scale the probe <!-- ptyproof: evidence dose -->\n"

PROSE = st.one_of(
    st.text(st.characters(exclude_characters="\n`~<", codec="utf-8"), max_size=30),
    st.sampled_from(["<!-- a comment -->", "`<!-- ptyproof:begin other -->` shows a mark", "a < b", "| a | b |", "\r"]),
    st.sampled_from(["```", "~~~~"]).map(lambda fence: f"{fence}md\n<!-- ptyproof:end shown -->\n{fence}"),
)
TEXT = st.lists(PROSE, max_size=4).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: "".join(line + end for line in lines))
)
BODY = st.lists(st.text(st.characters(exclude_characters="\n`~<", codec="utf-8"), max_size=20), max_size=3).map(
    lambda lines: "".join(line + "\n" for line in lines)
)


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave other installed plugins out of pytest runs."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_ptyproof.plugin")


def dedent(text: str) -> str:
    """Return a text without the indentation of this file."""
    return textwrap.dedent(text).lstrip("\n")


def page(*blocks: str, between: str = "\n") -> str:
    """Return a document with empty blocks."""
    return between.join(f"<!-- ptyproof:begin {name} -->\n<!-- ptyproof:end {name} -->\n" for name in blocks)


def block(name: str, body: str) -> Document:
    """Return a document with one block between two lines."""
    return parse(f"above\n<!-- ptyproof:begin {name} -->\n{body}<!-- ptyproof:end {name} -->\nbelow\n", PAGE)


def record(
    root: Path, evidence: Evidence = "green", topic: str | None = "dose", ended: bool = True, **changes: Any
) -> str:
    """Record a run in a hub as the plugin does; return its id."""
    hub = Hub(root)
    name = hub.open_run(["pytest", "tests"], evidence, topic, ENVIRONMENT, REVISION)
    (root / "green").mkdir(exist_ok=True)
    (root / "green" / f"{name}.log").write_text("1 passed\n", encoding="utf-8")
    changes = {"accepted": True if ended and evidence != "none" else None, "log_path": f"green/{name}.log"} | changes
    if ended:
        hub.end_run(name, 0, **{"outcomes": {"passed": 1}, **changes})
    else:
        hub.update_run(name, **changes)
    return name


def links(text: str) -> list[str]:
    """Return the targets of a text's links."""
    return re.findall(r"\]\(([^()]*)\)", text)


TESTS = "| selector | tests |\n|---|---|\n| `pytest tests` | ? |\n"
GUIDE = f"# Guide\n\n{page('selectors').replace('-->', '-->' + chr(10) + TESTS[:-1], 1)}no line end".replace(
    "\n", "\r\n"
)
INDEX = f"# Index\n\n{page('test-index')}\n`<!-- ptyproof:begin test-index -->` is how\n".replace("\n", "\r\n")
PLAN = f"# Plan\n\n{page('checklist').replace(chr(10), chr(10) + ROW, 1)}\n{page('checklist-more', 'ledger')}end\n"


def make_project(root: Path) -> Path:
    """Make a project with one test module, documents that were never synced, and a hub with an accepted green run."""
    files = {
        "pyproject.toml": "[tool.ptyproof.docs]\nchecklists = ['docs/fix_plan.md', './docs/fix_plan.md']\n",
        "tests/test_one.py": '"""One and only."""\n\ndef test_one(): ...\n\n\ndef test_two(): ...\n',
        "docs/TESTING_GUIDE.md": GUIDE,
        "docs/development/TEST_SUITE_INDEX.md": INDEX,
        "docs/fix_plan.md": PLAN,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    record(root / "hub")
    return root
