"""docs/conformance.md has every check as the code has it, and every method that ships."""

from __future__ import annotations

from ptyproof.conformance.checks import CHECKS
from ptyproof.methods.registry import SHIPPED, known_methods
from ptyproof.study.builtin import builtin_study
from tests.helpers.conformance_page import PAGE, renewed, table_of_checks


def test_the_page_has_the_checks_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page, {"code": table_of_checks()}) == page, "run `python -m tests.helpers.conformance_page`"


def test_the_table_of_methods_has_every_method_and_check_and_every_exception() -> None:
    lines = PAGE.read_text(encoding="utf-8").partition("made from the hub")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    methods = rows[0][1:]
    assert sorted(methods) == sorted(SHIPPED)
    assert [row[0] for row in rows[1:-3]] == list(CHECKS)
    marked = {row[0]: [method for method, cell in zip(methods, row[1:], strict=True) if cell == "!"] for row in rows}
    shown = {(method, check) for check, names in marked.items() for method in names}
    known = known_methods(builtin_study("fly64-smoke"))
    declared = {
        (name, check) for name in SHIPPED for check in getattr(known[name].method, "conformance_exceptions", {})
    }
    assert shown == declared
