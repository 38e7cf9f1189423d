"""Imported by the server of processes alone, before all else: how it ends.

It holds nothing that would have to be put away, and taking apart all that it has imported takes seconds.
"""

from __future__ import annotations

import atexit
import os

atexit.register(os._exit, 0)
