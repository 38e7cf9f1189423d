"""`ptyproof docs` on the command line: what it says, its exit statuses, and that `--check` writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.cli import main
from tests.cli.test_cli import refused
from tests.evidence.test_docs_sync import ENVIRONMENT, REVISION, project, record
from tests.evidence.test_phase_c import snapshot
