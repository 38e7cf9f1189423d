"""Tests that train or reconstruct where the extra `train` is not there, or is broken: one sentence for their errors."""

from __future__ import annotations

import pytest

from pytest_ptyproof.hub import is_worker
from pytest_ptyproof.marker import MARKER

_ABSENT = pytest.StashKey[str | None]()
_IN_THIS_PROCESS = ("torch",)  # the processes of jobs import the others
_TRAINING = frozenset(
    f"ptyproof_{name}"
    for name in (
        *("training_job", "train_job", "training_manifest", "certify_job"),
        *("reconstruction_job", "reconstruction_manifest", "comparison_cell", "comparison_manifest"),
    )
)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop a real run of which tests cannot run, before any of it: one whose rest passes would look like a success."""
    config = session.config
    if config.option.collectonly or is_worker(config):
        return
    blocked = [item for item in session.items if _trains(item) and item.get_closest_marker(MARKER)]
    if blocked and (absent := _absent(config)):
        raise pytest.UsageError(f"{len(blocked)} of the {len(session.items)} selected tests cannot run: {absent}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let any other test that trains end in the same sentence: one of a user, or one in a worker of pytest-xdist."""
    if _trains(item) and (absent := _absent(item.config)):
        pytest.fail(absent, pytrace=False)


def _trains(item: pytest.Item) -> bool:
    return not _TRAINING.isdisjoint(getattr(item, "fixturenames", ()))


def _absent(config: pytest.Config) -> str | None:
    """Return the sentence about packages that are missing or broken, None where all are fine; looked for once."""
    if _ABSENT not in config.stash:
        from ptyproof.extras import TRAINING, broken, missing, needs

        what, absent = "the study's training", missing(TRAINING)
        config.stash[_ABSENT] = needs(what, absent) if absent else broken(what, _IN_THIS_PROCESS)
    return config.stash[_ABSENT]
