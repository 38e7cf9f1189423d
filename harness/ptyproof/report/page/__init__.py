"""The report of an artifact hub: `docs/report.html`, one file that needs no network, no script and no other file.

Modules return data; the templates have the markup and escape every text. Equal hubs give equal bytes.
"""

from ptyproof.report.page.page import write_report

__all__ = ["write_report"]
