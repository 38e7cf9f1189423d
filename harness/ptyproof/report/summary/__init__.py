"""The summary of an artifact hub: `docs/summary.md` for people, and `docs/skipped_views.jsonl` for programs.

Every number is one that a manifest holds. Equal hubs give equal text.
"""

from ptyproof.report.summary.page import write_summary

__all__ = ["write_summary"]
