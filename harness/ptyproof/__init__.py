"""ptyproof: evidence for ptychography studies that others can check.

Importing the package loads nothing heavy: numpy, scipy and torch come with the modules that use them.
"""

from ptyproof._version import __version__
from ptyproof.errors import DataError, DesignError, InputError, ManifestError, PtyproofError, RunError

__all__ = [
    "DataError",
    "DesignError",
    "InputError",
    "ManifestError",
    "PtyproofError",
    "RunError",
    "__version__",
]
