"""A network that looks in another orientation: exactly what it makes of the scan turned by hand."""

from __future__ import annotations

import pytest
import torch

from ptyproof.foundation.batches import ORIENTATIONS, Batch
from ptyproof.foundation.networks import network_of
from ptyproof.foundation.pool import Pool
from ptyproof.methods.orientations import in_orientation
from ptyproof.training.network import GroupNetwork
from tests.helpers.foundation import DESIGN


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Pool(DESIGN, (0, 1), torch.device("cpu"), 0).batch(0)


def network() -> GroupNetwork:
    torch.manual_seed(5)
    made = network_of(DESIGN)
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return made.eval()


def found(used: GroupNetwork, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        obj: torch.Tensor = used(batch.patterns, batch.start)
    return obj


def test_an_orientation_that_turns_nothing_is_the_network_itself(batch: Batch) -> None:
    alone = found(network(), batch)
    torch.testing.assert_close(found(in_orientation(network(), 0), batch), alone, rtol=0, atol=0)
    assert (found(in_orientation(network(), 3), batch) - alone).abs().max() > 1e-3


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_it_is_what_the_network_makes_of_the_turned_scan_turned_back(batch: Batch, orientation: int) -> None:
    used = network()
    beside = Batch(batch.patterns, found(in_orientation(used, orientation), batch), batch.truth)
    wanted = found(used, batch.turned(orientation))
    torch.testing.assert_close(beside.turned(orientation).start, wanted, rtol=0, atol=2e-5)


def test_the_network_stays_as_it_was(batch: Batch) -> None:
    used = network()
    before = found(used, batch)
    in_orientation(used, 5)
    torch.testing.assert_close(found(used, batch), before, rtol=0, atol=0)
