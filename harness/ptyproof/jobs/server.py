"""How the server of processes ends; only the server imports this module, first of all.

The server has nothing to clean up, and an ordinary exit, which takes apart all imported modules, takes seconds.
"""

from __future__ import annotations

import atexit
import os

atexit.register(os._exit, 0)
