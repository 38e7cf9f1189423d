"""The report of an artifact hub: `docs/report.html`, one file that needs no network, no script and no other file.

The page is text made of records: the training manifest, Phase D's manifest, and the pictures that `pictures.collect`
drew. Every text from a record is escaped. Equal hubs give equal bytes.
"""

from ptyproof.evidence.report.markup import REPORT
from ptyproof.evidence.report.page import report_page, write_report

__all__ = ["REPORT", "report_page", "write_report"]
