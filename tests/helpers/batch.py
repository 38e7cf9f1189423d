"""Commands of a batch system that run batch scripts on this machine at once, without a batch system.

`python -m tests.helpers.batch sbatch FOLDER SCRIPT` runs a script; `... scancel FOLDER NUMBER` ends it. The folder has
`NUMBER.sh`, `NUMBER.out` and `NUMBER.pid`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def commands(folder: Path) -> Iterator[str]:
    """Make the commands in a folder; yield a PATH with them, and end at last what they ran."""
    folder.mkdir()
    root = Path(__file__).parents[2]
    for name in ("sbatch", "scancel"):
        path = folder / name
        words = f'"{sys.executable}" -m tests.helpers.batch {name} "{folder}" "$@"'
        path.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec {words}\n')
        path.chmod(0o755)
    yield f"{folder}{os.pathsep}{os.environ['PATH']}"
    for path in folder.glob("*.pid"):
        end(path)


def sbatch(folder: Path, script: str) -> None:
    """Run a script in a session of its own, unless it asks for the partition `refused`."""
    text = Path(script).read_text()
    if "#SBATCH -p refused" in text:
        sys.exit("sbatch: error: Invalid partition specified: refused")
    number = len(list(folder.glob("*.sh"))) + 1
    path = folder / f"{number}.sh"
    path.write_text(text)
    with path.with_suffix(".out").open("w") as out:
        process = subprocess.Popen(
            ["bash", str(path)], stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
    path.with_suffix(".pid").write_text(str(process.pid))
    print(f"Submitted batch job {number}")


def scancel(folder: Path, number: str) -> None:
    """End a script."""
    with suppress(ProcessLookupError):
        os.killpg(int((folder / f"{number}.pid").read_text()), signal.SIGTERM)


def end(path: Path) -> None:
    """Kill what a script of a file `NUMBER.pid` started, as a node that dies does."""
    with suppress(ProcessLookupError):
        os.killpg(int(path.read_text()), signal.SIGKILL)


def has_ended(path: Path) -> bool:
    """Tell whether a script of a file `NUMBER.pid` has ended, or ends within some seconds."""
    for _ in range(500):
        try:
            os.killpg(int(path.read_text()), 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def wait_for(path: Path) -> None:
    """Wait until a file has a text."""
    for _ in range(1500):
        if path.is_file() and path.read_text():
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


if __name__ == "__main__":
    {"sbatch": sbatch, "scancel": scancel}[sys.argv[1]](Path(sys.argv[2]), sys.argv[-1])
