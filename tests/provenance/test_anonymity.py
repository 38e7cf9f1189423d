"""Marks tell one machine from another, and tell a stranger nothing."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from ptyproof.provenance import anonymity as module
from ptyproof.provenance.anonymity import (
    ANONYMOUS,
    anonymity,
    hardware_label,
    host_label,
    host_mark,
    is_anonymous,
    is_this_host,
)


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ANONYMOUS, raising=False)
    module._key.cache_clear()


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_hands_the_wish_on(monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool) -> None:
    monkeypatch.setenv(ANONYMOUS, value)
    assert is_anonymous() is wanted


def test_a_host_is_known_under_its_name_and_under_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    named = host_label()
    assert named == platform.node()
    monkeypatch.setenv(ANONYMOUS, "1")
    marked = host_label()
    assert platform.node() not in marked
    assert is_this_host(named)
    assert is_this_host(marked)
    assert not is_this_host(marked[:-1] + ("0" if marked[-1] != "0" else "1"))


def test_another_process_of_this_machine_gets_the_same_label() -> None:
    code = "from ptyproof.provenance.anonymity import host_label; print(host_label())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={ANONYMOUS: "1"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"host-{host_mark()[:12]}"


def test_the_mark_is_no_digest_of_the_name_alone() -> None:
    name = platform.node().encode()
    assert host_mark() not in {hashlib.sha256(name + end).hexdigest() for end in (b"", b"\n")}


def test_two_machines_of_one_name_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    marks = set()
    for secret in ("one", "two", None):
        places = (tmp_path / f"{secret}",)
        if secret is not None:
            places[0].write_text(secret, encoding="utf-8")
        monkeypatch.setattr(module, "SECRETS_OF_THE_MACHINE", places)
        monkeypatch.setattr(module, "SECRETS_OF_THE_BOOT", ())
        marks.add(host_mark())
    assert len(marks) == 3


def test_two_hosts_of_one_machine_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    before = host_mark()
    monkeypatch.setattr(platform, "node", lambda: "another-container")
    assert host_mark() != before


def test_hardware_has_its_name_or_a_mark_that_outlives_a_new_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert hardware_label("Best CPU 9000") == "Best CPU 9000"
    (tmp_path / "id").write_text("secret", encoding="utf-8")
    monkeypatch.setattr(module, "SECRETS_OF_THE_MACHINE", (tmp_path / "id",))
    monkeypatch.setenv(ANONYMOUS, "1")
    marks = []
    for boot in ("first", "second"):
        monkeypatch.setattr(module, "SECRETS_OF_THE_BOOT", (tmp_path / boot,))
        (tmp_path / boot).write_text(boot, encoding="utf-8")
        marks.append((hardware_label("Best CPU 9000"), host_mark()))
    (first, host), (second, host_later) = marks
    assert first == second
    assert host != host_later
    assert "CPU" not in first
    assert hardware_label("Other CPU") != first


@pytest.mark.parametrize("before", [None, "0", "1"])
def test_the_wish_ends_with_its_block(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    if before is not None:
        monkeypatch.setenv(ANONYMOUS, before)
    with anonymity(True):
        assert is_anonymous()
    assert os.environ.get(ANONYMOUS) == before
    with anonymity(False):
        assert is_anonymous() is (before == "1")
