"""The reconstruction methods that plugins, conftest files and test modules register by a hook.

pytest itself calls hooks whose names begin with `pytest_`; this one is asked for here.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof import hookspec
from pytest_ptyproof.shared import study_of

if TYPE_CHECKING:
    from ptyproof.methods.registry import Guest, Provider

_HOOK = "ptyproof_register_methods"
_OF_MODULES = pytest.StashKey[dict[str, list[tuple[object, str]]]]()
_ORDER = pytest.StashKey[tuple[str, ...]]()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Take the methods of a test module that implements the hook: it is no plugin, so pytest does not call it."""
    report = yield
    if isinstance(collector, pytest.Module) and report.passed:
        _take(collector.config, collector.obj)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the methods of a test module before its own tests are parametrized over them."""
    _take(metafunc.config, metafunc.module)


def _take(config: pytest.Config, module: ModuleType) -> None:
    if not hasattr(module, _HOOK):
        return
    taken = config.stash.setdefault(_OF_MODULES, {})
    if module.__name__ in taken:
        return
    name = Path(module.__file__ or module.__name__).name
    if _ORDER in config.stash:
        raise pytest.UsageError(
            f"{name} registers methods after the study's tests were collected: name the file before them, or register "
            f"in a conftest.py"
        )
    taken[module.__name__] = [(method, name) for method in getattr(module, _HOOK)()]


def registered_methods(config: pytest.Config) -> tuple[tuple[object, Provider], ...]:
    """Return the methods of the hook, each with who has registered it: a distribution, or a module's or file's name."""
    from ptyproof.methods.registry import Provider

    manager = config.pluginmanager
    installed = {id(plugin): dist for plugin, dist in manager.list_plugin_distinfo()}
    found: list[tuple[object, Provider]] = []
    for plugin_name, plugin in manager.list_name_plugin():
        register = getattr(plugin, _HOOK, None)
        if register is None or plugin is hookspec:
            continue
        dist: Any = installed.get(id(plugin))
        # the name of a conftest is its path
        provider = Provider(Path(plugin_name).name) if dist is None else Provider(dist.project_name, dist.version)
        found += [(method, provider) for method in register()]
    for methods in config.stash.get(_OF_MODULES, {}).values():
        found += [(method, Provider(name)) for method, name in methods]
    return tuple(found)


def guests_of(config: pytest.Config) -> list[Guest]:
    """Return the methods that did not come with ptyproof, of entry points and of the hook."""
    from ptyproof.methods.registry import guests

    return guests(registered_methods(config))


def method_names(config: pytest.Config) -> tuple[str, ...]:
    """Return the names of the study's methods; from then on no more can be registered."""
    if _ORDER not in config.stash:
        from ptyproof.errors import InputError
        from ptyproof.methods.registry import method_order

        try:
            config.stash[_ORDER] = method_order(study_of(config), guests_of(config))
        except InputError as error:
            raise pytest.UsageError(str(error)) from error
    return config.stash[_ORDER]
