"""The plugins that the tests of this checkout use, and the threads they have; fixtures stand in `tests/conftest.py`."""

import os

pytest_plugins = ["pytester", "pytest_ptyproof.plugin"]

# Before numpy is imported: threads of several processes that wait for one another take ten times as long.
os.environ["OMP_NUM_THREADS"] = "1"
