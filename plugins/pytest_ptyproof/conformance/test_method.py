"""Each check of `ptyproof.conformance.checks` on each method of `--ptyproof-method`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_ptyproof.conforming import PROPERTY, methods_to_check

if TYPE_CHECKING:
    from ptyproof.conformance.subject import Subject
    from ptyproof.methods.registry import Registered


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item for each method and check; those of a method that cannot run here are skipped with the reason."""
    from ptyproof.conformance.checks import CHECKS
    from ptyproof.conformance.subject import Subject

    cells = []
    for found in methods_to_check(metafunc.config):
        subject = Subject(found.method)
        marks = [] if found.unavailable is None else [pytest.mark.skip(reason=found.unavailable)]
        cells += [pytest.param(found, subject, check, marks=marks, id=f"{found.name}-{check}") for check in CHECKS]
    metafunc.parametrize(("found", "subject", "check"), cells)


def test_method(found: Registered, subject: Subject, check: str, request: pytest.FixtureRequest) -> None:
    """The method passes the check, or fails it as it declares; the report has the trial with its time and memory."""
    from ptyproof.conformance.exceptions import declared_exceptions
    from ptyproof.conformance.trial import as_property, try_check

    trial = try_check(subject, check, declared_exceptions(found.method))
    request.node.user_properties.append((PROPERTY, as_property(found, trial)))
    if trial.crash is not None:
        raise trial.crash
    if trial.outcome == "stale":
        pytest.fail(f"{found.name} declares an exception for {check}, which passes: remove it", pytrace=False)
    if trial.outcome == "failed":
        pytest.fail("; ".join(trial.said), pytrace=False)
    if trial.outcome == "exception":
        pytest.xfail(str(trial.reason))
