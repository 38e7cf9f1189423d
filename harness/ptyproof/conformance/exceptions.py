"""The checks that methods of ptyproof are known to fail, each with its reason, from `exceptions.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path


def known_exceptions() -> dict[tuple[str, str], str]:
    """Return the reason for each (method, check)."""
    text = Path(__file__).with_name("exceptions.toml").read_text(encoding="utf-8")
    return {
        (method, check): entry["reason"]
        for entry in tomllib.loads(text)["exception"]
        for method in entry["methods"]
        for check in entry["checks"]
    }
