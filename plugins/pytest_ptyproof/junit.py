"""Properties of a JUnit report that lead to the hub: its path, the run, and the sha256 of the index.

pytest writes the report before the run is judged and the index written for the last time. So the digest is put in
afterwards, in the place of a mark that nothing else in the report can be.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file

HUB, RUN, INDEX_SHA256 = "ptyproof_hub", "ptyproof_run", "ptyproof_hub_index_sha256"


class JunitLink:
    """The properties in the JUnit report of a session; a session without such a report has none."""

    def __init__(self, config: pytest.Config, hub: Hub, run: str) -> None:
        self._path: Path | None = None
        self._hub = hub
        self._mark = secrets.token_hex(32)
        named = config.getoption("xmlpath", None)
        report = next((one for one in config.pluginmanager.get_plugins() if hasattr(one, "add_global_property")), None)
        if named is None or report is None:
            return
        self._path = Path(os.path.expandvars(named)).expanduser().absolute()
        report.add_global_property(HUB, Path(os.path.relpath(hub.root, self._path.parent)).as_posix())
        report.add_global_property(RUN, run)
        if not self._path.is_relative_to(hub.root.absolute()):  # else the index has the report, and not it the index
            report.add_global_property(INDEX_SHA256, self._mark)

    def complete(self) -> None:
        """Put the digest of the index into the report, once the index is written for the last time.

        Raises
        ------
        OSError
            If the report cannot be written.
        """
        if self._path is None or not self._path.is_file():
            return
        text = self._path.read_text(encoding="utf-8")
        if self._mark in text:
            write_text(self._path, text.replace(self._mark, sha256_file(self._hub.index_path)))
