"""The command line: `ptyproof COMMAND`, the same as `python -m ptyproof COMMAND`.

Exit status 0: done; 1: it ran and something failed; 2: usage or bad input, nothing was written.
"""

from ptyproof.cli.main import main

__all__ = ["main"]
