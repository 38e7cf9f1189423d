"""Packages that the extras of pytest-ptyproof install, and the sentence about one that is missing.

Without an extra everything works that needs none of its packages: simulating, views, comparing, checking, hubs. Nothing
here imports a package; a search that fails, as where somebody keeps a package from being imported, counts as missing.
"""

from __future__ import annotations

from importlib.util import find_spec

from ptyproof.errors import InputError

TRAINING = ("torch", "lightning", "safetensors", "matplotlib")
INFERENCE = ("torch", "safetensors")
ENGINES = ("torch", "torchvision", "ptychi", "matplotlib")  # pty-chi imports Matplotlib, and installs it
_EXTRAS = {
    "train": ("torch", "lightning", "safetensors", "matplotlib"),
    "iterative": ("torch", "torchvision", "ptychi", "h5py"),
}


class MissingExtraError(InputError):
    """Packages that an extra installs are not there, so that nothing was begun."""


def missing(packages: tuple[str, ...]) -> list[str]:
    """Return those of `packages` that are not installed."""
    return [name for name in packages if not _is_there(name)]


def install(packages: list[str]) -> str:
    """Return the command that installs packages of extras: of one where one has them all."""
    alone = [extra for extra, known in _EXTRAS.items() if set(packages) <= set(known)]
    return f"pip install 'pytest-ptyproof[{alone[0] if alone else ','.join(_EXTRAS)}]'"


def require(what: str, packages: tuple[str, ...]) -> None:
    """Raise unless all of `packages` are installed.

    Raises
    ------
    MissingExtraError
        With `what` needs them, their names, and the command that installs them.
    """
    absent = missing(packages)
    if absent:
        raise MissingExtraError(needs(what, absent))


def needs(what: str, absent: list[str]) -> str:
    """Return the sentence about what needs missing packages."""
    verb = "is" if len(absent) == 1 else "are"
    return f"{what} needs {_listed(absent)}, which {verb} not installed: {install(absent)}"


def sentence_about(error: ModuleNotFoundError) -> str | None:
    """Return the sentence about an import that failed as an extra is missing; None for any other module."""
    package = (error.name or "").partition(".")[0]
    if not any(package in packages for packages in _EXTRAS.values()):
        return None
    return needs("this", [package])


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False
