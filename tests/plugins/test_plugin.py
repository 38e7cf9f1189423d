"""The plugin as any pytest run on a machine meets it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "lightning", "numpy", "scipy", "skimage", "matplotlib", "jsonschema")


@pytest.mark.parametrize("module", ["ptyproof", "pytest_ptyproof", "pytest_ptyproof.plugin", "ptyproof.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_installed_plugin_registers_its_marker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.real_run\ndef test_it(): pass\n")
    result = pytester.runpytest_subprocess("--strict-markers", "-m", "real_run")
    result.assert_outcomes(passed=1)
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.real_run: *"])
