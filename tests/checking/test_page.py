"""docs/manifest-checks.md is in step with the codes, the kinds, and what the program says of five bad files."""

from __future__ import annotations

import re

from ptyproof.checking.model.codes import codes
from tests.helpers.checks_page import PAGE, bad_files, outputs, renewed


def test_the_page_is_what_the_code_makes_of_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "renew it with `python -m tests.helpers.checks_page`"


def test_the_page_names_no_code_that_there_is_not() -> None:
    assert set(re.findall(r"\bPM\d{3}\b", PAGE.read_text(encoding="utf-8"))) == set(codes())


def test_each_bad_file_has_an_error_and_its_fix() -> None:
    said = outputs().split("\n\n")
    assert len(said) == len(bad_files()) == 5
    for part in said:
        named = re.findall(r"\bPM\d{3}\b", part)
        assert named
        assert any(codes()[code].fix in part for code in named)
