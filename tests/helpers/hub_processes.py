"""Processes of their own that know a hub and can open a run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.hubs import ENVIRONMENT, REVISION
from tests.helpers.processes import Ending

TIMEOUT_S = 120
_PROCESS = f"""
import os, resource, sys, time
from pathlib import Path
from ptyproof.hub.index import Hub
hub = Hub(Path(sys.argv[1]))
def open_run():
    return hub.open_run(["pytest", *sys.argv[2:]], "none", None, {ENVIRONMENT!r}, {REVISION!r})
"""


def process(code: str, root: Path, *args: str, temporary: Path | None = None) -> subprocess.Popen[str]:
    """Start a process that knows `hub`, whose folder is `root`, and `open_run()`."""
    argv = [sys.executable, "-c", _PROCESS + code, str(root), *args]
    own = {} if temporary is None else {"TMPDIR": str(temporary)}
    return Ending(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | own)


def said(started: subprocess.Popen[str]) -> str:
    """Return what a process wrote, after it has ended well."""
    out, err = started.communicate(timeout=TIMEOUT_S)
    assert (started.returncode, err) == (0, "")
    return out
