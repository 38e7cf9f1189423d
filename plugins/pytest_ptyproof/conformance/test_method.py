"""Each check of `ptyproof.conformance.checks` on each method of `--ptyproof-method`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_ptyproof.conforming import methods_to_check

if TYPE_CHECKING:
    from ptyproof.conformance.checks import Subject


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item for each method and check; one that is known to fail has to fail, with its reason."""
    from ptyproof.conformance.checks import CHECKS, Subject
    from ptyproof.conformance.exceptions import known_exceptions

    table = known_exceptions()
    cells = []
    for found in methods_to_check(metafunc.config):
        subject = Subject(found.method)
        without = found.unavailable or ("the method needs a trained bundle" if found.needs_training else None)
        for name in CHECKS:
            marks: list[pytest.MarkDecorator] = []
            if without is not None:
                marks.append(pytest.mark.skip(reason=without))
            elif reason := table.get((found.name, name)):
                marks.append(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))
            cells.append(pytest.param(subject, CHECKS[name], marks=marks, id=f"{found.name}-{name}"))
    metafunc.parametrize(("subject", "check"), cells)


def test_method(subject: Subject, check: Callable[[Subject], list[str]], request: pytest.FixtureRequest) -> None:
    """The method passes the check; the first reconstruction's time and the process's memory are recorded."""
    wrong = check(subject)
    found = {"reconstruction_seconds": subject.seconds, "peak_memory_bytes": subject.peak_memory_bytes}
    request.node.user_properties.extend(found.items())
    assert not wrong, "; ".join(wrong)
