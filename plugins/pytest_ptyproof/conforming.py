"""The option `--ptyproof-method`: which methods `pytest --pyargs pytest_ptyproof.conformance` looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_ptyproof.methods import registered_methods

if TYPE_CHECKING:
    from ptyproof.methods.registry import Registered

_OPTION = "--ptyproof-method"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("ptyproof").addoption(
        _OPTION,
        action="append",
        default=[],
        metavar="NAME",
        help="method that pytest_ptyproof.conformance checks; may be given more than once",
    )


def methods_to_check(config: pytest.Config) -> list[Registered]:
    """Return the methods of the option, with the options that they have by default.

    Raises
    ------
    pytest.UsageError
        If the option is missing, or a method is not registered.
    """
    from ptyproof.errors import InputError
    from ptyproof.methods.registry import known_methods
    from ptyproof.study.builtin import builtin_study

    names: list[str] = list(dict.fromkeys(config.getoption(_OPTION)))
    try:
        known = known_methods(builtin_study("fly64-smoke"), registered_methods(config))
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    listed = ", ".join(sorted(known))
    if not names:
        raise pytest.UsageError(f"name the methods to check by {_OPTION}=NAME; there are {listed}")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise pytest.UsageError(f"{_OPTION} must be one of {listed}, got {unknown[0]}")
    return [known[name] for name in names]
