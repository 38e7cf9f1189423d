"""Which files a test reads for their digests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.io import file_digests
from ptyproof.io.hashing import sha256_file


def files_hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the list to which each file that is hashed is added."""
    read: list[Path] = []

    def noted(path: Path) -> str:
        read.append(path)
        return sha256_file(path)

    monkeypatch.setattr(file_digests, "sha256_file", noted)
    return read


def remember_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let digests of files be remembered that were only just written."""
    monkeypatch.setattr(file_digests, "SETTLED_NS", -1)
