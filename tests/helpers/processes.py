"""Processes that tests start; pytest among them with this project's plugin, and without others that are installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

PLUGIN = "pytest_ptyproof.plugin"
LOADED = Path(__file__).parent / "loaded"  # plugins that such processes load
_AUTOLOAD, _NAMED = "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS"
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


def plugin_alone() -> dict[str, str]:
    """Return an environment in which pytest loads this project's plugin alone: others cost a second in each process.

    `-p xdist` and the like still work. That pytest finds the plugin by itself is tested in `test_plugin.py`, and by the
    tour as it is written. Bytecode is kept: to compile the project anew takes most of a second in each process.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", _NO_BYTECODE))}
    return inherited | {_AUTOLOAD: "1", _NAMED: PLUGIN, "OMP_NUM_THREADS": "1"}


def plain_pictures() -> dict[str, str]:
    """Return the same environment, in which real runs draw no picture: that takes half their time.

    The pictures of real runs are tested by those that draw them: the run `whole`, and the tour as it is written.
    """
    return plugin_alone() | {_NAMED: f"{PLUGIN},plain_pictures", "PYTHONPATH": str(LOADED)}


def of_session(leader: int) -> list[int]:
    """Return the processes of a session, its leader first, so that it sees none of the others die."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found += [int(folder.name)] if os.getsid(int(folder.name)) == leader else []
            except ProcessLookupError:
                continue
    return sorted(found, key=lambda pid: (pid != leader, pid))


class Ending(subprocess.Popen[str]):
    """A process that ends with the `with` that it was started for, also where a test fails there."""

    def __exit__(self, *error: Any) -> None:
        """Kill it, and wait for its end."""
        self.kill()
        super().__exit__(*error)
