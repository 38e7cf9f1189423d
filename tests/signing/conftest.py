"""A signed hub, and the key that signed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.cli.main import main
from tests.helpers.signing_keys import Key
from tests.helpers.tested_hub import make_hub


@pytest.fixture
def key(tmp_path: Path) -> Key:
    """A pair of keys."""
    return Key(tmp_path / "keys")


@pytest.fixture
def hub(tmp_path: Path, key: Key) -> Path:
    """A signed hub."""
    root = make_hub(tmp_path / "hub")
    assert main(["hub", "sign", str(root), "--key", str(key.private)]) == 0
    return root
