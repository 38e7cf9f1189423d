"""Where the options of a run come from: its command line, which is recorded, the environment, or an ini file."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from pytest_ptyproof.options import settings

_VARIABLE = "PYTEST_ADDOPTS"
_CHOOSING = {"-k": "keyword", "-m": "markexpr", "--deselect": "deselect"}


class CommandOptions:
    """The options of a run, those of its command line told from the others."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        args = [os.fspath(arg) for arg in config.invocation_params.args]
        self._files = [arg for arg in args if arg.startswith("@")]  # files of arguments, which are read in their place
        self._typed: Namespace = config._parser.parse_known_args([arg for arg in args if arg not in self._files])

    def others(self) -> list[dict[str, Any]]:
        """Return the options that the command line does not show, each with its source."""
        found = {_VARIABLE: shlex.split(os.environ.get(_VARIABLE, ""))}
        path = self._config.inipath
        of_file = [*(str(one) for one in self._config.getini("addopts")), *settings(self._config)]
        found["ini file" if path is None else path.name] = of_file
        folder = self._config.invocation_params.dir
        for name in self._files:
            found[name] = (folder / name[1:]).read_text("utf-8", "backslashreplace").splitlines()
        return [{"source": source, "options": options} for source, options in found.items() if options]

    def is_typed(self, option: str) -> bool:
        """Tell whether the command line alone gives -k, -m or --deselect its value."""
        name = _CHOOSING.get(option)
        return name is not None and getattr(self._typed, name, None) == getattr(self._config.option, name, None)

    def named(self, by: str) -> str:
        """Return -k, -m or --deselect with where it comes from; anything else as it is."""
        return f"{by} of {self._sources()}" if by in _CHOOSING else by

    def ignores(self, path: Path) -> str | None:
        """Return why the command line does not ignore a file that was ignored; None where it does."""
        if _is_ignored(path, self._typed, self._config.invocation_params.dir):
            return None
        if _is_ignored(path, self._config.option, self._config.invocation_params.dir):
            return f"it is ignored by an option of {self._sources()}"
        return "it is ignored by a conftest.py or a plugin"

    def chosen(self) -> list[str]:
        """Return what else than the command line chose the tests, in sentences."""
        said = []
        typed, all_named = (getattr(one, "file_or_dir", None) or [] for one in (self._typed, self._config.option))
        if all_named and not typed:
            said.append(f"{', '.join(map(str, all_named))} named by {self._sources()}, and no test by the command line")
        cache = getattr(self._config, "cache", None)
        if getattr(self._config.option, "lf", False) and cache is not None and cache.get("cache/lastfailed", {}):
            said.append("--last-failed chose tests by an earlier run")
        return said

    def _sources(self) -> str:
        return " or ".join(one["source"] for one in self.others()) or "another source"


def _is_ignored(path: Path, options: Namespace, start: Path) -> bool:
    # as pytest does it: links are not resolved
    folders = [_absolute(start, name) for name in getattr(options, "ignore", None) or []]
    globs = [_absolute(start, name) for name in getattr(options, "ignore_glob", None) or []]
    return any(path.is_relative_to(folder) for folder in folders) or any(
        fnmatch(str(path), str(glob)) for glob in globs
    )


def _absolute(start: Path, name: str) -> Path:
    return Path(os.path.normpath(start / name))
