"""A command of ptyproof as a run in an artifact hub: its log, its entry in the index, and the reason if it stopped."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ptyproof.console import plain
from ptyproof.exit_statuses import sentence_of
from ptyproof.hub.blocked import write_blocked
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import TRAINING
from ptyproof.io.atomic import writable_folder
from ptyproof.io.hashing import sha256_file
from ptyproof.provenance.environment import run_environment
from ptyproof.provenance.redaction import redaction
from ptyproof.provenance.revision import revision
from ptyproof.report.summary import write_summary

FOLDER = "cli"
_PROGRAM = "ptyproof"


@dataclass
class CommandRun:
    """A running command; the caller sets how it ended."""

    exit_status: int = 0


@contextmanager
def recorded(root: Path, words: Sequence[str], *, trains: bool = False) -> Iterator[CommandRun]:
    """Record the command that runs inside the `with` block as a run into the hub `root`.

    What the command says goes to `cli/ptyproof_RUN.log` as well as to the terminal. An error leaves
    `red/blocked_<UTC>.md`, and is raised on.

    Parameters
    ----------
    root
        Folder of the hub; it is made if it is missing.
    words
        The command line behind the program's name.
    trains
        Whether the command trains for real: a training manifest that changes in the hub is its work.

    Raises
    ------
    InputError
        If the folder cannot take files, or its index is damaged; then nothing was written or run.
    """
    writable_folder(root, "--artifact-hub")
    hub = Hub(root)
    hub.read()
    here = Path.cwd()
    command = [_PROGRAM, *words]
    clean = redaction(root).clean
    name = hub.open_run(command, "none", None, run_environment(), revision(here, [], root).as_dict())
    log = root / FOLDER / f"{_PROGRAM}_{name}.log"
    log.parent.mkdir(exist_ok=True)
    run = CommandRun()
    before = _training_record(root)
    blocked = None
    try:
        with log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1) as file:
            hub.update_run(name, log_path=log.relative_to(root).as_posix())
            try:
                with _tee(file, clean):
                    yield run
            except BaseException as error:
                said, run.exit_status = sentence_of(error) or (_unexpected(error), 1)
                sentence = clean(plain(said))
                file.write(f"{_PROGRAM}: error: {sentence}\n")
                file.flush()
                text = log.read_text(encoding="utf-8", errors="replace")
                blocked = write_blocked(root, clean(" ".join(command)), run.exit_status, sentence, text)
                raise
    finally:
        hub.end_run(
            name,
            run.exit_status,
            real_run=trains and _training_record(root) != before,
            environment=run_environment(),
            blocked_path=None if blocked is None else blocked.relative_to(root).as_posix(),
        )
        hub.write(lambda: write_summary(root))


def _training_record(root: Path) -> str | None:
    path = root / TRAINING
    return sha256_file(path) if path.is_file() else None


def _unexpected(error: BaseException) -> str:
    """Return an error of ptyproof itself, not of its input, with the traceback."""
    return f"{type(error).__name__}: {error}\n{traceback.format_exc()}"


class _Both:
    """A stream of the terminal that copies its lines, but no progress bars, to a file.

    `clean` removes private text from the file.
    """

    def __init__(self, terminal: TextIO, file: TextIO, clean: Callable[[str], str]) -> None:
        self._terminal = terminal
        self._file = file
        self._clean = clean

    def write(self, text: str) -> int:
        """Write a text to both."""
        if "\r" not in text:
            self._file.write(self._clean(plain(text)))
        return self._terminal.write(text)

    def flush(self) -> None:
        """Pass on what was written."""
        self._file.flush()
        self._terminal.flush()

    def __getattr__(self, name: str) -> object:
        """Return other attributes of the terminal's stream, such as `isatty`."""
        return getattr(self._terminal, name)


@contextmanager
def _tee(file: TextIO, clean: Callable[[str], str]) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(_Both(sys.stdout, file, clean)))
        stack.enter_context(redirect_stderr(_Both(sys.stderr, file, clean)))
        yield
