"""`python -m ptyproof`: the same as the command `ptyproof`."""

import sys

from ptyproof.cli import main

if __name__ == "__main__":
    sys.exit(main())
