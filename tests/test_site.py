"""The reference pages of the documentation site have every command, fixture and schema of the code."""

from __future__ import annotations

import re
from pathlib import Path

from docs._ext import pages
from ptyproof.cli.main import COMMANDS
from ptyproof.io.schema_files import kinds


def headings(markdown: str) -> list[str]:
    """Return the titles of sections."""
    return re.findall(r"^## `?(.+?)`?$", markdown, flags=re.MULTILINE)


def test_every_command_has_a_section_with_a_summary() -> None:
    text = pages.commands()
    assert {title.split()[1] for title in headings(text)} == set(COMMANDS)
    assert re.findall(r"^## .*\n\n\n", text, flags=re.MULTILINE) == []


def test_an_option_is_shown_with_its_value_and_whether_it_is_required() -> None:
    assert re.search(r"^\| `--output-root DIR` \| .+ \(required\) \|$", pages.commands(), flags=re.MULTILINE)


def test_every_fixture_has_a_section_with_scope_and_docstring() -> None:
    found = pages.fixture_list()
    names = [each.name for each in found]
    source = Path(__file__).parent.parent / "plugins/pytest_ptyproof"
    defined = [
        name
        for module in source.glob("*.py")
        for name in re.findall(r"^@pytest\.fixture.*\ndef (\w+)", module.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(names) == sorted(defined)
    assert [each.name for each in found if not each.doc or each.scope != "session"] == []
    assert headings(pages.fixtures()) == names


def test_every_schema_is_there_with_its_fields() -> None:
    text = pages.schemas()
    now = [kind for kind, _ in kinds() if not kind.startswith("legacy_")]
    assert headings(text) == [*now, "Earlier generations"]
    for kind, _ in kinds():
        assert f"`{kind}`" in text
    assert re.search(r"^\| `n_skipped` \| `count` \| .+ \|$", text, flags=re.MULTILINE)
