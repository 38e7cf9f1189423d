"""Verification of an artifact hub: generators of problems, each about one concern, and the whole of them.

Nothing is read that lies outside the hub. A problem names the file, the place in it, and what is wrong.
"""

from ptyproof.evidence.verify.files import HubFiles, hub_files
from ptyproof.evidence.verify.hub import refuse_changed, verify_hub
from ptyproof.evidence.verify.index import index_problems, read_index
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems

__all__ = [
    "WHOLE",
    "HubFiles",
    "Problem",
    "Problems",
    "hub_files",
    "index_problems",
    "read_index",
    "refuse_changed",
    "verify_hub",
]
