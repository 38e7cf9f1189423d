"""The artifact hub of a pytest run: where it is, and what the run says about it at its end.

Under pytest-xdist every process works on the same hub; the controller alone tidies up and reports.
"""

from __future__ import annotations

import tempfile
import uuid
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from pytest_ptyproof.options import value_of

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_PLACE = pytest.StashKey[Path]()  # where the hub would be
_HUB = pytest.StashKey[Path]()  # where it is, once a test has asked for it
_HAS_PAGE = pytest.StashKey[bool]()  # whether this run has written the report page
_SAID = pytest.StashKey[list[str]]()  # what became of the report page and of the datasets
_KEY = "ptyproof_hub"
_CONFIGURATIONS = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the hub."""
    group = parser.getgroup("ptyproof", "ptyproof: evidence for ptychography studies")
    group.addoption(
        "--artifact-hub",
        dest="ptyproof_artifact_hub",
        metavar="DIR",
        help="folder for the evidence of the run (default: a temporary folder, printed at the end of the run)",
    )


@pytest.hookimpl(tryfirst=True)  # the others ask where the hub is
def pytest_configure(config: pytest.Config) -> None:
    """Choose the hub's place, and refuse one that takes no files before anything runs."""
    if value_of(config, "anonymous"):
        _be_anonymous(config)
    name = config.getoption("--artifact-hub")
    if is_worker(config):
        config.stash[_PLACE] = Path(config.workerinput[_KEY])  # type: ignore[attr-defined]
    elif name is None:
        config.stash[_PLACE] = Path(tempfile.gettempdir()).resolve() / f"ptyproof-hub-{uuid.uuid4().hex[:12]}"
    else:
        config.stash[_PLACE] = Path(name).resolve()
    if name is None or is_worker(config):
        return
    if _took_hub_for_root(config, Path(name)):
        raise pytest.UsageError(
            f"pytest took {name} for a path of tests, so it does not read the configuration of the project in "
            f"{config.invocation_params.dir}: write --artifact-hub={name}, with ="
        )
    if config.option.collectonly:
        return
    _make_folder(config, Path(name))


def _make_folder(config: pytest.Config, hub: Path) -> None:
    """Make the hub's folder; a run that leaves nothing in it, as one whose other options are refused, removes it."""
    from ptyproof.errors import InputError
    from ptyproof.io.atomic import writable_folder

    missing = [folder for folder in (hub, *hub.parents) if not folder.exists()]
    try:
        writable_folder(hub, "--artifact-hub")
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    config.add_cleanup(partial(_remove_empty, [folder.resolve() for folder in missing]))


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):  # the first that is not empty keeps those above it
        for folder in folders:
            folder.rmdir()


def _be_anonymous(config: pytest.Config) -> None:
    from ptyproof.provenance.anonymity import anonymity

    block = ExitStack()
    config.add_cleanup(block.close)
    block.enter_context(anonymity(True))


def _took_hub_for_root(config: pytest.Config, hub: Path) -> bool:
    """Tell whether pytest looked for the project where the hub is.

    Pytest finds its root before it knows a plugin's options; a folder behind a space is a place of tests for it.
    """
    here = config.invocation_params.dir
    if config.inipath is not None or not hub.is_dir() or (here / hub).resolve().is_relative_to(here):
        return False
    if str(hub) not in config.invocation_params.args:
        return False
    return any((folder / name).is_file() for folder in (here, *here.parents) for name in _CONFIGURATIONS)


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def hub_place(config: pytest.Config) -> Path:
    """Return where the hub is, or would be if a test asked for it."""
    return config.stash[_PLACE]


def hub_in_use(config: pytest.Config) -> Path | None:
    """Return the hub if a test of this run has asked for it."""
    return config.stash.get(_HUB, None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the hub is."""
    node.workerinput[_KEY] = str(node.config.stash[_PLACE])


@pytest.fixture(scope="session")
def ptyproof_artifact_hub(request: pytest.FixtureRequest) -> Path:
    """Folder of the run's evidence: `--artifact-hub DIR`, or a temporary folder that the last lines name.

    `real_run/` holds logs, manifests and the jobs' artifacts, `work/` the datasets.
    """
    hub = request.config.stash[_PLACE]
    hub.mkdir(parents=True, exist_ok=True)
    request.config.stash[_HUB] = hub
    return hub


@pytest.fixture(scope="session")
def artifact_hub(ptyproof_artifact_hub: Path) -> Path:
    """Folder of the run's evidence, under the name of its option; ptyproof itself uses the longer name."""
    return ptyproof_artifact_hub


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand the hub's place to the controller; there, write the report and remove the datasets that are recorded.

    An interrupted run ends at once: its report can be written later, and its datasets are for the run that goes on.
    """
    config = session.config
    hub = config.stash.get(_HUB, None)
    if hub is None:
        return
    if is_worker(config):
        config.workeroutput[_KEY] = str(hub)  # type: ignore[attr-defined]
        return
    from ptyproof.errors import PtyproofError
    from ptyproof.runs.folder import RunFolder

    folder = RunFolder(hub)
    if not folder.manifest_path.is_file():
        return
    with suppress(PtyproofError):  # the summary says what is wrong
        folder.fold()  # a worker that died has left the journals
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        config.stash[_SAID] = ["no report page was written, as the run was interrupted; see `ptyproof report --help`"]
        return
    written, line = _report(hub)  # while the datasets are there
    config.stash[_HAS_PAGE] = written
    config.stash[_SAID] = [line]  # the last one
    if value_of(config, "keep-datasets"):
        return
    kept = folder.datasets_stay() if written else "the report has no pictures of them yet"
    if kept is None:
        folder.remove_datasets()
    else:
        config.stash[_SAID].insert(0, f"the datasets under work/ stay: {kept}")


def write_page_again(config: pytest.Config) -> None:
    """Write the page once more if this run has written it, as the answer on top of it needs the end of the run."""
    if config.stash.get(_HAS_PAGE, False):
        _report(config.stash[_HUB])


def _report(hub: Path) -> tuple[bool, str]:
    """Write the report page; return whether it was, and a line. What goes wrong here must not cost a run its end."""
    from ptyproof.report.page import write_report

    try:
        return True, f"report: {write_report(hub)[0]}"
    except Exception as error:  # noqa: BLE001 - the page can be written again from the manifests
        said = f"the report page could not be written ({type(error).__name__}: {error}); see `ptyproof report --help`"
        return False, said


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the hub's place from a worker of pytest-xdist that has ended."""
    name = getattr(node, "workeroutput", {}).get(_KEY)
    if name is not None:
        node.config.stash[_HUB] = Path(name)


def pytest_terminal_summary(terminalreporter: TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Say what was trained, every skip with its reason, where the evidence is, and how an interrupted run goes on."""
    hub = config.stash.get(_HUB, None)
    if hub is None:
        return
    from ptyproof.runs.folder import RunFolder
    from ptyproof.runs.summary import summary

    lines = summary(RunFolder(hub), terminalreporter._tw.fullwidth)
    said = config.stash.get(_SAID, None)
    if said is not None:
        lines += said
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        from ptyproof.exit_statuses import sentence_of

        said_of_interrupts = sentence_of(KeyboardInterrupt())
        assert said_of_interrupts is not None
        lines.append(said_of_interrupts[0])
    terminalreporter.write_sep("=", "ptyproof: artifact hub")
    for line in lines:
        terminalreporter.write_line(plain(line))
