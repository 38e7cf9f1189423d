"""Python processes that fork from one that has imported what takes seconds.

For tests of what commands do, with a process, an environment, a current folder and a screen of their own: whatever is
no test of how Python starts. A fresh interpreter imports torch, Lightning and pty-chi in most of ten seconds, and so
does the server that it starts for its jobs; here, each is forked in some hundredths of a second. That the commands work
in fresh interpreters, too, is tested by the run `whole`, by the tutorials, and by the kills of the campaign.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import forkserver, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

from ptyproof.jobs import process as job_process
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase

# what real runs import, besides what their jobs do
_OF_RUNS = (
    "pytest",
    "pdb",
    "jsonschema_rs",
    "matplotlib.pyplot",
    "ptyproof.runs.matrix",
    "ptyproof.report.page",
    "ptyproof.phases.d_overlap.overlap",
    "ptyproof.phases.g_compare.compare",
    "ptyproof.checking.hub",
    "ptyproof.hub.blocked",
    "ptyproof.hub.tree_changes",
    "ptyproof.hub.verdict",
    "ptyproof.provenance.revision",
    "ptyproof.report.summary",
    "ptyproof.cli",
    "tests.helpers.forked",
    "tests.helpers.known_files",
)
_NOWHERE = Path(os.devnull)
_starting = threading.Lock()


def start_server() -> None:
    """Start the process that all others fork from, unless it runs; the tests' own jobs come from it, too."""
    with _starting:
        job_process.start_server((*TrainingPhase.PRELOADED, *ReconstructionPhase.PRELOADED, *_OF_RUNS))


@dataclass(frozen=True)
class Begun:
    """A process that has begun, with the names that `subprocess.Popen` has."""

    process: BaseProcess

    @property
    def pid(self) -> int:
        """Its number, which is that of its session, too."""
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self.process.exitcode

    def wait(self) -> int:
        """Return how it ends."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def kill(self) -> None:
        """End it."""
        self.process.kill()


@contextmanager
def begun(
    words: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    screen: tuple[Path, Path] = (_NOWHERE, _NOWHERE),
    largest_file: int | None = None,
) -> Iterator[Begun]:
    """Give the process of `python words...`; its output goes to two files; it leads a session of its own.

    The words are `-m NAME...`, with `-B` before them where no bytecode is to be kept.
    """
    start_server()
    plain = tuple(path for path in _path_of_python() if path)
    how = (list(words), os.fspath(cwd), dict(env), plain, tuple(map(os.fspath, screen)), largest_file)
    process = multiprocessing.get_context("forkserver").Process(target=_become, args=how)
    process.start()
    try:
        yield Begun(process)
    finally:
        process.kill()
        process.join()
        process.close()


def run(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], largest_file: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what `python words...` shows and how it ends; `largest_file` is the limit of its files in bytes."""
    folder = Path(tempfile.mkdtemp(prefix="forked-"))
    try:
        screen = folder / "stdout", folder / "stderr"
        with begun(words, cwd, env, screen, largest_file) as process:
            status = process.wait()
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in screen]
        return subprocess.CompletedProcess(list(words), status, *texts)
    finally:
        shutil.rmtree(folder)


@cache
def _path_of_python() -> tuple[str, ...]:
    """Return what a fresh interpreter looks for modules in."""
    code = "import sys; print(*sys.path[1:], sep='\\n')"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    said = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True)
    return tuple(said.stdout.splitlines())


def _become(
    words: list[str],
    cwd: str,
    env: dict[str, str],
    path: tuple[str, ...],
    screen: tuple[str, str],
    largest_file: int | None,
) -> None:
    """Let this fork be what a fresh interpreter would be with `-m words...`."""
    gc.freeze()  # what was imported is not garbage: pytest looks for some at its end, again and again
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background commands ignore it, and so do forks
    for number, name in enumerate(screen, start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOCTTY, 0o600), number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    tempfile.tempdir = None
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in env or words[0] == "-B"
    sys.path[:] = [cwd, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *path]
    sys.path_importer_cache.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    from matplotlib.figure import Figure

    util.spawnv_passfds = partial(_forked_server, Figure.savefig)
    command, *arguments = words[words.index("-m") + 1 :]
    sys.argv = [command, *arguments]
    runpy.run_module(command, run_name="__main__", alter_sys=True)


_spawned = util.spawnv_passfds


def _forked_server(savefig: Any, path: Any, args: Sequence[Any], passfds: Sequence[int]) -> int:
    """Fork the server of a run's jobs in place of starting it; its jobs draw their own pictures, as they do there."""
    if not str(args[-1]).startswith("from multiprocessing.forkserver"):
        return _spawned(path, args, passfds)
    pid = os.fork()
    if pid == 0:
        from matplotlib.figure import Figure

        Figure.savefig = savefig  # type: ignore[method-assign]
        _serve(str(args[-1]), {0, 1, 2, *passfds})
    return pid


def _serve(code: str, kept: set[int]) -> NoReturn:
    """Be the server that the code starts, with nothing else open, as after an exec."""
    try:
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the descriptor of the listing itself is in it
            if int(name) not in kept:
                try:
                    os.close(int(name))
                except OSError:
                    continue
        forkserver._forkserver.__init__()  # type: ignore[misc]
        exec(code, {})
    finally:
        os._exit(0)
