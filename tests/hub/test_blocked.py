"""Records of runs that could not go on: none replaces another one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ptyproof import clock
from ptyproof.hub import blocked
from ptyproof.io.atomic import write_text


def test_two_runs_that_stop_in_the_same_second_leave_two_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    others = ["third", "second"]

    def written(*args: Any, **words: Any) -> None:
        if others:
            blocked.write_blocked(tmp_path, "pytest", 1, others.pop(), "")
        write_text(*args, **words)

    monkeypatch.setattr(blocked, "write_text", written)
    path = blocked.write_blocked(tmp_path, "pytest", 1, "first", "")
    assert blocked.first_error(path) == "first"
    assert [blocked.first_error(found) for found in blocked.blocked_records(tmp_path)] == ["third", "second", "first"]
