"""The settings of `docs sync`, and those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.docs_sync.settings import DocsSettings, find_project, load_settings
from ptyproof.errors import DataError
from tests.helpers.messages import naming


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
    ("text", "key", "parts"),
    [
        ("[tool.ptyproof.docs]\nleger = 'x.md'\n", "leger", ["testing_guide, test_index, checklists, ledger"]),
        ("[tool.ptyproof.docs]\nledger = 3\n", "ledger", [3]),
        ("[tool.ptyproof.docs]\nledger = ''\n", "ledger", ["''"]),
        ("[tool.ptyproof.docs]\nledger = '/etc/x.md'\n", "ledger", ["'/etc/x.md'"]),
        ("[tool.ptyproof.docs]\ntest_index = '../x.md'\n", "test_index", ["'../x.md'"]),
        ("[tool.ptyproof.docs]\nchecklists = 'x.md'\n", "checklists", ["'x.md'"]),
        ("[tool.ptyproof.docs]\nchecklists = [['x.md']]\n", "checklists", ["['x.md']"]),
        ("[tool.ptyproof]\ndocs = 3\n", "docs", [3]),
        ("tool = 3\n", "tool", [3]),
        ("[tool\n", None, ["TOML"]),
        (b"\xff", None, ["UTF-8", "TOML", 0]),
    ],
)
def test_settings_that_cannot_be_are_refused(
    text: str | bytes, key: str | None, parts: list[object], tmp_path: Path
) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=naming(file, *parts)) as caught:
        load_settings(tmp_path)
    assert caught.value.member == (None if key is None else f"[tool.ptyproof.docs]: {key}")
