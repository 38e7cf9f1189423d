"""A new user's way: the wheel in an empty environment, `ptyproof new-method`, pip, and the package's own tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.companions.environments import Builder

pytestmark = pytest.mark.installs
NAME = "my-method"


def test_a_new_package_passes_the_suite(builder: Builder, tmp_path: Path) -> None:
    user, package = builder.of_a_user(tmp_path / "venv"), tmp_path / NAME
    steps = {
        ("ptyproof", "new-method", NAME): tmp_path,
        ("pip", "install", "--quiet", "-e", NAME): tmp_path,
        ("pytest", "--artifact-hub=hub"): package,
        ("ptyproof", "hub", "verify", "hub"): package,
        ("ptyproof", "conformance", "hub"): package,
    }
    for words, folder in steps.items():
        done = user.run("-m", *words, cwd=folder)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    record = json.loads((package / "hub" / "conformance" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert (record["status"], record["provider"]["name"]) == ("passed", NAME)
