"""The README's commands: one line each, and made of options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ptyproof.cli.main import build_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def command(name: str) -> str:
    """Return a marked command of the README, as `.ci/run` finds it."""
    found = re.findall(rf"^<!-- command: {name} -->\n```sh\n(.+)\n```$", README, flags=re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize("name", ["main", "test"])
def test_a_command_makes_its_own_environment_from_the_constraints(name: str) -> None:
    steps = [shlex.split(step) for step in command(name).split(" && ")]
    assert steps[0] == ["python3", "-m", "venv", ".venv"]
    assert steps[1][:4] == [".venv/bin/python", "-m", "pip", "install"]
    assert "constraints.txt" in steps[1]
    assert (ROOT / "constraints.txt").is_file()


def documented_commands() -> list[str]:
    """Return every `ptyproof` command in the documentation."""
    lines = []
    for page in PAGES:
        blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        lines += [
            part for block in blocks for line in block.replace("\\\n", " ").splitlines() for part in line.split(" && ")
        ]
    return sorted({line.strip() for line in lines if re.match(r"\s*(\.venv/bin/)?ptyproof ", line)})


@pytest.mark.parametrize("line", documented_commands())
def test_documented_commands_parse(line: str) -> None:
    words = shlex.split(line.split(" > ")[0], comments=True)
    build_parser().parse_args(words[1:])


def test_tests_that_pages_name_exist() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`(tests/[a-z0-9_/.]+)`", text):
            assert (ROOT / path).exists(), f"{page.name} names {path}"
        for module in re.findall(r"python -m (tests[\w.]*)", text):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"{page.name} names {module}"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
