"""The reference pages of the documentation site have every command, fixture and schema of the code."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs._ext import flowchart, pages
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
    names = [kind if major == 1 else f"{kind}_v{major}" for kind, major in kinds()]
    now = [name for name in names if not name.startswith("legacy_")]
    assert headings(text) == [*now, "Earlier generations"]
    for name in names:
        assert f"`{name}`" in text
    assert re.search(r"^\| `n_skipped` \| `count` \| .+ \|$", text, flags=re.MULTILINE)


DIAGRAMS = [
    found
    for page in sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
    for found in re.findall(
        r"^```mermaid\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize("text", DIAGRAMS, ids=range(len(DIAGRAMS)))
def test_a_diagram_is_drawn_downward_and_no_two_boxes_touch(text: str) -> None:
    chart = flowchart.laid_out(flowchart.parse(text))
    assert len(chart.edges) == text.count("-->")
    for one, other, _ in chart.edges:
        assert chart.nodes[one].y < chart.nodes[other].y
    boxes = [node for node in chart.nodes.values() if node.lines]
    for one_box, other_box in combinations(boxes, 2):
        apart = abs(one_box.x - other_box.x) >= (one_box.width + other_box.width) / 2
        apart |= abs(one_box.y - other_box.y) >= (one_box.height + other_box.height) / 2
        assert apart, (one_box.lines, other_box.lines)


def test_a_diagram_is_sound_xml_with_every_label() -> None:
    drawn = flowchart.svg('flowchart LR\n  a["one<br>A & B"] -->|x < y| b\n  a --> c --> b')
    root = ElementTree.fromstring(drawn)
    assert sorted(element.text or "" for element in root.iter("text")) == ["A & B", "b", "c", "one", "x < y"]
    assert len([path for path in root.iter("path") if path.get("class") == "edge"]) == 3


@pytest.mark.parametrize(
    "text", ["sequenceDiagram\n a->>b: x", "flowchart TB\n a --> b\n b --> a", "flowchart TB\n a{x}"]
)
def test_a_diagram_that_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="diagram"):
        flowchart.svg(text)
