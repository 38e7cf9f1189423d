"""The entry point of the plugin: the marker of tests that train for real.

Every pytest run on a machine loads this module, so it imports nothing heavy.
"""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `real_run`."""
    config.addinivalue_line("markers", "real_run: runs the phases of a study for real; select with -m real_run")
