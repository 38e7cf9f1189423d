"""Errors of real runs with one cause are shown once, with their number; counts keep every test."""

from __future__ import annotations

import pytest

BROKEN = """\
import pytest

@pytest.fixture(scope="session")
def shared():
    raise RuntimeError("the data are gone")

@pytest.fixture
def own(request):
    raise ValueError(request.node.name)

{marker}
@pytest.mark.parametrize("n", range(20))
def test_shared(shared, n):
    pass

{marker}
@pytest.mark.parametrize("n", range(2))
def test_own(own, n):
    pass
"""
MARKED = BROKEN.format(marker="@pytest.mark.real_run")


def errors(result: pytest.RunResult) -> list[str]:
    """Return the lines of the short summary about errors."""
    return [line for line in result.outlines if line.startswith("ERROR ")]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_one_cause_is_one_line_with_its_number(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(MARKED)
    result = pytester.runpytest_subprocess("-m", "real_run", *workers)
    result.assert_outcomes(errors=22)
    shared = [line for line in errors(result) if "the data are gone" in line]
    assert len(shared) == 1
    assert "20" in shared[0]
    assert len(errors(result)) == 3
    assert sum("ERROR at setup" in line for line in result.outlines) == 3


def test_each_is_shown_with_vv_and_without_the_marker(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile(MARKED)
    assert len(errors(pytester.runpytest_subprocess("-m", "real_run", "-vv"))) == 22
    path.write_text(BROKEN.format(marker=""))
    assert len(errors(pytester.runpytest_subprocess())) == 22
