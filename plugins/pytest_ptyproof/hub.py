"""The artifact hub of a pytest run: where it is, and what the run says about it at its end.

Under pytest-xdist every process works on the same hub; the controller alone tidies up and reports.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_HUB = pytest.StashKey[Path]()
_OUTPUT_KEY = "ptyproof_hub"
_TEMPORARY = "artifact-hub"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the hub."""
    group = parser.getgroup("ptyproof", "ptyproof: evidence for ptychography studies")
    group.addoption(
        "--artifact-hub",
        metavar="DIR",
        help="folder that the evidence of the run goes to (default: a temporary one, named at the end of the run)",
    )
    group.addoption(
        "--keep-datasets",
        action="store_true",
        help="keep the datasets under DIR/work (default: removed once their hashes are in the manifests)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a hub that takes no files before anything runs."""
    name = config.getoption("--artifact-hub")
    if name is None or is_worker(config):
        return
    from ptyproof.errors import InputError
    from ptyproof.io.atomic import writable_folder

    try:
        writable_folder(Path(name), "--artifact-hub")
    except InputError as error:
        raise pytest.UsageError(str(error)) from error


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def artifact_hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the run's evidence: `--artifact-hub DIR`, or a temporary one that the summary names.

    `real_run/` holds logs, manifests and the jobs' artifacts, `work/` the datasets.
    """
    config = request.config
    name = config.getoption("--artifact-hub")
    if name is not None:
        hub = Path(name).resolve()
    else:
        base = tmp_path_factory.getbasetemp()
        hub = (base.parent if is_worker(config) else base) / _TEMPORARY  # a worker's base lies in the controller's
    hub.mkdir(parents=True, exist_ok=True)
    config.stash[_HUB] = hub
    return hub


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the hub's place to the controller; there, remove the datasets whose hashes are in the manifests."""
    config = session.config
    hub = config.stash.get(_HUB, None)
    if hub is None:
        return
    if is_worker(config):
        config.workeroutput[_OUTPUT_KEY] = str(hub)  # type: ignore[attr-defined]
    elif not config.getoption("--keep-datasets"):
        from ptyproof.evidence.run_folder import RunFolder

        RunFolder(hub).remove_datasets()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the hub's place from a worker of pytest-xdist that has ended."""
    name = getattr(node, "workeroutput", {}).get(_OUTPUT_KEY)
    if name is not None:
        node.config.stash[_HUB] = Path(name)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Say what was trained, every skip with its reason, and where the evidence is."""
    hub = config.stash.get(_HUB, None)
    if hub is None:
        return
    from ptyproof.evidence.run_folder import RunFolder

    lines = RunFolder(hub).summary()
    terminalreporter.section("ptyproof: artifact hub")
    for line in lines:
        terminalreporter.write_line(line)
