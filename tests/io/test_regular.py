"""Files that come and go while they are looked for: each look is one moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.errors import DataError, ManifestError
from ptyproof.io.regular import open_regular, open_regular_if_there
from ptyproof.io.strict_json import read_content_if_there
from ptyproof.records.job_record import left_entry
from ptyproof.records.journal import Journal
from tests.helpers.ledgers import enumeration, ledger_with


def appearing(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make a file appear right after it was not found; return what was opened in vain."""
    real, missed = os.open, []

    def late(name: Any, *args: Any, **words: Any) -> int:
        try:
            return real(name, *args, **words)
        except FileNotFoundError:
            if Path(name) == path:
                missed.append(str(name))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}\n", encoding="utf-8")
            raise

    monkeypatch.setattr(os, "open", late)
    return missed


def journal_of(path: Path) -> Callable[[], Any]:
    journal = Journal(path.with_name("training_manifest.json"))
    assert journal.path == path
    return lambda: journal.since(None)


READERS: dict[str, Callable[[Path], Callable[[], Any]]] = {
    "open_regular_if_there": lambda path: lambda: open_regular_if_there(path),
    "read_content_if_there": lambda path: lambda: read_content_if_there(path),
    "journal": journal_of,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_appears_after_it_was_looked_for_was_not_there(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "training_manifest.journal.jsonl"
    read = READERS[reader](path)
    missed = appearing(path, monkeypatch)
    assert read() in (None, ([], None))
    assert missed == [str(path)]
    assert path.exists()


def test_an_entry_that_a_job_leaves_after_it_was_looked_for_was_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_with() as ledger:
        cell = enumeration(ledger).jobs[0].cell
        path = ledger.files(cell).result
        missed = appearing(path, monkeypatch)
        assert left_entry(ledger, cell) is None
        assert missed == [str(path)]
        with pytest.raises(ManifestError, match=path.name):
            left_entry(ledger, cell)


def test_what_is_no_regular_file_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name in ("link", "pipe", "."):
        with pytest.raises(DataError):
            open_regular_if_there(tmp_path / name)
    for name in ("nothing", "file/below"):
        assert open_regular_if_there(tmp_path / name) is None
        with pytest.raises(DataError):
            open_regular(tmp_path / name)
