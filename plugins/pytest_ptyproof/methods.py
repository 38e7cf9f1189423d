"""The reconstruction methods that plugins, conftest files and test modules register by a hook."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.shared import study_of

if TYPE_CHECKING:
    from ptyproof.evidence.registry import Guest, Provider

_HOOK = "ptyproof_register_methods"
_OF_MODULES = pytest.StashKey[list[tuple[object, str]]]()
_ORDER = pytest.StashKey[tuple[str, ...]]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hooks known."""
    from pytest_ptyproof import hookspec

    pluginmanager.add_hookspecs(hookspec)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Take the methods of a test module that implements the hook: it is no plugin, so pytest does not call it."""
    report = yield
    if isinstance(collector, pytest.Module) and report.passed and hasattr(collector.obj, _HOOK):
        name = collector.path.name
        if _ORDER in collector.config.stash:
            raise pytest.UsageError(
                f"{name} registers methods after the study's tests were collected: name the file before them, or "
                f"register in a conftest.py"
            )
        found = collector.config.stash.setdefault(_OF_MODULES, [])
        found.extend((method, name) for method in getattr(collector.obj, _HOOK)())
    return report


def registered_methods(config: pytest.Config) -> tuple[tuple[object, Provider], ...]:
    """Return the methods of the hook, each with who has registered it: a distribution, or a module's or file's name."""
    from ptyproof.evidence.registry import Provider

    manager = config.pluginmanager
    installed = {id(plugin): dist for plugin, dist in manager.list_plugin_distinfo()}
    found: list[tuple[object, Provider]] = []
    for implementation in getattr(config.hook, _HOOK).get_hookimpls():
        dist: Any = installed.get(id(implementation.plugin))
        if dist is None:  # the name of a conftest is its path
            provider = Provider(Path(implementation.plugin_name).name)
        else:
            provider = Provider(dist.project_name, dist.version)
        found += [(method, provider) for method in implementation.function()]
    found += [(method, Provider(name)) for method, name in config.stash.get(_OF_MODULES, [])]
    return tuple(found)


def guests_of(config: pytest.Config) -> list[Guest]:
    """Return the methods that did not come with ptyproof, of entry points and of the hook."""
    from ptyproof.evidence.registry import guests

    return guests(registered_methods(config))


def method_names(config: pytest.Config) -> tuple[str, ...]:
    """Return the names of the study's methods; from then on no more can be registered."""
    if _ORDER not in config.stash:
        from ptyproof.errors import InputError
        from ptyproof.evidence.registry import method_order

        try:
            config.stash[_ORDER] = method_order(study_of(config), guests_of(config))
        except InputError as error:
            raise pytest.UsageError(str(error)) from error
    return config.stash[_ORDER]
