"""One version: in the package, in the changelog and in CITATION.cff; and what a wheel has besides modules."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from ptyproof import __version__

ROOT = Path(__file__).parent.parent
HATCH = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]


def test_citation_has_the_version_of_the_package() -> None:
    (version,) = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert version == __version__


def test_the_newest_section_of_the_changelog_is_that_of_the_version() -> None:
    sections = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [section for section in sections if section != "Unreleased"]
    assert len(set(sections)) == len(sections)
    assert sections[0] in ("Unreleased", __version__)
    assert not released or released[0] == __version__


def test_pages_name_this_version_where_they_name_a_tag() -> None:
    tags = [
        tag for page in (ROOT / "docs").rglob("*.md") for tag in re.findall(r"rev: v(\S+)", page.read_text("utf-8"))
    ]
    assert tags
    assert set(tags) == {__version__}


@pytest.mark.parametrize("package", HATCH["build"]["targets"]["wheel"]["packages"])
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
