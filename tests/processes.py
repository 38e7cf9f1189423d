"""Processes that tests start: pytest with this project's plugin and without others that happen to be installed."""

from __future__ import annotations

import os

_AUTOLOAD, _NAMED = "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS"


def plugin_alone() -> dict[str, str]:
    """Return an environment in which pytest loads this project's plugin alone: others cost a second in each process.

    `-p xdist` and the like still work. That pytest finds the plugin by itself is tested in `test_plugin.py`, and by the
    tour.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return inherited | {_AUTOLOAD: "1", _NAMED: "pytest_ptyproof.plugin", "OMP_NUM_THREADS": "1"}
