"""The index of a hub in tests: its runs, and its bytes with their digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ptyproof.hub.index import Hub
from ptyproof_schemas.types.hub_index import HubIndex, Run
from tests.helpers.hubs import ENVIRONMENT, REVISION


def sha256(raw: bytes) -> str:
    """Return a digest in hexadecimal digits."""
    return hashlib.sha256(raw).hexdigest()


def open_run(hub: Hub, *command: str) -> str:
    """Open a run that shows nothing by itself."""
    return hub.open_run(command or ("pytest",), "none", None, ENVIRONMENT, REVISION)


def index_of(hub: Hub) -> HubIndex:
    """Return the index, which is there."""
    index = hub.read()
    assert index is not None
    return index


def run_of(hub: Hub, name: str) -> Run:
    """Return the record of a run."""
    return next(run for run in index_of(hub)["runs"] if run["id"] == name)


def sealed(index: dict[str, Any]) -> bytes:
    """Return an index as bytes, with the digest that belongs to them."""
    text = json.dumps(index | {"index_sha256": "0" * 64}, indent=1).encode()
    return text.replace(b"0" * 64, sha256(text).encode(), 1)
