"""A command in a process of its own, and the most memory that it and the processes that it waited for have had."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, what it wrote, and the largest peak of its processes, bytes."""

    status: int
    out: str
    err: str
    peak_bytes: int


def measured(argv: list[Any]) -> Ended:
    """Run `ptyproof` with these arguments in a process of its own."""
    command = [sys.executable, "-m", "ptyproof", *map(str, argv)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        files = [(os.POSIX_SPAWN_DUP2, file.fileno(), number) for number, file in ((1, out), (2, err))]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = os.posix_spawn(sys.executable, command, environment, file_actions=files)
        _, ended, used = os.wait4(process, 0)
        for file in (out, err):
            file.seek(0)
        said = [file.read().decode(errors="replace") for file in (out, err)]
    return Ended(os.waitstatus_to_exitcode(ended), said[0], said[1], used.ru_maxrss * 1024)
