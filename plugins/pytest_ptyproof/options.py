"""The options `--ptyproof-NAME` and the settings `ptyproof_NAME` of the ini file; the command line wins.

Other plugins and conftest files may define `--study`, `--accelerator` and the like: pytest reads conftest files after
plugins, so no short name can be tested for being free, and ptyproof takes none. A file that a setting names is relative
to the folder of the ini file, as pytest has it. `-o ptyproof_NAME=false` takes a flag of the ini file back.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

_Kind = Literal["flag", "text", "list", "number", "count"]
_NUMBERS: dict[_Kind, Callable[[str], float]] = {"number": float, "count": int}
_HAS_NUMBERS = pytest.version_tuple >= (8, 4)  # as settings, which TOML writes without quotes
_INI_TYPES: dict[_Kind, Literal["bool", "args", "string", "float", "int"]] = {
    "flag": "bool",
    "list": "args",
    "text": "string",
    "number": "float" if _HAS_NUMBERS else "string",
    "count": "int" if _HAS_NUMBERS else "string",
}
_EXPECTED: dict[_Kind, str] = {
    "flag": "true or false",
    "list": "words",
    "text": "a text",
    "number": "a number",
    "count": "a whole number",
}


@dataclass(frozen=True)
class _Option:
    """An option and setting; `is_file` tells whether a value of the ini file names a file."""

    kind: _Kind
    help: str
    metavar: str | None = None
    default: Any = None
    is_file: Callable[[str], bool] = lambda _: False


_OPTIONS = {
    "study": _Option(
        "text",
        "study of real runs (default: fly64)",
        "NAME|FILE.toml",
        is_file=lambda value: value.endswith(".toml") or "/" in value,
    ),
    "base-npz": _Option(
        "text",
        "object, probe and positions for the simulation (default: the built-in base of the study)",
        "FILE|builtin",
        "builtin",
        is_file=lambda value: value != "builtin",
    ),
    "accelerator": _Option("text", "device for trainings (default: a GPU if there is one)", "cpu|gpu|auto", "auto"),
    "jobs": _Option(
        "text",
        "jobs that run at once, each with one thread (default: as many as there are cores and as fit into the memory)",
        "N|auto",
        "auto",
    ),
    "executor": _Option(
        "text",
        "where jobs run: local (default, this machine), dask (the workers of a scheduler), slurm, pbs, lsf, sge, "
        "htcondor (allocations of a batch system), or an executor that another package registers",
        "KIND",
        "local",
    ),
    "executor-options": _Option(
        "text",
        "size, queue, limits and number of the allocations: see the documentation of jobs",
        "FILE.toml",
        is_file=lambda _: True,
    ),
    "scheduler": _Option("text", "scheduler of the executor dask, such as tcp://login1:8786", "ADDRESS"),
    "retry": _Option(
        "list",
        "run failed jobs of earlier runs again; lost jobs, whose process died, always run again",
        "failed",
        (),
    ),
    "job-timeout": _Option(
        "number", "end a job that takes longer, and record it as failed (default: no limit)", "SECONDS"
    ),
    "job-memory": _Option(
        "text",
        "memory that a job may allocate on the CPU in addition to its libraries: 4G, 500M (default: no limit)",
        "BYTES",
    ),
    "certify": _Option(
        "flag", "also train each selected job twice in fresh processes, and compare both trainings bit for bit"
    ),
    "certify-mode": _Option(
        "text",
        "resume: kill the second training after half of the epochs, and resume it (default: twice)",
        "twice|resume",
        "twice",
    ),
    "certify-epochs": _Option("count", "compare only the first N epochs (default: all)", "N"),
    "baseline": _Option(
        "text",
        "artifact hub of an earlier run: a test fails if its cell got worse than there (see `ptyproof diff`)",
        "OLD_HUB",
        is_file=lambda _: True,
    ),
    "tolerance": _Option(
        "number",
        "relative difference beyond which a metric is worse than in the baseline (default: 0.02)",
        "FRACTION",
    ),
    "keep-datasets": _Option(
        "flag", "keep the datasets under DIR/work (default: remove them after the manifests record their hashes)"
    ),
    "anonymous": _Option(
        "flag", "replace the names of host, processor and GPU by marks that only this machine recognizes"
    ),
    "collect-stray": _Option(
        "flag", "move stray logs (setting ptyproof_stray) from the current folder to DIR/cli/stray in the hub"
    ),
}

_OF_COMMANDS = re.compile(rf"(?<![\w-])--({'|'.join(_OPTIONS)})(?![\w-])")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add every option, and a setting for each."""
    group = parser.getgroup("ptyproof", "ptyproof: evidence for ptychography studies")
    for name, option in _OPTIONS.items():
        how: dict[str, Any] = {"dest": _dest(name), "default": None, "help": option.help}
        if option.kind == "flag":
            how["action"] = "store_true"
        else:
            how["metavar"] = option.metavar
        if option.kind == "list":
            how["action"] = "append"
        if option.kind in _NUMBERS:
            how["type"] = _NUMBERS[option.kind]
        group.addoption(spelled(name), **how)
        parser.addini(_dest(name), option.help, _INI_TYPES[option.kind], None)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None]:
    """Refuse the old name of an option with the new one, unless a conftest file or a plugin defines it.

    Here every conftest file that can define options is loaded, and pytest has not yet refused what it does not know.
    """
    yield
    _, unknown = parser.parse_known_and_unknown_args(args, copy.copy(early_config.option))
    for word in unknown:
        old = word.partition("=")[0]
        name = old.removeprefix("--")
        if old.startswith("--") and name in _OPTIONS:
            raise pytest.UsageError(
                f"{old} was renamed: use {spelled(name)} instead, or {_dest(name)} in {_ini(early_config)}"
            )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a setting of the wrong type before anything runs."""
    for name in _OPTIONS:
        value_of(config, name)


def spelled(name: str) -> str:
    """Return how an option is written on the command line: `--ptyproof-study` for `study`."""
    return f"--ptyproof-{name}"


def value_of(config: pytest.Config, name: str) -> Any:
    """Return the value of an option: of the command line, else of the ini file, else its default.

    Raises
    ------
    pytest.UsageError
        If the ini file has a value of another type.
    """
    option = _OPTIONS[name]
    given = config.getoption(_dest(name))
    if given is not None:
        return given
    found = _setting(config, name, option)
    return option.default if found is None else found


def on_command_line(config: pytest.Config, *names: str) -> bool:
    """Tell whether the command line has one of these options; what the ini file sets is for real runs alone."""
    return any(config.getoption(_dest(name)) is not None for name in names)


def settings(config: pytest.Config) -> list[str]:
    """Return the options that the ini file sets and the command line does not, as a command line would have them."""
    found: list[str] = []
    for name, option in _OPTIONS.items():
        written = None if on_command_line(config, name) else config.getini(_dest(name))
        for value in written if isinstance(written, list) else [written]:
            if value is True:
                found.append(spelled(name))
            elif value not in (None, False, "", option.default):
                found.append(f"{spelled(name)}={value}")
    return found


def in_pytest_words(text: str) -> str:
    """Return a sentence of the layers below, which know the options of commands, with the names that pytest's have."""
    return _OF_COMMANDS.sub(lambda found: spelled(found[1]), text)


def _setting(config: pytest.Config, name: str, option: _Option) -> Any:
    try:
        found = config.getini(_dest(name))
        if found is None or found in ("", []):
            return None
        if option.kind in _NUMBERS:
            return _NUMBERS[option.kind](found)
    except (ValueError, TypeError, pytest.UsageError) as error:
        said = f"{_ini(config)}: {_dest(name)} must be {_EXPECTED[option.kind]}: {error}"
        raise pytest.UsageError(said) from error
    if not (isinstance(found, str) and option.is_file(found)):
        return found
    folder = config.invocation_params.dir if config.inipath is None else config.inipath.parent
    return str(folder / Path(found).expanduser())


def _dest(name: str) -> str:
    return f"ptyproof_{name.replace('-', '_')}"


def _ini(config: pytest.Config) -> str:
    return "an ini file" if config.inipath is None else config.inipath.name
