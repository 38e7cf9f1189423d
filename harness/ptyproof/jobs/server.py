"""How threads of jobs wait, and how the server of processes ends; only the server imports this module, first of all.

The threads of torch spin while they wait for each other, for some milliseconds by default. On a busy machine they take
the cores from those that they wait for. 30 microseconds of it keep most of the speed of a quiet machine. The library
of the threads reads this once, when torch is imported.

The server has nothing to clean up, and an ordinary exit, which takes apart all imported modules, takes seconds.
"""

from __future__ import annotations

import atexit
import os

_SPIN_COUNT = "10000"  # of GNU OpenMP: measured, of 0 to 300,000

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)

atexit.register(os._exit, 0)
