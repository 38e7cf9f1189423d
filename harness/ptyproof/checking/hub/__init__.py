"""Judging an artifact hub as a whole: every manifest in it as alone, and what only a hub can have wrong.

`judge_hub` judges one, `refuse_unsound` raises for one with errors, `refuse_changed` keeps a writer from taking stock
of files that were changed. Nothing outside the hub is read.
"""

from ptyproof.checking.hub.judge import JudgedHub, judge_hub, refuse_unsound, verify_hub
from ptyproof.checking.hub.reading import read_index, refuse_changed
from ptyproof.checking.model.hub_files import HubFiles, hub_files

__all__ = [
    "HubFiles",
    "JudgedHub",
    "hub_files",
    "judge_hub",
    "read_index",
    "refuse_changed",
    "refuse_unsound",
    "verify_hub",
]
