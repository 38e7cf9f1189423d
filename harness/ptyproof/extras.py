"""Packages that the extras of pytest-ptyproof install, and the sentence about one that is missing.

Without an extra everything works that needs none of its packages: simulating, views, comparing, checking, hubs. Nothing
here imports a package, but for `require` and `broken`. A search that fails, as where a package is kept from being
imported, counts as missing, and so does a folder of a package's name without the package in it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import combinations

from ptyproof.errors import InputError

TRAINING = ("torch", "lightning", "safetensors", "matplotlib")
INFERENCE = ("torch", "safetensors")
ENGINES = ("torch", "torchvision", "ptychi", "matplotlib")  # pty-chi imports Matplotlib, and installs it
CDTOOLS = ("torch", "cdtools")
XPTYCHO = ("torch", "xptycho")
IMAGES = ("skimage",)
SIGNING = ("securesystemslib", "cryptography")
SIGSTORE = ("sigstore",)
BEAMLINES = ("h5py", "hdf5plugin", "ptychodus")
DASK = ("distributed",)
CLUSTER = ("distributed", "dask_jobqueue")
CLUSTER_TLS = (*CLUSTER, "cryptography")
_SLOW = frozenset({"lightning"})  # seconds, and used in the processes of jobs alone
_EXTRAS = {
    "train": ("torch", "lightning", "safetensors", "matplotlib"),
    "iterative": ("torch", "torchvision", "ptychi", "h5py"),
    "engines": ("torch", "cdtools", "xptycho"),
    "images": ("skimage",),
    "sign": ("securesystemslib", "cryptography"),
    "sigstore": ("sigstore",),
    "beamlines": ("ptychodus", "h5py", "hdf5plugin"),
    "cluster": ("distributed", "dask_jobqueue", "cryptography"),
}


class MissingExtraError(InputError):
    """Packages that an extra installs are not there, or cannot be imported, so that nothing was begun."""


def missing(packages: tuple[str, ...]) -> list[str]:
    """Return those of `packages` that are not installed."""
    return [name for name in packages if not _is_there(name)]


def install(packages: list[str]) -> str:
    """Return the command that installs packages of extras: of as few as have them all."""
    groups = (group for size in range(1, len(_EXTRAS) + 1) for group in combinations(_EXTRAS, size))
    enough = (group for group in groups if set(packages) <= {name for extra in group for name in _EXTRAS[extra]})
    return f"pip install 'pytest-ptyproof[{','.join(next(enough, tuple(_EXTRAS)))}]'"


def require(what: str, packages: tuple[str, ...]) -> None:
    """Raise unless all of `packages` are installed and can be imported; they are imported, but for the slowest.

    Raises
    ------
    MissingExtraError
        With `what` needs them, their names, and the command that installs them, or why one cannot be imported.
    """
    absent = missing(packages)
    quick = tuple(name for name in packages if name not in _SLOW)
    sentence = needs(what, absent) if absent else broken(what, quick)
    if sentence is not None:
        raise MissingExtraError(sentence)


def needs(what: str, absent: list[str]) -> str:
    """Return the sentence about what needs missing packages."""
    verb = "is" if len(absent) == 1 else "are"
    return f"{what} needs {_listed(absent)}, which {verb} not installed: {install(absent)}"


def broken(what: str, packages: tuple[str, ...]) -> str | None:
    """Import packages; return the sentence about the first that is installed and cannot be imported, or None."""
    for name in packages:
        try:
            import_module(name)
        except Exception as error:  # whatever a package raises while it is imported
            sentence = sentence_about(error, what)
            if sentence is None:
                raise
            return sentence
    return None


def sentence_about(error: BaseException, what: str = "this") -> str | None:
    """Return the sentence about an error that importing an extra's package ended in; None for any other error.

    A package that is not installed is told from one that is, and that cannot be imported: a library of the system that
    is missing, a package of its own that does not fit.
    """
    package = _imported_when_raised(error) or _named(error)
    if package is None:
        return None
    if isinstance(error, ModuleNotFoundError) and error.name == package and not _is_there(package):
        return needs(what, [package])
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    return f"{what} needs {package}, which is installed, but cannot be imported here: {said}"


def _imported_when_raised(error: BaseException) -> str | None:
    """Return the package of an extra whose modules were being run, the outermost, when an error was raised."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if frame.f_code.co_name == "<module>" and _is_of_extras(package):
            return package
        trace = trace.tb_next
    return None


def _named(error: BaseException) -> str | None:
    package = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    return package if _is_of_extras(package) else None


def _is_of_extras(package: str) -> bool:
    return any(package in packages for packages in _EXTRAS.values())


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is_there(package: str) -> bool:
    try:
        found = find_spec(package)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin is not None  # a folder without a package in it has no origin
