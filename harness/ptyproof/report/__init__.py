"""The report of an artifact hub: `docs/report.html`, one file that needs no network, no script and no other file.

The page is text made of records: the training manifest, Phase D's manifest, and the pictures that `pictures.collect`
drew. Every text from a record is escaped. Equal hubs give equal bytes.
"""

from ptyproof.report.comparison import Compared
from ptyproof.report.page import write_report

__all__ = ["Compared", "write_report"]
