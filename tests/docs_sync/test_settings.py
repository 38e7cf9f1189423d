"""The settings of `docs sync`, and those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.docs_sync.settings import DocsSettings, find_project, load_settings
from ptyproof.errors import DataError


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", DocsSettings()),
        ("[tool.ptyproof.docs]\n", DocsSettings()),
        ("[tool.ptyproof.docs]\nledger = 'L.md'\n", DocsSettings(ledger="L.md")),
        ("[tool.ptyproof.docs]\nchecklists = ['a.md', 'b/c.md']\n", DocsSettings(checklists=("a.md", "b/c.md"))),
    ],
)
def test_settings_have_defaults(table: str, expected: DocsSettings, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\n{table}")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "a" / "b") == tmp_path.resolve()
    assert load_settings(tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.ptyproof.docs]\nleger = 'x.md'\n", "[tool.ptyproof.docs]: leger: is no key of this table"),
        ("[tool.ptyproof.docs]\nledger = 3\n", "ledger: must be a path inside the folder of pyproject.toml"),
        ("[tool.ptyproof.docs]\nledger = ''\n", "got ''"),
        ("[tool.ptyproof.docs]\nledger = '/etc/x.md'\n", "got '/etc/x.md'"),
        ("[tool.ptyproof.docs]\ntest_index = '../x.md'\n", "got '../x.md'"),
        ("[tool.ptyproof.docs]\nchecklists = 'x.md'\n", "checklists: must be a list of paths, got 'x.md'"),
        ("[tool.ptyproof.docs]\nchecklists = [['x.md']]\n", "got ['x.md']"),
        ("[tool.ptyproof]\ndocs = 3\n", "docs: must be a table, got 3"),
        ("tool = 3\n", "tool: must be a table, got 3"),
        ("[tool\n", "is no TOML"),
        (b"\xff", "is not UTF-8 text (byte 0)"),
    ],
)
def test_settings_that_cannot_be_are_refused(text: str | bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        load_settings(tmp_path)
    assert words in str(caught.value)
